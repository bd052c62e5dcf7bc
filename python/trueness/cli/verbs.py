"""The verbs of the command, each loaded when it is run: help needs the first sentence only."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

VERBS: Mapping[str, tuple[str, str]] = {
    "compare": ("compare.compare", "Compare two files or two dump folders."),
    "aclcmp": (
        "aclcmp.aclcmp",
        "Run a program that calls trueness.dump.set_label, and compare what it labelled.",
    ),
    "demo": (
        "demo.demo",
        "Write two small dumps of one model, one operator of which is wrong, and find it.",
    ),
    "diff-reports": (
        "diff_reports.diff_reports_command",
        "Say what got better, worse, new and gone between two reports, by rank, token, operator, "
        "io and index.",
    ),
    "replay": (
        "replay.replay_command",
        "Run operators again in float64 on my dumped inputs: their own error, free of what they "
        "inherited.",
    ),
    "benchmark": (
        "benchmark.benchmark",
        "Run a model: times, results, and with --dump every tensor, with --profiler the time of "
        "every operator.",
    ),
    "fusion-bisect": (
        "fusion_bisect.fusion_bisect",
        "Find the rule of ONNX Runtime's optimiser that changes the outputs of a model beyond a "
        "standard.",
    ),
    "inspect": (
        "inspect.inspect_command",
        "Show what a file holds: header, warnings, and each tensor with its statistics.",
    ),
    "convert": (
        "convert.convert_command",
        "Write each tensor to a file of its own: {file}.{io}.{i}.npy and so on.",
    ),
    "standards": (
        "standards.standards",
        "List the standards, or show one: its demands by dtype, its rules, its source.",
    ),
    "service-compare": (
        "service_compare.service_compare",
        "Compare the performance of two serving runs.",
    ),
    "msserviceprofiler": ("service_compare.msserviceprofiler", ""),
}
"""Module and name in this package, and how its help begins; "" for one that help does not list."""


class Verbs(TyperGroup):
    """Lists the verbs by what VERBS says of them, and runs the real ones."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, text) in VERBS.items():
            self.add_command(TyperCommand(name, help=text, hidden=not text))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and verb(command.name or ""), rest


def verb(name: str) -> TyperCommand | TyperGroup:
    """The command or group of that name, with all its options."""
    module, _, attribute = VERBS[name][0].partition(".")
    found = getattr(import_module(f"trueness.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        function = found
        found = typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(name)(function)
    made = get_command(found)
    assert isinstance(made, (TyperCommand, TyperGroup))
    return made
