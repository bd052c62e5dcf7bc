"""`trueness benchmark`: a model run, measured, dumped or profiled."""

from __future__ import annotations

import inspect
import logging
import sys
from dataclasses import MISSING, fields
from typing import Annotated, Any, Optional

import typer

from trueness.benchmark.options import Flag, Options
from trueness.errors import UsageError


def benchmark(**given: Any) -> None:
    """Run a model: times, results, and with --dump every tensor, with --profiler the time of every
    operator. Any machine runs .onnx and .pt2; .om needs an Ascend device.

    \b
    trueness benchmark --om-model model.onnx --loop 20
    trueness benchmark --om-model model.onnx --input a.npy --output out --dump 1
    trueness benchmark --om-model model.onnx --output out --profiler 1
    trueness benchmark -om model.onnx --dym-shape "x:1,3,224,224" --fusion off --dump 1 -o out

    Exit codes: 0 all went well, 1 a part failed, 2 it could not run."""
    from trueness.benchmark.run import benchmark as run

    options = Options(**{name: _parsed(name, text) for name, text in given.items() if text})
    logging.basicConfig(stream=sys.stderr, format="[%(levelname)s] %(message)s")
    level = logging.DEBUG if options.debug else logging.INFO
    logging.getLogger("trueness.benchmark").setLevel(level)
    raise typer.Exit(run(options, sys.argv))


def _flags() -> dict[str, Flag]:
    return {field.name: field.metadata["flag"] for field in fields(Options)}


def _parsed(name: str, text: str) -> Any:
    flag = _flags()[name]
    try:
        return flag.parse(text)
    except UsageError as error:
        raise UsageError(f"{flag.spellings[0]}: {error}") from None


def _signature() -> inspect.Signature:
    """Every field of Options as an option that takes a text."""
    parameters = []
    for field in fields(Options):
        flag: Flag = field.metadata["flag"]
        shown = _shown(field.default)
        text = f"{flag.help}{f' [{shown}]' if shown and '[' not in flag.help else ''}"
        kind = Annotated[
            Optional[str],  # noqa: UP045 - typer reads it while Python 3.10 is running
            typer.Option(*flag.spellings, help=text, show_default=False),
        ]
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
            )
        )
    return inspect.Signature(parameters)


def _shown(default: Any) -> str:
    if default in (MISSING, None, "", ()) or default is False or default == 0:
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "1" if default is True else str(default)


benchmark.__signature__ = _signature()  # type: ignore[attr-defined]
benchmark.__annotations__ = {
    parameter.name: parameter.annotation for parameter in _signature().parameters.values()
}
