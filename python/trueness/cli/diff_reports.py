"""`trueness diff-reports`: what changed from one run to the next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueness.cli import options
from trueness.cli.table import print_table
from trueness.errors import UsageError

if TYPE_CHECKING:
    from trueness.report.diff import Change, ReportDiff
    from trueness.report.read_report import Key, Row

_HEAD = ("operator", "tensor", "old error", "new error", "old verdict", "new verdict")
_Kind = tuple[str, "Sequence[Change]"]


def diff_reports_command(
    old: Annotated[Path, typer.Argument(help="The CSV or Parquet report of the earlier run.")],
    new: Annotated[Path, typer.Argument(help="That of the later run.")],
    ratio: Annotated[
        float, typer.Option(min=1.0, help="How many times an error must change to count.")
    ] = 2.0,
    top: options.Top = 10,
    as_json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what got better, worse, new and gone between two reports, by rank, token, operator, io
    and index. Changes that rounding explains do not count.

    \b
    trueness diff-reports before.csv after.csv
    trueness diff-reports main.parquet branch.parquet --markdown >> comment.md

    Exit codes: 0 nothing is worse, 1 something is worse or gone, 2 the reports could not be
    compared."""
    from trueness.report.diff import diff_reports
    from trueness.report.read_report import read_report

    if as_json and markdown:
        raise UsageError("--json and --markdown: give one of them")
    found = diff_reports(read_report(old), read_report(new), ratio)
    if as_json:
        _print_json(found)
    elif markdown:
        _print_markdown(found, top)
    elif not quiet:
        _print(found, top)
    raise typer.Exit(found.exit_code)


def _kinds(found: ReportDiff) -> tuple[_Kind, ...]:
    return (
        ("worse", found.worse),
        ("gone", found.gone),
        ("better", found.better),
        ("new", found.new),
    )


def _headline(found: ReportDiff) -> str:
    counts = ", ".join(f"{len(changes)} {name}" for name, changes in _kinds(found))
    return f"{'WORSE' if found.exit_code else 'NOT WORSE'}: {counts}, {found.same} as before"


def _print(found: ReportDiff, top: int) -> None:
    print(_headline(found))
    if found.note:
        print(found.note)
    for name, changes in _kinds(found):
        if changes[:top]:
            print(f"\n{name}, {len(changes[:top])} of {len(changes)}:")
            print_table(_HEAD, [_cells(change) for change in changes[:top]])


def _print_markdown(found: ReportDiff, top: int) -> None:
    from trueness.report.to_markdown import escaped, table

    print(f"## {escaped(_headline(found))}")
    if found.note:
        print(f"\n{escaped(found.note)}")
    for name, changes in _kinds(found):
        if changes[:top]:
            print(f"\n### {name}, {len(changes[:top])} of {len(changes)}\n")
            print("\n".join(table(_HEAD, [_cells(change) for change in changes[:top]])))


def _print_json(found: ReportDiff) -> None:
    import json

    counts = {name: len(changes) for name, changes in _kinds(found)}
    shown = {
        "exit_code": found.exit_code,
        "counts": {**counts, "same": found.same},
        "note": found.note,
        **{name: [_as_dict(change) for change in changes] for name, changes in _kinds(found)},
    }
    json.dump(shown, sys.stdout, allow_nan=False)
    print()


def _as_dict(change: Change) -> dict[str, object]:
    names = ("rank", "token_id", "op_name", "io", "index", "name", "occurrence")
    return {
        **dict(zip(names, change.key, strict=True)),
        **{f"old_{name}": value for name, value in _values(change.old)},
        **{f"new_{name}": value for name, value in _values(change.new)},
    }


def _values(row: Row | None) -> Iterator[tuple[str, object]]:
    yield "verdict", row and row.verdict
    yield "state", row and row.state
    known = row is not None and row.error == row.error
    # JSON knows no infinity.
    error = str(row.error) if row and row.error == float("inf") else row and row.error
    yield "error", error if known else None


def _cells(change: Change) -> tuple[str, ...]:
    from trueness.report.names import clean, cut

    def error(row: Row | None) -> str:
        return f"{row.error:.4g}" if row and row.error == row.error else ""

    old, new = change.old, change.new
    return (
        cut(clean(_operator(change.key))),
        cut(clean(" ".join(filter(None, change.key[3:6])))),
        error(old),
        error(new),
        old.verdict or old.state if old else "",
        new.verdict or new.state if new else "",
    )


def _operator(key: Key) -> str:
    rank, token, name, *_ = key
    places = [f"{word} {number}" for word, number in (("rank", rank), ("token", token)) if number]
    return f"{name} ({', '.join(places)})" if places else name
