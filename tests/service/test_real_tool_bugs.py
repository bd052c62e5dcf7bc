"""Each fault of the real compare that users met, and that it is not ours."""

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from builders.serving import Server, simulate, write_profiler_db
from trueness.cli.app import main
from trueness.service import Outcome, service_compare


def compare(other: Path, golden: Path, output: Path) -> Outcome:
    return service_compare([other], [golden], output)


def summaries(folder: Path, **files: list[list[str]]) -> Path:
    """A folder with nothing but `*_summary.csv` files of these rows."""
    folder.mkdir()
    for name, rows in files.items():
        with (folder / f"{name}_summary.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def request_summary(**averages: str) -> list[list[str]]:
    head = ["Metric", "Average", "Max", "Min", "P50", "P90", "P99"]
    return [head, *([name, *[value] * 6] for name, value in averages.items())]


def difference(output: Path, sheet: str, metric: str, column: str) -> object:
    book = openpyxl.load_workbook(output / "compare_result.xlsx")
    head, *rows = book[sheet].iter_rows(values_only=True)
    found = [dict(zip(head, row, strict=True)) for row in rows]
    (row,) = [r for r in found if (r["Metric"], r["Data Source"]) == (metric, "Difference")]
    return row[column]


def test_1_the_database_does_not_grow_with_the_runs(tmp_path: Path) -> None:
    sizes = []
    for count in (100, 1000):
        folders = []
        for side, noise in (("input", 1), ("golden", 2)):
            folder = tmp_path / f"{side}{count}"
            folder.mkdir()
            write_profiler_db(simulate(count, noise=noise), folder / "profiler.db")
            folders.append(folder)
        output = tmp_path / f"out{count}"
        compare(*folders, output)
        sizes.append((output / "compare_result.db").stat().st_size)
    assert max(sizes) < 1_000_000
    assert sizes[1] < 2 * sizes[0]


def test_2_counts_of_batch_sizes_are_those_of_each_side_and_type(
    samples: Path, tmp_path: Path
) -> None:
    compare(samples / "input", samples / "golden", tmp_path / "out")
    expected: dict[tuple[str, int], list[int]] = {}
    for place, side in enumerate(("input", "golden")):
        with closing(sqlite3.connect(samples / side / "profiler.db")) as connection:
            rows = connection.execute(
                "SELECT batch_type, CAST(batch_size AS INTEGER), COUNT(*) FROM batch"
                " WHERE name = 'modelExec' GROUP BY 1, 2"
            )
            for kind, size, count in rows:
                expected.setdefault((kind, size), [0, 0])[place] = count
    with closing(sqlite3.connect(tmp_path / "out" / "compare_result.db")) as connection:
        found = {
            (kind, size): list(counts)
            for kind, size, *counts in connection.execute("SELECT * FROM modelExec")
        }
    assert found == expected


def test_3_a_doubling_is_100_percent_and_a_halving_minus_50(tmp_path: Path) -> None:
    small = summaries(tmp_path / "small", request=request_summary(**{"total_time (ms)": "10"}))
    large = summaries(tmp_path / "large", request=request_summary(**{"total_time (ms)": "20"}))
    compare(large, small, tmp_path / "up")
    compare(small, large, tmp_path / "down")
    assert difference(tmp_path / "up", "request", "total_time (ms)", "Average") == "10|100%"
    assert difference(tmp_path / "down", "request", "total_time (ms)", "Average") == "10|-50%"


def test_4_from_zero_there_is_no_percentage_and_to_zero_there_is(tmp_path: Path) -> None:
    zero = summaries(tmp_path / "zero", request=request_summary(**{"total_time (ms)": "0"}))
    ten = summaries(tmp_path / "ten", request=request_summary(**{"total_time (ms)": "10"}))
    compare(zero, ten, tmp_path / "down")
    compare(ten, zero, tmp_path / "up")
    assert difference(tmp_path / "down", "request", "total_time (ms)", "P50") == "10|-100%"
    assert difference(tmp_path / "up", "request", "total_time (ms)", "P50") == "10|n/a"


def test_5_and_6_differences_are_numbers_without_apostrophe(samples: Path, tmp_path: Path) -> None:
    compare(samples / "input", samples / "golden", tmp_path / "out")
    cell = difference(tmp_path / "out", "request", "first_token_latency (ms)", "Average %")
    assert cell == pytest.approx(-8.5504, abs=1e-3)
    for sheet in openpyxl.load_workbook(tmp_path / "out" / "compare_result.xlsx"):
        for row in sheet.iter_rows(values_only=True):
            assert not [value for value in row if str(value).startswith("'")]


def test_6_small_values_keep_their_digits(tmp_path: Path) -> None:
    a = summaries(tmp_path / "a", request=request_summary(**{"waiting_time (ms)": "0.0012"}))
    b = summaries(tmp_path / "b", request=request_summary(**{"waiting_time (ms)": "0.0010"}))
    compare(a, b, tmp_path / "out")
    assert difference(tmp_path / "out", "request", "waiting_time (ms)", "P50") == "0.0002|20%"


def test_7_one_sided_text_and_doubled_metrics_are_rows_and_notes(tmp_path: Path) -> None:
    rows = request_summary(**{"total_time (ms)": "10", "my_own (ms)": "3"})
    rows += [["total_time (ms)", *["77"] * 6], ["input_token_num", "many", *["1"] * 5]]
    other = summaries(tmp_path / "other", request=rows)
    golden = summaries(tmp_path / "golden", request=request_summary(**{"total_time (ms)": "10"}))
    outcome = compare(other, golden, tmp_path / "out")
    messages = [note.message for note in outcome.comparison.notes]
    assert "total_time (ms) occurs twice; the first one counts" in messages
    assert "input_token_num: 'many' is no number" in messages
    assert "has no my_own (ms); the other side has" in messages
    assert difference(tmp_path / "out", "request", "total_time (ms)", "Max") == "0|0%"
    assert difference(tmp_path / "out", "request", "my_own (ms)", "Max") == "n/a|n/a"
    (own,) = [row for row in outcome.comparison.of("request/my_own (ms)") if row.statistic == "p50"]
    assert own.input == 3


def test_7_another_set_of_columns_empties_nothing(tmp_path: Path) -> None:
    rows = [["Metric", "P95", "Average"], ["total_time (ms)", "99", "10"]]
    other = summaries(tmp_path / "other", request=rows)
    golden = summaries(tmp_path / "golden", request=request_summary(**{"total_time (ms)": "8"}))
    compare(other, golden, tmp_path / "out")
    assert difference(tmp_path / "out", "request", "total_time (ms)", "Average") == "2|25%"


@pytest.mark.parametrize("damage", ["garbage", "empty", "no table", "cut"])
def test_8_a_file_that_cannot_be_read_shows_in_the_exit_code(
    golden: Path, samples: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = golden / "profiler.db"
    if damage == "garbage":
        database.write_bytes(b"no database at all" * 100)
    elif damage == "empty":
        database.write_bytes(b"")
    elif damage == "cut":
        database.write_bytes(database.read_bytes()[:70_000])
    else:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DROP TABLE batch")
    sides = [str(samples / "input"), str(golden)]
    assert main(["service-compare", *sides, "-o", str(tmp_path / "out")]) == 1
    assert f"error: {database}: " in capsys.readouterr().out
    # The CSV beside it still answers.
    assert difference(tmp_path / "out", "request", "first_token_latency (ms)", "Average")


def test_9_two_databases_alone_are_enough(samples: Path, tmp_path: Path) -> None:
    for side in ("input", "golden"):
        (tmp_path / side).mkdir()
        shutil.copy(samples / side / "profiler.db", tmp_path / side)
    outcome = compare(tmp_path / "input", tmp_path / "golden", tmp_path / "out")
    assert not outcome.comparison.incomplete
    assert json.loads((tmp_path / "out" / "compare_visualization.json").read_text())["panels"]


def test_10_and_11_quotes_in_paths_wal_and_read_only_folders(samples: Path, tmp_path: Path) -> None:
    """Nothing beside the inputs appears, and not a byte of them changes."""
    folder = tmp_path / 'it\'s "100%" #1?'
    folder.mkdir()
    database = folder / "profiler.db"
    shutil.copy(samples / "golden" / "profiler.db", database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    before = database.read_bytes()
    folder.chmod(0o555)
    try:
        outcome = compare(folder, samples / "golden", tmp_path / "out")
    finally:
        folder.chmod(0o755)
    assert [path.name for path in folder.iterdir()] == ["profiler.db"]
    assert database.read_bytes() == before
    assert outcome.comparison.verdicts["ttft"][0] in ("same", "unclear")
    assert not outcome.comparison.incomplete


def test_11_what_is_still_in_the_journal_is_read_too(golden: Path, samples: Path) -> None:
    database = golden / "profiler.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("DELETE FROM request WHERE http_rid = '0'")
        connection.commit()
        outcome = service_compare([golden], [samples / "golden"], None)
        (count,) = outcome.comparison.of("request_count")
    assert (count.golden, count.input) == (24, 23)


def test_12_sheets_have_one_order_and_folders_any_number_of_files(
    golden: Path, samples: Path, tmp_path: Path
) -> None:
    for number in range(150):
        (golden / f"other{number}.txt").touch()
    compare(samples / "input", golden, tmp_path / "out")
    names = openpyxl.load_workbook(tmp_path / "out" / "compare_result.xlsx").sheetnames
    assert names[:4] == ["summary", "service", "request", "batch"]


def test_batch_sizes_of_servers_that_differ_are_told_apart(tmp_path: Path) -> None:
    for side, server in (("golden", Server()), ("input", Server(decode=1.1))):
        (tmp_path / side).mkdir()
        write_profiler_db(simulate(800, rate=8, server=server), tmp_path / side / "profiler.db")
    outcome = service_compare([tmp_path / "input"], [tmp_path / "golden"], None)
    assert outcome.comparison.verdicts["decode_step"][0] == "worse"
    assert outcome.comparison.verdicts["prefill_step"][0] in ("same", "unclear")
