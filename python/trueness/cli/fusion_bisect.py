"""`trueness fusion-bisect`: the optimiser rule that changes what a model computes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from trueness.cli import options

_Text = Optional[str]  # noqa: UP045 - typer reads it while Python 3.10 is running


def fusion_bisect(
    model: Annotated[Path, typer.Argument(help="An .onnx model.")],
    given: Annotated[_Text, typer.Option("--input", "-i", help="Files, with commas.")] = None,
    dym_shape: Annotated[_Text, typer.Option(help="Shapes of inputs: name:1,600.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="For random inputs.")] = 0,
    level: Annotated[str, typer.Option(help="basic, extended or all.")] = "all",
    standard: options.StandardName = None,
    as_json: options.Json = False,
) -> None:
    """Find the rule of ONNX Runtime's optimiser that changes the outputs of a model beyond a
    standard.

    \b
    trueness fusion-bisect model.onnx
    trueness fusion-bisect model.onnx --input a.npy --standard bitwise

    Exit codes: 0 the optimised model passes, 1 it does not, 2 it could not run."""
    from trueness.benchmark.fusion_bisect import bisect
    from trueness.benchmark.one_run import feeds_of
    from trueness.errors import UsageError

    if level not in ("basic", "extended", "all"):
        raise UsageError(f"no level is called {level!r}: basic, extended or all")
    feeds = feeds_of(str(model), given, dym_shape, seed)
    found = bisect(str(model), feeds, level=level, standard=standard, on_try=_progress())
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    elif found.passes:
        print(f"level {level} computes what the model as it is does")
    else:
        print(f"level {level} does not compute what the model as it is does: {found.reason}")
        if found.passes_without_all:
            print(f"it does without {', '.join(found.rules)}")
            print(f"to leave it out: --fusion-disable {','.join(found.rules)}")
        else:
            print("it does not without any rule that can be left out either; try --level basic")
    raise typer.Exit(0 if found.passes else 1)


def _progress() -> Callable[[int], object]:
    def show(count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{count} sessions tried", end="", file=sys.stderr, flush=True)

    return show
