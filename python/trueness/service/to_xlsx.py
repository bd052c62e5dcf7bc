"""compare_result.xlsx: a summary, the documented sheets with numbers beside the texts, charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.errors import UsageError
from trueness.service.catalogue import BY_KEY, DIMENSIONS, Metric, statistics_of
from trueness.service.comparison import Comparison
from trueness.service.crosscheck import Check
from trueness.service.distributions import Distributions
from trueness.service.files import EXTRA, whole
from trueness.service.verdict import Row
from trueness.service.wording import COLUMN_OF, SOURCES, difference

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

LONGEST_TEXT = 32_000
COLOURS = {
    "worse": ("#F8CBAD", "#9C0006"),
    "better": ("#C6E0B4", "#375623"),
    "unclear": ("#FFE699", "#7F6000"),
    "same": ("#EDEDED", "#404040"),
}
SUMMARY = (
    ("Dimension", 11),
    ("Metric", 34),
    ("Statistic", 10),
    ("Verdict", 10),
    ("Difference (%)", 14),
    ("Low (%)", 10),
    ("High (%)", 10),
    ("Tolerance (%)", 13),
    ("Golden", 14),
    ("Input", 14),
    ("Difference", 14),
    ("Reason", 60),
)


def to_xlsx(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    """Writes the workbook. Raises UsageError when XlsxWriter is not installed."""
    try:
        from xlsxwriter import Workbook
    except ImportError:
        raise UsageError(f"compare_result.xlsx needs XlsxWriter: {EXTRA}") from None
    # Names come from files of others: what begins with = is a text, and so is an address.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with whole(path) as partial, Workbook(str(partial), options) as workbook:
        book = _Book(workbook)
        book.summary(comparison)
        for dimension in DIMENSIONS:
            book.dimension(comparison, dimension)
        book.table("histogram", drawn.bins)
        book.table("batch_size", drawn.batch_sizes)
        book.table("crosscheck", checks)
        book.table("notes", comparison.notes)
        book.batch_chart(drawn)


class _Book:
    """The workbook and the formats its sheets share."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.head = workbook.add_format({"bold": True, "bg_color": "#D9E1F2", "bottom": 1})
        self.plain = workbook.add_format({"num_format": "#,##0.####"})
        self.percent = workbook.add_format({"num_format": "+0.0;-0.0;0.0"})
        self.verdict = {
            name: workbook.add_format({"bg_color": back, "font_color": fore})
            for name, (back, fore) in COLOURS.items()
        }
        self.sheets: dict[str, Worksheet] = {}

    def sheet(self, name: str, head: Iterable[tuple[str, int]], keep: int) -> Worksheet:
        sheet = self.workbook.add_worksheet(name)
        for column, (title, width) in enumerate(head):
            sheet.write_string(0, column, title, self.head)
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, keep)
        self.sheets[name] = sheet
        return sheet

    def put(self, sheet: Worksheet, row: int, cells: Iterable[Any], percents: range) -> None:
        for column, cell in enumerate(cells):
            if isinstance(cell, float):
                if math.isfinite(cell):
                    style = self.percent if column in percents else self.plain
                    sheet.write_number(row, column, cell, style)
            elif isinstance(cell, int):
                sheet.write_number(row, column, cell)
            elif cell:
                sheet.write_string(row, column, str(cell)[:LONGEST_TEXT])

    def colour(self, sheet: Worksheet, last: int, column: int) -> None:
        for name, style in self.verdict.items():
            rule = {"type": "cell", "criteria": "==", "value": f'"{name}"', "format": style}
            sheet.conditional_format(1, column, last, column, rule)

    def summary(self, comparison: Comparison) -> None:
        sheet = self.sheet("summary", SUMMARY, 3)
        rows = [row for row in comparison.rows if row.verdict]
        for place, row in enumerate(rows, 1):
            self.put(sheet, place, _summary_cells(row), range(4, 8))
        last = max(len(rows), 1)
        self.colour(sheet, last, 3)
        sheet.autofilter(0, 0, last, len(SUMMARY) - 1)
        bar = {"type": "data_bar", "bar_color": "#8EA9DB"}
        sheet.conditional_format(1, 4, last, 4, bar)
        chart = self.workbook.add_chart({"type": "bar"})
        chart.add_series(
            {
                "name": "Difference from golden (%)",
                "categories": ["summary", 1, 1, last, 2],
                "values": ["summary", 1, 4, last, 4],
            }
        )
        chart.set_title({"name": "Input against golden, %"})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "label_position": "low"})
        chart.set_size({"width": 720, "height": 60 + 18 * last})
        sheet.insert_chart(1, len(SUMMARY) + 1, chart)

    def dimension(self, comparison: Comparison, dimension: str) -> None:
        """Three rows a metric; the numbers behind `Difference` are in columns of their own."""
        by_metric: dict[Metric, dict[str, Row]] = {}
        for row in comparison.rows:
            if row.metric.dimension == dimension:
                by_metric.setdefault(row.metric, {})[row.statistic] = row
        statistics = statistics_of(next(iter(by_metric), BY_KEY[_first(dimension)]))
        titles = [COLUMN_OF[statistic] for statistic in statistics]
        own = [title for title in titles if title != "Count"]
        numbers = [f"{title} {what}" for title in own for what in ("difference", "%")]
        head = [("Metric", 34), ("Data Source", 14), *((title, 18) for title in titles)]
        head += [("Verdict", 10), *((title, 16) for title in numbers), ("Reason", 60)]
        sheet = self.sheet(dimension, head, 2)
        place = 0
        for metric, rows in by_metric.items():
            verdict = comparison.verdicts[metric.key]
            for cells in _three_rows(metric, rows, statistics, verdict):
                place += 1
                self.put(sheet, place, cells, range(0))
        self.colour(sheet, max(place, 1), 2 + len(titles))
        if dimension == "request" and by_metric:
            self.latency_chart(sheet, by_metric, place)

    def latency_chart(
        self, sheet: Worksheet, by_metric: Mapping[Metric, dict[str, Row]], last: int
    ) -> None:
        for number, metric in enumerate(by_metric):
            if metric.unit != "ms":
                continue
            chart = self.workbook.add_chart({"type": "column"})
            for offset, source in enumerate(SOURCES[:2]):
                row = 1 + 3 * number + offset
                chart.add_series(
                    {
                        "name": source,
                        "categories": ["request", 0, 5, 0, 7],
                        "values": ["request", row, 5, row, 7],
                    }
                )
            chart.set_title({"name": metric.name})
            chart.set_size({"width": 420, "height": 260})
            sheet.insert_chart(last + 2, 1, chart, {"x_offset": 430 * number})

    def table(self, name: str, rows: Sequence[Any]) -> None:
        """Frozen dataclasses as they are, one column a field."""
        fields = list(rows[0].__dataclass_fields__) if rows else ["nothing"]
        sheet = self.sheet(name, [(field, 22) for field in fields], 1)
        for place, row in enumerate(rows, 1):
            cells = [getattr(row, field) for field in fields]
            self.put(sheet, place, [str(c) if isinstance(c, bool) else c for c in cells], range(0))

    def batch_chart(self, drawn: Distributions) -> None:
        """How many steps of each size, of the first kind of span that has some."""
        sizes = drawn.batch_sizes
        if not sizes:
            return
        name = next((size.name for size in sizes if "exec" in size.name.lower()), sizes[0].name)
        for number, kind in enumerate(sorted({s.batch_type for s in sizes if s.name == name})):
            rows = [i for i, s in enumerate(sizes, 1) if (s.name, s.batch_type) == (name, kind)]
            chart = self.workbook.add_chart({"type": "column"})
            for column, side in ((3, "input"), (4, "golden")):
                chart.add_series(
                    {
                        "name": side,
                        "categories": ["batch_size", rows[0], 2, rows[-1], 2],
                        "values": ["batch_size", rows[0], column, rows[-1], column],
                    }
                )
            chart.set_title({"name": f"{kind} steps by batch size"})
            self.sheets["batch"].insert_chart(30, 1, chart, {"x_offset": 500 * number})


def _first(dimension: str) -> str:
    return next(key for key, metric in BY_KEY.items() if metric.dimension == dimension)


def _summary_cells(row: Row) -> list[object]:
    metric = row.metric
    shares = [value * 100 for value in (row.relative, row.low, row.high, row.tolerance)]
    numbers = [row.golden, row.input, row.difference]
    return [
        metric.dimension,
        metric.name,
        row.statistic,
        row.verdict,
        *shares,
        *numbers,
        row.reason,
    ]


def _three_rows(
    metric: Metric,
    rows: Mapping[str, Row],
    statistics: Sequence[str],
    verdict: tuple[str, str],
) -> Iterable[list[object]]:
    nothing = Row(metric, "", math.nan, math.nan, math.nan)
    ordered = [rows.get(statistic, nothing) for statistic in statistics]
    yield [metric.name, SOURCES[0], *(row.input for row in ordered)]
    yield [metric.name, SOURCES[1], *(row.golden for row in ordered)]
    numbers: list[float] = []
    for row in ordered:
        if row.statistic != "count":
            numbers += [row.difference, row.relative * 100]
    texts = [difference(row) for row in ordered]
    yield [metric.name, SOURCES[2], *texts, verdict[0], *numbers, verdict[1]]
