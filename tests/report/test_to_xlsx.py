from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from builders.reports import HOSTILE_NAMES, hostile_rows, model_rows, result, summary_of
from trueness.model import Metrics, Result, TensorRef
from trueness.report import Summary, to_xlsx, write_report
from trueness.report.columns import COLUMNS


def book_of(
    tmp_path: Path, results: list[Result], summary: Summary | None = None, **limits: int
) -> Workbook:
    path = tmp_path / "report.xlsx"
    writer = to_xlsx.XlsxWriter(path, **limits)
    for one in results:
        writer.write(one)
    writer.finish(summary or summary_of(results))
    return load_workbook(path)


def column(book: Workbook, sheet: str, name: str) -> list[object]:
    head, *rows = book[sheet].iter_rows(values_only=True)
    names = [str(cell).split("\n")[0] for cell in head]
    return [row[names.index(name)] for row in rows]


def test_sheets_and_their_order(tmp_path: Path) -> None:
    rows = list(model_rows(300, rows_a_layer=5))
    book = book_of(tmp_path, rows)
    assert book.sheetnames == ["summary", "worst", "rank 0", "rank 1", "trend"]
    distances = column(book, "worst", "relative_euclidean_distance")
    assert len(distances) == Summary.of(rows).failed > 50
    assert distances == sorted(distances, reverse=True)
    assert column(book, "rank 0", "row") + column(book, "rank 1", "row") == list(range(300))
    head = [str(cell.value).split("\n")[0] for cell in book["rank 0"][1]]
    assert head == ["row", *COLUMNS]
    assert "max_ulp_error\n[ULP]" in [cell.value for cell in book["worst"][1]] + [
        cell.value for cell in book["rank 0"][1]
    ]


def test_the_summary_names_findings_and_shows_charts(tmp_path: Path) -> None:
    sheet = book_of(tmp_path, list(model_rows(300, rows_a_layer=5)))["summary"]
    lines = {name.value: text.value for name, text in sheet.iter_rows(max_col=2)}
    assert lines["verdict"].startswith("FAIL by standard auto@2")
    assert lines["finding 1"].startswith("model.layers.17.")
    assert lines["standard"] == "auto@2"
    assert lines["coverage"].startswith("pairs 300")
    assert lines["rows"].startswith("all 300")
    assert len(sheet._charts) == 2


def test_a_sheet_can_be_filtered_and_has_colours(tmp_path: Path) -> None:
    sheet = book_of(tmp_path, list(model_rows(100)))["rank 0"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(51, len(COLUMNS) + 1).coordinate}"
    rules = [rule.type for rules in sheet.conditional_formatting for rule in rules.rules]
    assert sorted(rules) == ["cellIs"] * 3 + ["colorScale"] * 2


def test_a_full_sheet_goes_on_in_another(tmp_path: Path) -> None:
    book = book_of(tmp_path, list(model_rows(50, ranks=1)), sheet_rows=21)
    assert [name for name in book.sheetnames if name.startswith("rank")] == [
        "rank 0",
        "rank 0 (2)",
        "rank 0 (3)",
    ]
    assert [book[name].max_row for name in book.sheetnames[2:5]] == [21, 21, 11]
    assert column(book, "rank 0 (3)", "row") == list(range(40, 50))


def test_of_too_many_rows_the_worst_are_kept_and_it_says_so(tmp_path: Path) -> None:
    rows = list(model_rows(1000, ranks=1))
    rows[123] = result("bad", 7.0)
    rows[456] = result("nan", 0.1, metrics=Metrics({"relative_euclidean_distance": float("nan")}))
    book = book_of(tmp_path, rows, rows=10)
    kept = column(book, "rank 0", "row")
    assert len(kept) == 10
    assert {123, 456, 999} & set(kept) == {123, 456}
    lines = [str(row[1]) for row in book["summary"].iter_rows(values_only=True)]
    assert any(line.startswith("the worst 10 of 1000") for line in lines)


def test_hostile_names_are_texts(tmp_path: Path) -> None:
    book = book_of(tmp_path, hostile_rows())
    for sheet in book.worksheets:
        for cells in sheet.iter_rows():
            assert all(cell.data_type in "sn" for cell in cells)
            assert all(cell.hyperlink is None for cell in cells)
    names = column(book, "rank 0", "op_name")
    assert names[:6] == list(HOSTILE_NAMES[:6])
    assert names[6:8] == ["\\u202eevil\\u202c", "nul\\x00\\x1b[2J\\ud800"]
    assert names[8] == HOSTILE_NAMES[8]


def test_a_text_longer_than_a_cell_is_cut(tmp_path: Path) -> None:
    long = result(reason="y" * 40_000)
    book = book_of(tmp_path, [long])
    (text,) = column(book, "rank 0", "cmp_fail_reason")
    assert len(str(text)) == 32_767
    assert str(text).endswith("y...")


def test_what_is_no_number(tmp_path: Path) -> None:
    metrics = Metrics({"rmse": float("nan"), "relative_euclidean_distance": float("inf")})
    row = replace(result(), metrics=metrics, passed=False, my=TensorRef("m", op_name="=1+1"))
    book = book_of(tmp_path, [row])
    assert column(book, "rows", "rmse") == [None]
    assert column(book, "rows", "relative_euclidean_distance") == ["inf"]
    assert column(book, "rows", "op_name") == ["=1+1"]


@pytest.mark.parametrize("rows", [[], [result()]], ids=["none", "one"])
def test_few_rows(tmp_path: Path, rows: list[Result]) -> None:
    path = write_report("xlsx", rows, tmp_path / "few.xlsx")
    assert load_workbook(path)["summary"]["A1"].value == "verdict"
