"""A CSV file that grows while results come in."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from trueness._core import csv_lines
from trueness.model import Result
from trueness.report.columns import COLUMNS, row_with_nan
from trueness.report.summary import Summary

ROWS_A_WRITE = 256
"""Made into text together, which takes less time a row than one by one between other work."""
SECONDS_A_WRITE = 1.0
"""After which rows are written that are fewer: of large tensors none is lost for long."""


class CsvWriter:
    """Complete and streamed: what was written is on the disk when a comparison breaks off."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(csv_lines([[*COLUMNS]]))
        self._rows = 0
        self._waiting: list[Result] = []
        self._due = monotonic() + SECONDS_A_WRITE

    def write(self, result: Result) -> None:
        self._rows += 1
        self._waiting.append(result)
        if len(self._waiting) >= ROWS_A_WRITE or monotonic() > self._due:
            self._write_waiting()

    def finish(self, summary: Summary) -> None:
        self._write_waiting()
        self._file.close()

    def abandon(self) -> bool:
        self._write_waiting()
        self._file.close()
        return self._rows > 0

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        first = self._rows - len(waiting)
        rows = [row_with_nan(result, at) for at, result in enumerate(waiting, first)]
        self._file.write(csv_lines(rows))
        self._file.flush()
        self._due = monotonic() + SECONDS_A_WRITE
