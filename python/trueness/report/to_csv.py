"""A CSV file that grows while results come in."""

from __future__ import annotations

import csv
import errno
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from trueness.model import Result
from trueness.report import naming
from trueness.report.columns import COLUMNS, Cell, row

_FORMULA_STARTS = frozenset("=+-@\t\r")
_ESCAPES = {ord("\r"): "\\r", 0: "\\0"}
ROWS_A_FLUSH = 256


class CsvReport:
    """A context manager. Rows go to a `.partial` file beside the report; at the end it becomes the
    report, `path`. When the comparison breaks off it stays, so that what was done is not lost."""

    def __init__(self, folder: str | os.PathLike[str], final: Path | None = None) -> None:
        """`final` is the path of the report; None makes a name from the time."""
        self._folder = Path(folder)
        self._final = final
        self._rows = 0
        self.path: Path | None = None

    def __enter__(self) -> CsvReport:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".csv.partial", "trueness_report_", self._folder)
        self.partial = Path(name)
        # Names of files that are not UTF-8 become escapes, so that the report always is.
        self._file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        return self

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is not None:
            if not self._rows:
                self.partial.unlink()
            return
        self.partial.chmod(0o640)
        if self._final is None:
            self.path = naming.publish(self.partial, self._folder, "csv", datetime.now())
        else:
            self.partial.replace(self._final)
            self.path = self._final


def to_csv(results: Iterable[Result], path: str | os.PathLike[str]) -> Path:
    """Writes all results to `path`, in the place of what was there."""
    final = Path(path)
    if final.is_dir():
        # Found out at the end, it would leave the rows behind under another name.
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    with CsvReport(final.parent, final) as report:
        for result in results:
            report.write(result)
    return final


def _safe(cell: Cell) -> str:
    """A spreadsheet runs a text that starts like a formula; a quote before it makes it text. Some
    readers take a bare carriage return for the end of a row, or stop at a zero character."""
    text = str(cell)
    start = "'" if text[:1] in _FORMULA_STARTS else ""
    return start + text.translate(_ESCAPES)
