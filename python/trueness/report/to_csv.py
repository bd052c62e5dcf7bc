"""A CSV file that grows while results come in."""

from __future__ import annotations

from pathlib import Path

from trueness._core import csv_line
from trueness.model import Result
from trueness.report.columns import COLUMNS, row
from trueness.report.summary import Summary

ROWS_A_FLUSH = 256
_BUFFER = 1 << 19
"""Bytes that are more than so many rows usually have: one write for all of them."""


class CsvWriter:
    """Complete and streamed: what was written is on the disk when a comparison breaks off."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", _BUFFER)
        self._file.write(csv_line([*COLUMNS]))
        self._rows = 0

    def write(self, result: Result) -> None:
        self._file.write(csv_line(row(result, self._rows)))
        self._rows += 1
        if self._rows % ROWS_A_FLUSH == 0:
            self._file.flush()

    def finish(self, summary: Summary) -> None:
        self._file.close()

    def abandon(self) -> bool:
        self._file.close()
        return self._rows > 0
