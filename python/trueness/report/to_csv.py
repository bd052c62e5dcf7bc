"""A CSV file that grows while results come in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from trueness.model import Result
from trueness.report.columns import COLUMNS, Cell, row
from trueness.report.summary import Summary

_FORMULA = re.compile(r"[=+\-@\t\r]")
_QUOTED = re.compile(r'[,"\n]')
_ESCAPES = {ord("\r"): "\\r", 0: "\\0", ord('"'): '""'}
ROWS_A_FLUSH = 256


class CsvWriter:
    """Complete and streamed: what was written is on the disk when a comparison breaks off."""

    def __init__(self, path: Path) -> None:
        # Names of files that are not UTF-8 become escapes, so that the report always is.
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._texts = Texts()
        self._file.write(self._texts.line(COLUMNS))
        self._rows = 0

    def write(self, result: Result) -> None:
        self._file.write(self._texts.line(row(result, self._rows)))
        self._rows += 1
        if self._rows % ROWS_A_FLUSH == 0:
            self._file.flush()

    def finish(self, summary: Summary) -> None:
        self._file.close()

    def abandon(self) -> bool:
        self._file.close()
        return self._rows > 0


class Texts(dict[Cell, str]):
    """Cells but for floats as they stand in a CSV file. Most are those of the row before."""

    def line(self, cells: Sequence[Cell]) -> str:
        found = [repr(cell) if cell.__class__ is float else self[cell] for cell in cells]
        return ",".join(found) + "\n"

    def __missing__(self, cell: Cell) -> str:
        text = _text(cell) if isinstance(cell, str) else str(cell)
        if len(text) < 32 and len(self) < 4096:
            self[cell] = text
        return text


def _text(cell: str) -> str:
    """A spreadsheet runs a text that starts like a formula; a quote before it makes it text. Some
    readers take a bare carriage return for the end of a row, or stop at a zero character."""
    start = "'" if _FORMULA.match(cell) else ""
    if cell.isprintable() and not _QUOTED.search(cell):
        return start + cell
    inner = start + cell.translate(_ESCAPES)
    return f'"{inner}"' if _QUOTED.search(inner) else inner
