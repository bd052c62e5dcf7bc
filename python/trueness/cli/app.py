"""The command `trueness`: one file a verb, exit codes, errors. The verbs import what is heavy when
they run, so that help is quick."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TextIO

import typer

from trueness.cli.verbs import Verbs
from trueness.errors import TruenessError

COULD_NOT_RUN = 2

app = typer.Typer(
    name="trueness",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"trueness {version('trueness')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Compare what a model computed with what it should have computed, tensor by tensor.

    Exit codes: 0 every pair passes, 1 something differs or could not be compared, 2 the comparison
    could not run."""


def _print_any_name(out: TextIO) -> None:
    """Names in dumps, and paths, can be what the encoding of the output cannot say."""
    if isinstance(out, TextIOWrapper) and out.errors == "strict":
        out.reconfigure(errors="backslashreplace")


def _collect_seldom() -> None:
    """Modules, names and rows form no cycles that ever become garbage; to look for some among
    millions of objects takes a fifth of a comparison."""
    gc.set_threshold(100_000, 20, 100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. What goes wrong is one line on stderr, with
    a traceback at log level debug."""
    _print_any_name(sys.stdout)
    _collect_seldom()
    try:
        app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="trueness")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except (TruenessError, OSError) as error:
        _print_trace()
        print(f"trueness: {_said(error)}", file=sys.stderr)
        return COULD_NOT_RUN
    return 0


def _print_trace() -> None:
    import logging
    import traceback

    if logging.getLogger("trueness").isEnabledFor(logging.DEBUG):
        traceback.print_exc()


def _said(error: TruenessError | OSError) -> str:
    """What the system refuses, without the number it has for that."""
    if isinstance(error, TruenessError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
