"""A CSV file that grows while results come in."""

from __future__ import annotations

import csv
from pathlib import Path

from trueness.model import Result
from trueness.report.columns import COLUMNS, Cell, row
from trueness.report.summary import Summary

_FORMULA_STARTS = frozenset("=+-@\t\r")
_ESCAPES = {ord("\r"): "\\r", 0: "\\0"}
ROWS_A_FLUSH = 256


class CsvWriter:
    """Complete and streamed: what was written is on the disk when a comparison breaks off."""

    def __init__(self, path: Path) -> None:
        # Names of files that are not UTF-8 become escapes, so that the report always is.
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        self._rows = 0

    def write(self, result: Result) -> None:
        cells = row(result, self._rows)
        # Most cells are numbers or harmless: only the others are worth a call.
        self._writer.writerow(
            [
                c
                if c.__class__ is not str or (c[:1] not in _FORMULA_STARTS and c.isprintable())
                else _safe(c)
                for c in cells
            ]
        )
        self._rows += 1
        if self._rows % ROWS_A_FLUSH == 0:
            self._file.flush()

    def finish(self, summary: Summary) -> None:
        self._file.close()

    def abandon(self) -> bool:
        self._file.close()
        return self._rows > 0


def _safe(cell: Cell) -> str:
    """A spreadsheet runs a text that starts like a formula; a quote before it makes it text. Some
    readers take a bare carriage return for the end of a row, or stop at a zero character."""
    text = str(cell)
    start = "'" if text[:1] in _FORMULA_STARTS else ""
    return start + text.translate(_ESCAPES)
