"""The answer on a screen: one line a verdict, the worst first, then what one has to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from trueness.service.comparison import Comparison
from trueness.service.verdict import VERDICTS, Row
from trueness.service.wording import change, interval, number

SHOWN_NOTES = 12


def print_comparison(comparison: Comparison, files: Sequence[Path], out: TextIO) -> None:
    counts = ", ".join(f"{comparison.count(verdict)} {verdict}" for verdict in VERDICTS)
    sides = f"{len(comparison.input)} input, {len(comparison.golden)} golden"
    print(f"{counts}   (runs: {sides})\n", file=out)
    for verdict in VERDICTS:
        for key, (found, _) in comparison.verdicts.items():
            if found == verdict:
                for row in deciding(comparison, key):
                    print(_line(row), file=out)
    serious = [note for note in comparison.notes if note.level != "info"]
    for note in serious[:SHOWN_NOTES]:
        print(f"{note.level}: {note.where}: {note.message}", file=out)
    if len(serious) > SHOWN_NOTES:
        print(f"... and {len(serious) - SHOWN_NOTES} more notes in the reports", file=out)
    for file in files:
        print(f"wrote {file}", file=out)


def deciding(comparison: Comparison, key: str) -> list[Row]:
    """The rows that made the verdict of a metric; all it has say `same`, so one is enough."""
    verdict = comparison.verdicts[key][0]
    rows = [row for row in comparison.of(key) if row.verdict == verdict]
    return rows[:1] if verdict == "same" else rows


def _line(row: Row) -> str:
    name = f"{row.metric.label} {row.statistic}" if row.statistic != "value" else row.metric.label
    values = f"{number(row.golden)} -> {number(row.input)} {row.metric.unit}"
    return (
        f"{row.verdict:8} {name:20} {change(row):>9}  {values:34} {interval(row):16} {row.reason}"
    )
