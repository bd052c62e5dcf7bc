"""The report files of one run: one protocol for all kinds, names that belong together, and no file
that is only half there."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from trueness.errors import UsageError
from trueness.model import Result
from trueness.report import naming
from trueness.report.summary import Summary

REPORTS: Mapping[str, str] = {
    "csv": "to_csv.CsvWriter",
    "xlsx": "to_xlsx.XlsxWriter",
    "html": "to_html.HtmlWriter",
    "parquet": "to_parquet.ParquetWriter",
    "json": "to_json.JsonWriter",
    "md": "to_markdown.MarkdownWriter",
}
"""What `--report` can write: the suffix of the file, and the class in this package that does."""


class Writer(Protocol):
    """Writes one report to the path it was made with. Its constructor imports what it needs, and
    raises UsageError when that is not installed."""

    def write(self, result: Result) -> None:
        """Takes one row; they come in execution order."""

    def finish(self, summary: Summary) -> None:
        """Completes and closes the file."""

    def abandon(self) -> bool:
        """Closes the file unfinished; whether it is worth keeping."""


class Reports:
    """A context manager. Rows go to files beside the reports; `finish` gives these their names, the
    same but for the suffix. When the comparison breaks off, a CSV stays as `.partial` so that what
    was done is not lost, and is in `kept`; of the others nothing stays."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        kinds: Sequence[str] = ("csv",),
        final: Path | None = None,
    ) -> None:
        """`final` is the path of the one report; None makes names from the time.
        Raises UsageError for an unknown kind."""
        self._classes = [(kind, _writer_class(kind)) for kind in dict.fromkeys(kinds)]
        self._folder = Path(folder)
        self._final = final
        self._open: dict[str, tuple[Path, Writer]] = {}
        self.paths: Sequence[Path] = ()
        self.kept: list[Path] = []

    def __enter__(self) -> Reports:
        if self._folder.exists() and not self._folder.is_dir():
            raise UsageError(f"{self._folder} is no folder: reports go into one")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for kind, writer_class in self._classes:
                partial = _temporary(self._folder, kind)
                try:
                    self._open[kind] = partial, writer_class(partial)
                except BaseException:
                    partial.unlink()
                    raise
        except BaseException:
            self._abandon()
            raise
        return self

    def write(self, result: Result) -> None:
        for _, writer in self._open.values():
            writer.write(result)

    def finish(self, summary: Summary) -> None:
        partials = {}
        for kind, (partial, writer) in self._open.items():
            writer.finish(summary)
            partial.chmod(0o640)
            partials[kind] = partial
        if self._final is None:
            self.paths = naming.publish(partials, self._folder, datetime.now())
        else:
            for partial in partials.values():
                self.paths = [partial.replace(self._final)]
        self._open.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._abandon()

    def _abandon(self) -> None:
        for partial, writer in self._open.values():
            if writer.abandon():
                self.kept.append(partial)
            else:
                partial.unlink(missing_ok=True)
        self._open.clear()


def write_report(
    kind: str,
    results: Iterable[Result],
    path: str | os.PathLike[str],
    summary: Callable[[], Summary] | None = None,
) -> Path:
    """Writes all results to `path`, in the place of what was there. `summary` is asked once the
    results are through; None makes one from them.

    Raises UsageError when what this kind needs is not installed."""
    final = Path(path)
    if final.is_dir():
        # Found out at the end, it would leave the rows behind under another name.
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    counted = Summary()
    with Reports(final.parent, [kind], final) as reports:
        for result in results:
            reports.write(result)
            if summary is None:
                counted.add(result)
        reports.finish(summary() if summary else counted)
    return final


def _writer_class(kind: str) -> Callable[[Path], Writer]:
    if kind not in REPORTS:
        raise UsageError(f"no report is called {kind!r}; known: {', '.join(REPORTS)}")
    module, _, name = REPORTS[kind].partition(".")
    found = getattr(import_module(f"trueness.report.{module}"), name)
    return cast(Callable[[Path], Writer], found)


def _temporary(folder: Path, kind: str) -> Path:
    handle, name = tempfile.mkstemp(f".{kind}.partial", "trueness_report_", folder)
    os.close(handle)
    return Path(name)
