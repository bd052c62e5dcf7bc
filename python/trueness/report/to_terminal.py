"""A comparison on the screen: plain lines in a pipe, a table with colour on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from trueness.model import Result
from trueness.report.columns import location, shape_text
from trueness.report.names import clean, numbers, operator, short, tensor, title
from trueness.report.summary import Summary
from trueness.report.trend import BLOCKS, PLAIN, sparkline

EXIT_CODES = {
    0: "exit code 0: every pair passes",
    1: "exit code 1: something differs or could not be compared",
}
_METRICS = (
    ("cosine", "cosine_similarity"),
    ("rel. distance", "relative_euclidean_distance"),
    ("max rel. error", "max_relative_error"),
    ("max abs. error", "max_absolute_error"),
)
_HEAD = ("operator", "tensor", "my dtype", "shape", *(title for title, _ in _METRICS), "why")
_FIRST_TO_GO = ("why", "max rel. error", "my dtype", "shape")
"""Columns that a narrow terminal can do without: the report has them, and the others say more."""
_FOLDED = ("operator", "tensor", "why")
_FOLD_AT = 30
"""Columns of words may be this narrow; a number that is broken up cannot be read."""
_SPARKLINE = 60


def print_summary(
    summary: Summary,
    top: int,
    reports: Sequence[Path],
    out: TextIO,
    *,
    exit_code: int | None = None,
) -> None:
    """Verdict, coverage, findings, the `top` worst rows, what was not compared, where the reports
    are."""
    worst = [_cells(result) for result in summary.worst(top)]
    code = summary.exit_code if exit_code is None else exit_code
    if out.isatty():
        _print_rich(summary, worst, top, out)
    else:
        lines = [headline(summary), verdicts(summary), coverage(summary)]
        lines += _diagnosis(summary, top)
        if worst:
            lines += ["", f"worst {len(worst)} of {summary.failed} that differ:"]
            lines += _table([_HEAD, *worst])
        print("\n".join((*lines, *_missing(summary, top), *_trend(summary, PLAIN))), file=out)
    for report in reports:
        print(f"report: {report}", file=out)
    if code == summary.exit_code:
        print(EXIT_CODES[code], file=out)
    else:
        why = "that of the program" if code else "as asked"
        print(f"exit code {code}: {why}", file=out)


def print_metrics(results: Sequence[Result], out: TextIO) -> None:
    """Every number of a few pairs, for two files."""
    for result in results:
        golden, my = clean(location(result.golden)), clean(location(result.my))
        print(f"golden: {golden} {result.golden_dtype} {shape_text(result.golden_shape)}", file=out)
        print(f"my:     {my} {result.my_dtype} {shape_text(result.my_shape)}", file=out)
        verdict = result.verdict or "nothing to compare"
        reason = f": {clean(result.reason)}" if result.reason else ""
        print(f"state {result.state}, {verdict} by {result.standard}{reason}", file=out)
        width = max(map(len, result.metrics), default=0)
        for name, value in result.metrics.items():
            print(f"  {name:{width}} {value:.12g}", file=out)


def headline(summary: Summary) -> str:
    if not summary.total:
        return "NOTHING COMPARED"
    word = "FAIL" if summary.exit_code else "PASS"
    first = summary.first_failed
    by = f"by standard {summary.standard}"
    if first is None:
        return f"{word} {by}"
    named = first.my or first.golden
    # An operator is known by its name alone; a file of named tensors is not.
    inside = f", {tensor(named)}" if named and isinstance(named.member, str) else ""
    return f"{word} {by}; first to differ: {operator(first)}{inside}"


def verdicts(summary: Summary) -> str:
    parts = [
        f"{summary.passed + summary.failed} pairs compared",
        f"{summary.passed} pass",
        f"{summary.failed} differ",
        f"{summary.not_compared} not compared",
    ]
    if summary.not_needed:
        parts.append(f"{summary.not_needed} without a partner as expected")
    if summary.doubtful:
        parts.append(f"{summary.doubtful} paired with a doubt")
    if summary.statistics_only:
        parts.append(f"{summary.statistics_only} by their statistics only")
    return ", ".join(parts)


def coverage(summary: Summary) -> str:
    names = {name: name.replace("_", " ") for name in summary.coverage}
    parts = [f"{names[name]} {count}" for name, count in summary.coverage.items()]
    by_filter = ", ".join(f"{name} {count}" for name, count in summary.skipped.items())
    return f"coverage: {', '.join(parts)}" + (f" ({by_filter})" if by_filter else "")


def _diagnosis(summary: Summary, top: int) -> Iterator[str]:
    diagnosis = summary.diagnosis
    if diagnosis is None:
        return
    yield ""
    yield f"diagnosis: {clean(diagnosis.conclusion)}"
    for number, finding in enumerate(diagnosis.findings[:top], 1):
        yield f"{number:3}. {title(finding)}: {numbers(finding)}"
        yield from (f"     - {clean(sentence)}" for sentence in finding.evidence)
    if len(diagnosis.findings) > top:
        more = f"and {len(diagnosis.findings) - top} more" if top else "findings are not shown"
        yield f"     {more}, which the reports have"


def _trend(summary: Summary, bars: str) -> Iterator[str]:
    """Only for more rows than one sees at a glance, some of which have an error."""
    line = sparkline(summary.trend, _SPARKLINE, bars)
    if len(summary.trend.points) > 1 and line.strip():
        yield ""
        yield f"relative L2 over {summary.total} rows in order, 1e-8 to 1, log scale:"
        yield f"[{line}]"


def _missing(summary: Summary, top: int) -> Iterator[str]:
    if not summary.missing:
        return
    yield ""
    yield f"not compared, {min(top, summary.not_compared)} of {summary.not_compared}:"
    for result in summary.missing[:top]:
        where = clean(location(result.my or result.golden))
        yield f"  {result.state} {where}: {clean(result.reason)}"


def _cells(result: Result) -> tuple[str, ...]:
    ref = result.my or result.golden
    return (
        operator(result),
        tensor(ref),
        result.my_dtype,
        shape_text(result.my_shape),
        *(short(result.metrics.get(name)) for _, name in _METRICS),
        clean(result.reason),
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _fitting(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Without the columns of _FIRST_TO_GO for which `width` has no room."""
    columns = list(zip(*rows, strict=True))
    for name in _FIRST_TO_GO:
        if sum(map(_needed, columns)) <= width:
            break
        columns = [column for column in columns if column[0] != name]
    return [list(row) for row in zip(*columns, strict=True)]


def _needed(column: Sequence[str]) -> int:
    longest = max(map(len, column))
    return (min(longest, _FOLD_AT) if column[0] in _FOLDED else longest) + 2


def _print_rich(summary: Summary, worst: Sequence[Sequence[str]], top: int, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out)
    console.print(Text(headline(summary), "bold red" if summary.exit_code else "bold green"))
    console.print(Text(verdicts(summary)))
    console.print(Text(coverage(summary)))
    for line in _diagnosis(summary, top):
        console.print(Text(line, "bold" if line[:3].strip().isdigit() else ""), soft_wrap=True)
    if worst:
        console.print(Text(f"\nworst {len(worst)} of {summary.failed} that differ:"))
        head, *rows = _fitting([_HEAD, *worst], console.width)
        table = Table(box=None, padding=(0, 2, 0, 0))
        for title in head:
            table.add_column(title, overflow="fold", no_wrap=title not in _FOLDED)
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    for line in (*_missing(summary, top), *_trend(summary, BLOCKS)):
        console.print(Text(line))
