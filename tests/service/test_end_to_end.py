"""The command as a user calls it, and its documented files."""

import csv
import sqlite3
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from trueness.cli.app import main
from trueness.service import service_compare

DATA = Path(__file__).parents[1] / "data" / "service" / "msserviceprofiler"


@pytest.fixture(scope="session")
def result(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result") / "compare_result"
    sides = [str(samples / "input"), str(samples / "golden")]
    assert main(["service-compare", *sides, "--output-path", str(folder), "-q"]) == 0
    return folder


def sheet(result: Path, name: str) -> list[dict[str, object]]:
    book = openpyxl.load_workbook(result / "compare_result.xlsx", read_only=True)
    head, *rows = book[name].iter_rows(values_only=True)
    book.close()
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_documented_sheets_have_the_documented_rows(result: Path) -> None:
    for name in ("service", "request", "batch"):
        rows = sheet(result, name)
        assert [row["Data Source"] for row in rows[:3]] == [
            "input_data",
            "golden_data",
            "Difference",
        ]
        assert len(rows) % 3 == 0


@pytest.mark.parametrize("name", ["service", "request"])
def test_values_are_those_of_the_real_tool_where_it_is_right(result: Path, name: str) -> None:
    ours = {(row["Metric"], row["Data Source"]): row for row in sheet(result, name)}
    sources = {"Input Data": "input_data", "Golden Data": "golden_data"}
    compared = 0
    with (DATA / f"xlsx_{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            source = sources.get(row["Data Source"])
            if source is None:
                continue
            for column in [c for c in row if c not in ("Metric", "Data Source")]:
                value = ours[row["Metric"], source][column]
                assert value == pytest.approx(float(row[column]), rel=5e-5, abs=2e-3)
                compared += 1
    assert compared >= 8


def test_differences_are_relative_to_golden(result: Path) -> None:
    rows = {(row["Metric"], row["Data Source"]): row["Average"] for row in sheet(result, "request")}
    text = rows["first_token_latency (ms)", "Difference"]
    assert text == "5.01685|-8.55%"


def test_tables_are_typed_and_indexed(result: Path) -> None:
    with closing(sqlite3.connect(result / "compare_result.db")) as connection:
        types = {
            name: kind for _, name, kind, *_ in connection.execute("PRAGMA table_info(request)")
        }
        assert types.pop("Metric") == types.pop("Data Source") == types.pop("Verdict") == "TEXT"
        assert set(types.values()) == {"REAL"}
        indexes = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'index'")
        assert indexes.fetchone()[0] >= 6
        (mean,) = connection.execute(
            "SELECT Average FROM batch WHERE Metric = 'decode_batch_num'"
            " AND \"Data Source\" = 'golden_data'"
        ).fetchone()
        assert mean == pytest.approx(6.4957, abs=1e-4)


def test_fail_on_decides_the_exit_code(samples: Path, tmp_path: Path) -> None:
    sides = [str(samples / "input"), str(samples / "golden")]
    output = ["-o", str(tmp_path / "out"), "-q"]
    assert main(["service-compare", *sides, *output, "--fail-on", "worse"]) == 1
    same = [sides[1], sides[1]]
    assert main(["service-compare", *same, *output, "--fail-on", "worse"]) == 0
    assert main(["msserviceprofiler", "compare", *same, *output]) == 0


def test_the_sources_own_summaries_are_a_cross_check(result: Path, samples: Path) -> None:
    rows = sheet(result, "crosscheck")
    assert len(rows) > 80
    wrong = {(row["metric"], row["reason"]) for row in rows if row["agrees"] == "False"}
    assert wrong == {
        ("decode_batch_num", "the source counts different sets of requests, not steps")
    }
    notes = "\n".join(str(row["message"]) for row in sheet(result, "notes"))
    assert "its own summary says 9.2162 for decode_batch_num, its rows 6.4957" in notes
    assert "200 windows of time" in notes


def test_a_summary_without_queue_events_is_said_to_leave_the_queue_out(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [str(samples / "golden_no_queue_events"), str(samples / "golden")]
    assert main(["service-compare", *sides, "-o", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "its own summary says 49.1495 for first_token_latency (ms), its rows 58.6743" in said
    assert "leaves the time in the queue out" in said


def test_the_workbook_has_numbers_colours_and_charts(result: Path) -> None:
    rows = sheet(result, "summary")
    assert {row["Verdict"] for row in rows} == {"worse", "unclear", "same"}
    for row in rows:
        assert isinstance(row["Golden"], int | float)
        if row["Golden"]:
            relative = (row["Input"] - row["Golden"]) / row["Golden"] * 100
            assert row["Difference (%)"] == pytest.approx(relative)
    with zipfile.ZipFile(result / "compare_result.xlsx") as book:
        names = book.namelist()
        assert sum(name.startswith("xl/charts/chart") for name in names) >= 8
        assert b"conditionalFormatting" in book.read("xl/worksheets/sheet1.xml")


def test_every_file_is_there_and_nothing_half_written(result: Path) -> None:
    assert sorted(path.name for path in result.iterdir()) == [
        "compare_result.db",
        "compare_result.html",
        "compare_result.md",
        "compare_result.xlsx",
        "compare_visualization.json",
        "grafana_datasource.yaml",
    ]
    markdown = (result / "compare_result.md").read_text()
    assert markdown.startswith("### Serving performance: ")
    assert "| **worse** | ITL p50 | +6.1 % | 17.7288 | 18.8179 | ms |" in markdown


def test_a_report_that_fails_leaves_the_one_of_before(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = [samples / "input"], [samples / "golden"]
    service_compare(*sides, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sys.modules["trueness.service.to_sqlite"], "_dimension", broken)
    with pytest.raises(OSError, match="disk full"):
        service_compare(*sides, tmp_path)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(after) == set(before)
    assert after["compare_result.db"] == before["compare_result.db"]
