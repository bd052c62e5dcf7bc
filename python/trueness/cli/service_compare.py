"""`trueness service-compare`: two serving runs, or several of each."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from trueness.errors import UsageError

LEVELS = ("debug", "info", "warning", "error", "fatal", "critical")
FAIL_ON = ("worse", "unclear", "better", "never")
msserviceprofiler = typer.Typer(add_completion=False, rich_markup_mode=None)
UNITS = {"ms": 1.0, "s": 1e3, "us": 1e-3}
# typer reads these while Python 3.10 is running, which knows no `str | None` at run time here.
_Text = Optional[str]  # noqa: UP045
_Texts = Optional[list[str]]  # noqa: UP045

Input = Annotated[
    _Text, typer.Argument(metavar="INPUT", help="The run to judge; or a folder of runs.")
]
Golden = Annotated[_Text, typer.Argument(metavar="GOLDEN", help="The run it should keep up with.")]
MoreInput = Annotated[_Texts, typer.Option("--input", help="A run of the input side; repeatable.")]
MoreGolden = Annotated[
    _Texts, typer.Option("--golden", help="A run of the golden side; repeatable.")
]
OutputPath = Annotated[str, typer.Option("--output-path", "-o", help="Folder of the reports.")]
SloLimits = Annotated[
    _Text, typer.Option("--slo", help="What a good request keeps, such as ttft=500ms,tpot=50ms.")
]
Tolerance = Annotated[
    _Texts, typer.Option("--tolerance", help="5% for all metrics, or ttft=10%; repeatable.")
]
Where = Annotated[
    _Texts,
    typer.Option("--where", metavar="KEY=VALUE", help="Only runs of this setting; repeatable."),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on", help="Verdicts that make the exit code 1: worse, unclear, with commas."
    ),
]
Level = Annotated[str, typer.Option("--log-level", "-l", help="debug also shows tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")]


def service_compare(
    input_path: Input = None,
    golden_path: Golden = None,
    more_input: MoreInput = None,
    more_golden: MoreGolden = None,
    output_path: OutputPath = "compare_result",
    slo: SloLimits = None,
    tolerance: Tolerance = None,
    where: Where = None,
    fail_on: FailOn = "never",
    log_level: Level = "info",
    quiet: Quiet = False,
) -> None:
    """Compare the performance of two serving runs.

    \b
    trueness service-compare input_folder golden_folder
    trueness service-compare new.json old.json --slo ttft=500ms,tpot=50ms --fail-on worse
    trueness service-compare --input new1 --input new2 --golden old1 --golden old2 -o out

    Reads what msserviceprofiler analyze writes (CSV, profiler.db), raw collector databases, and
    results of vLLM bench serve, sglang bench_serving, GenAI-Perf, AIPerf and guidellm.

    Exit codes: 0 compared, 1 a verdict of --fail-on or something that could not be read, 2 the
    comparison could not run."""
    from trueness.service import service_compare as compare
    from trueness.service.to_terminal import print_comparison

    if log_level.lower() not in LEVELS:
        raise UsageError(f"no log level is called {log_level!r}; known: {', '.join(LEVELS)}")
    logging.getLogger("trueness").setLevel(log_level.upper())
    failing = _verdicts(fail_on)
    outcome = compare(
        _paths("INPUT", input_path, more_input),
        _paths("GOLDEN", golden_path, more_golden),
        Path(output_path),
        slo=slo_of(slo or ""),
        tolerance=tolerance_of(tolerance or []),
        where=_pairs("--where", where or []),
    )
    if not quiet:
        print_comparison(outcome.comparison, outcome.files, sys.stdout)
    bad = any(outcome.comparison.count(verdict) for verdict in failing)
    raise typer.Exit(1 if bad or outcome.comparison.incomplete else 0)


def _paths(side: str, argument: str | None, options: list[str] | None) -> list[Path]:
    paths = [Path(text) for text in ([argument] if argument else []) + (options or [])]
    if not paths:
        raise UsageError(f"{side} is missing; see trueness service-compare --help")
    return paths


def _verdicts(text: str) -> list[str]:
    asked = [name.strip() for name in text.split(",") if name.strip()]
    for name in asked:
        if name not in FAIL_ON:
            raise UsageError(f"--fail-on is {name!r}; known: {', '.join(FAIL_ON)}")
    return [name for name in asked if name != "never"]


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{option} is {text!r}; give KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def slo_of(text: str) -> dict[str, float]:
    """Limits in ms of `ttft=500ms,tpot=50ms`; a number without unit is ms. Raises UsageError."""
    from trueness.service.samples import SLO_KEYS

    limits = {}
    for key, value in _pairs("--slo", [part for part in text.split(",") if part.strip()]).items():
        unit = next((unit for unit in UNITS if value.endswith(unit)), "")
        try:
            limit = float(value.removesuffix(unit)) * UNITS.get(unit, 1.0)
        except ValueError:
            limit = -1.0
        if key not in SLO_KEYS or not 0 < limit < float("inf"):
            known = ", ".join(SLO_KEYS)
            raise UsageError(f"--slo is {key}={value}; give one of {known} and a time, 500ms")
        limits[key] = limit
    return limits


def tolerance_of(texts: list[str]) -> dict[str, float]:
    """Shares by metric key of `ttft=10%`, under "" of `5%`. Raises UsageError."""
    from trueness.service.catalogue import BY_KEY

    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key, value = (key, value) if equals else ("", key)
        try:
            share = float(value.strip().removesuffix("%")) / 100
        except ValueError:
            share = -1.0
        if (key and key not in BY_KEY) or not 0 <= share < 10:
            raise UsageError(f"--tolerance is {text!r}; give 5% or one of {', '.join(BY_KEY)} =5%")
        found[key] = share
    return found


@msserviceprofiler.callback()
def _as_before() -> None:
    """`trueness msserviceprofiler compare INPUT GOLDEN`, for scripts that call the tool of that
    name."""


msserviceprofiler.command("compare")(service_compare)
