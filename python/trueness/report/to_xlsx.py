"""An Excel workbook: summary with findings and charts, worst rows, and a sheet for each rank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from trueness.errors import UsageError
from trueness.model import Result
from trueness.report.columns import COLUMNS, FLOAT_COLUMNS, Cell, row, unit
from trueness.report.kept import Kept
from trueness.report.names import clean, numbers, title
from trueness.report.summary import Summary
from trueness.report.to_terminal import coverage, headline, verdicts

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS = 50_000
"""More make a workbook that few machines open; the CSV has all."""
WORST = 1000
SHEET_ROWS = 1_048_576
LONGEST_TEXT = 32_767
_LINE = 110
_ALL = ("row", *COLUMNS)
_SHORT = (
    *("row", "rank", "token_id", "op_name", "my_op_type", "io", "index", "my_dtype", "my_shape"),
    *("cosine_similarity", "relative_euclidean_distance", "max_relative_error"),
    *("max_absolute_error", "introduced_score", "verdict", "cmp_fail_reason"),
    *("my_data_path", "golden_data_path"),
)
"""What a person looks at first, for the sheet of the worst rows."""
_WIDE = {"golden_data_path": 40, "my_data_path": 40, "op_name": 30, "cmp_fail_reason": 40}


class XlsxWriter:
    """`rows` bounds the rows of the sheets of all ranks together; beyond it the worst are kept, and
    the summary says so. `sheet_rows` is where a sheet ends and the next begins."""

    def __init__(self, path: Path, rows: int = ROWS, sheet_rows: int = SHEET_ROWS) -> None:
        try:
            import xlsxwriter  # noqa: F401
        except ImportError:
            raise UsageError(
                'an Excel report needs XlsxWriter: pip install "trueness[report]"'
            ) from None
        self._path = path
        self._kept = Kept(rows)
        self._sheet_rows = sheet_rows

    def write(self, result: Result) -> None:
        self._kept.add(result)

    def finish(self, summary: Summary) -> None:
        from xlsxwriter import Workbook

        # Rows go to the disk as they are written; texts stay what they are.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with Workbook(str(self._path), options | {"strings_to_numbers": False}) as book:
            book.use_zip64()
            formats = _Formats(book)
            overview = book.add_worksheet("summary")
            rows = self._kept.rows()
            worst = {id(result): place for place, result in enumerate(summary.worst(WORST))}
            found = sorted((worst[id(r)], n, r) for n, r in rows if id(r) in worst)
            _Sheets(book, formats, "worst", _SHORT, self._sheet_rows).write(
                (n, r) for _, n, r in found
            )
            _write_ranks(book, formats, rows, self._sheet_rows)
            lines = [*_lines(summary), ("rows", _rows_note(len(rows), self._kept.total))]
            _write_summary(overview, formats, lines)
            _write_trend(book, overview, formats, summary, len(lines) + 2)

    def abandon(self) -> bool:
        return False


class _Formats:
    def __init__(self, book: Workbook) -> None:
        self.head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.bold = book.add_format({"bold": True, "valign": "top"})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.float = book.add_format({"num_format": "0.000E+00"})
        self.near_one = book.add_format({"num_format": "0.00000000"})
        self.verdicts = {
            name: book.add_format({"bg_color": back, "font_color": front})
            for name, back, front in (
                ("pass", "#C6EFCE", "#006100"),
                ("fail", "#FFC7CE", "#9C0006"),
                ("not compared", "#FFEB9C", "#7F6000"),
            )
        }
        self.columns = dict.fromkeys(FLOAT_COLUMNS, self.float)
        self.columns["cosine_similarity"] = self.near_one


class _Sheets:
    """A table that goes on in another sheet when one is full."""

    def __init__(
        self, book: Workbook, formats: _Formats, name: str, head: Sequence[str], most: int
    ) -> None:
        self._book, self._formats, self._name, self._head = book, formats, name, head
        self._cells = [_ALL.index(column) for column in head]
        self._column_formats = [formats.columns.get(column) for column in head]
        self._most = most
        self._count = 0
        self._next()

    def _next(self) -> None:
        self._count += 1
        name = self._name if self._count == 1 else f"{self._name} ({self._count})"
        self._sheet = self._book.add_worksheet(name)
        self._at = 0
        for column, named in enumerate(self._head):
            self._sheet.set_column(column, column, _WIDE.get(named, 13))
            text = f"{named}\n[{unit(named)}]" if unit(named) else named
            self._sheet.write_string(0, column, text, self._formats.head)
        self._sheet.freeze_panes(1, 1)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)

    def write(self, rows: Iterable[tuple[int, Result]]) -> None:
        for number, result in rows:
            if self._at == self._most - 1:
                self._decorate()
                self._next()
            self._at += 1
            self._write_row((number, *row(result, number)))
        self._decorate()

    def _write_row(self, cells: Sequence[Cell]) -> None:
        sheet, at = self._sheet, self._at
        for column, place in enumerate(self._cells):
            cell = cells[place]
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(at, column, _text(cell))
            elif isfinite(cell):
                sheet.write_number(at, column, cell, self._column_formats[column])
            else:
                sheet.write_string(at, column, str(cell))

    def _decorate(self) -> None:
        last = max(self._at, 1)
        self._sheet.autofilter(0, 0, last, len(self._head) - 1)
        verdict = self._head.index("verdict")
        for text, colour in self._formats.verdicts.items():
            rule = {"type": "cell", "criteria": "==", "value": f'"{text}"', "format": colour}
            self._sheet.conditional_format(1, verdict, last, verdict, rule)
        for name, low, high in (
            ("relative_euclidean_distance", "#FFFFFF", "#F8696B"),
            ("cosine_similarity", "#F8696B", "#FFFFFF"),
        ):
            column = self._head.index(name)
            scale = {"type": "2_color_scale", "min_color": low, "max_color": high}
            self._sheet.conditional_format(1, column, last, column, scale)


def _write_ranks(
    book: Workbook, formats: _Formats, rows: Sequence[tuple[int, Result]], most: int
) -> None:
    ranks: dict[int | None, list[tuple[int, Result]]] = {}
    for number, result in rows:
        ref = result.my or result.golden
        ranks.setdefault(ref.rank if ref else None, []).append((number, result))
    for rank, own in sorted(ranks.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        name = "rows" if rank is None else f"rank {rank}"
        _Sheets(book, formats, name, _ALL, most).write(own)


def _lines(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "verdict", headline(summary)
    yield "standard", summary.standard
    for side, found in summary.recognised.items():
        yield side, f"{found.get('root', '')} ({found.get('layout', '')})"
    yield "compared", verdicts(summary)
    yield "coverage", coverage(summary).removeprefix("coverage: ")
    diagnosis = summary.diagnosis
    if diagnosis is None:
        return
    yield "diagnosis", diagnosis.conclusion
    for number, finding in enumerate(diagnosis.findings, 1):
        yield f"finding {number}", f"{title(finding)}: {numbers(finding)}"
        yield from (("", f"- {sentence}") for sentence in finding.evidence)
    yield "order and edges", f"order from {diagnosis.order}, producers from {diagnosis.edges}"


def _rows_note(kept: int, total: int) -> str:
    if kept == total:
        return f"all {total}, in execution order, a sheet for each rank"
    return f"the worst {kept} of {total}, in execution order; a CSV or Parquet report has all"


def _write_summary(sheet: Worksheet, formats: _Formats, lines: Sequence[tuple[str, str]]) -> None:
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, _LINE)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    for at, (name, text) in enumerate(lines):
        shown = _text(text)
        # A row is as high as its text only when it is told to be.
        sheet.set_row(at, min(15 * (1 + len(shown) // _LINE), 400))
        sheet.write_string(at, 0, name, formats.bold)
        sheet.write_string(at, 1, shown, formats.text)


def _write_trend(
    book: Workbook, overview: Worksheet, formats: _Formats, summary: Summary, below: int
) -> None:
    """The points of the charts have a sheet of their own, since a chart can only show cells."""
    sheet = book.add_worksheet("trend")
    head = ("row", "lowest cosine_similarity", "highest relative_euclidean_distance")
    for column, name in enumerate(head):
        sheet.set_column(column, column, 20)
        sheet.write_string(0, column, name, formats.head)
    points = summary.trend.points
    for at, point in enumerate(points, 1):
        sheet.write_number(at, 0, point.row)
        if point.cosine != inf:
            sheet.write_number(at, 1, point.cosine, formats.near_one)
        if isfinite(point.distance):
            sheet.write_number(at, 2, point.distance, formats.float)
    log = {"log_base": 10, "crossing": 1e-12, "num_format": "0E+00"}
    charts: Iterable[tuple[int, str, dict[str, object]]] = (
        (2, "relative L2 over execution order", log),
        (1, "cosine over execution order", {}),
    )
    for place, (column, name, axis) in enumerate(charts):
        chart = book.add_chart({"type": "scatter", "subtype": "straight"})
        last = max(len(points), 1)
        chart.add_series(
            {
                "name": name,
                "categories": ["trend", 1, 0, last, 0],
                "values": ["trend", 1, column, last, column],
                "line": {"width": 1},
            }
        )
        chart.set_title({"name": name, "name_font": {"size": 11}})
        chart.set_legend({"none": True})
        chart.set_x_axis({"name": "row", "min": 0, "max": max(summary.total, 1)})
        chart.set_y_axis({"name": head[column], "label_position": "low", **axis})
        chart.set_size({"width": 880, "height": 300})
        overview.insert_chart(below + 16 * place, 0, chart)


def _text(text: str) -> str:
    """Control characters, halves of characters and marks that turn the reading direction become
    visible; Excel has a limit for the length."""
    shown = text if text.isprintable() else clean(text)
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - 3] + "..."
