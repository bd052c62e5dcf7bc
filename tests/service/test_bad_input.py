"""Whatever lies there: a clear row or error, an honest exit code, and nothing written beside it."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from trueness.cli.app import main
from trueness.errors import TruenessError, UsageError
from trueness.service import Outcome, service_compare
from trueness.service.cells import floats, seconds

HOSTILE = "=cmd|' /C calc'!A0</td><script>alert(1)</script>`](http://x)@all\x00\x07\n|x"
REQUEST = ["http_rid", "start_datetime", "recv_token_size", "reply_token_size"]
REQUEST += ["execution_time(ms)", "queue_wait_time(ms)", "first_token_latency(ms)"]


def folder_of(path: Path, rows: list[list[str]], head: list[str] = REQUEST) -> Path:
    path.mkdir()
    with (path / "request.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def row(number: int, **changes: str) -> list[str]:
    values = dict(zip(REQUEST, [str(number), f"2024-12-24 08:26:{number:02}:000001"], strict=False))
    values |= {"recv_token_size": "100", "reply_token_size": "11", "execution_time(ms)": "1000"}
    values |= {"queue_wait_time(ms)": "5", "first_token_latency(ms)": "50"} | changes
    return [values[name] for name in REQUEST]


def compare(path: Path, rows: list[list[str]], head: list[str] = REQUEST) -> Outcome:
    good = folder_of(path / "good", [row(number) for number in range(20)])
    return service_compare([folder_of(path / "bad", rows, head)], [good], None)


def messages(outcome: Outcome) -> str:
    return "\n".join(note.message for note in outcome.comparison.notes)


def test_text_cells_are_missing_values_and_counted(tmp_path: Path) -> None:
    rows = [row(number) for number in range(20)]
    rows[3][6] = "fast"
    rows[4][6] = "inf"
    rows[5][1] = "yesterday"
    outcome = compare(tmp_path, rows)
    assert "2 cells of first_token_latency could not be read" in messages(outcome)
    assert "1 cells of start_datetime could not be read" in messages(outcome)
    counts = [r.input for r in outcome.comparison.of("ttft") if r.statistic == "count"]
    assert counts == [18]


def test_no_requests_at_all_end_in_one_line(tmp_path: Path) -> None:
    bad = folder_of(tmp_path / "bad", [])
    good = folder_of(tmp_path / "good", [row(number) for number in range(20)])
    with pytest.raises(UsageError, match="has no requests"):
        service_compare([bad], [good], None)


def test_unfinished_requests_are_errors(tmp_path: Path) -> None:
    rows = [
        row(number, **{"execution_time(ms)": ""} if number % 4 == 0 else {}) for number in range(20)
    ]
    (error_rate,) = compare(tmp_path, rows).comparison.of("error_rate")
    assert (error_rate.golden, error_rate.input) == (0, 25)
    assert error_rate.verdict == "worse"


def test_requests_that_all_failed_have_no_speed(tmp_path: Path) -> None:
    rows = [row(number, **{"execution_time(ms)": ""}) for number in range(20)]
    outcome = compare(tmp_path, rows)
    assert outcome.comparison.of("error_rate")[0].input == 100
    assert outcome.comparison.of("output_rate")[0].verdict == "unclear"
    assert "the other side has" in messages(outcome)


def test_clocks_that_differ_are_said(tmp_path: Path) -> None:
    rows = [row(number) for number in range(20)]
    rows[2][6] = "-40"
    assert "1 requests have a negative ttft" in messages(compare(tmp_path, rows))


def test_ids_that_occur_twice_are_said_and_kept(tmp_path: Path) -> None:
    outcome = compare(tmp_path, [row(number) for number in range(19)] + [row(7)])
    assert "1 request ids occur more than once" in messages(outcome)
    assert outcome.comparison.of("request_count")[0].input == 20


def test_other_work_is_said(tmp_path: Path) -> None:
    rows = [row(number, recv_token_size="300") for number in range(20)]
    assert "the work differs: total_input_token_num" in messages(compare(tmp_path, rows))


def test_waits_in_micro_seconds_are_found(tmp_path: Path) -> None:
    rows = [row(number, **{"queue_wait_time(ms)": "5000"}) for number in range(20)]
    outcome = compare(tmp_path, rows)
    assert "queue_wait is in micro-seconds" in messages(outcome)
    assert outcome.comparison.of("queue_wait")[0].input == 5


def test_without_any_summary_seconds_are_told_by_their_size(tmp_path: Path) -> None:
    rows = [row(n, **{"first_token_latency(ms)": "0.05"}) for n in range(20)]
    outcome = compare(tmp_path, rows)
    assert "ttft is in seconds" in messages(outcome)
    assert outcome.comparison.of("ttft")[0].input == pytest.approx(50)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"http_rid\n", b"a,b\n1,2\n", b'"' * 9000])
def test_damaged_csv_files_end_in_one_line(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "request.csv").write_bytes(content)
    good = folder_of(tmp_path / "good", [row(number) for number in range(20)])
    code = main(["service-compare", str(tmp_path / "bad"), str(good), "-o", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "bad" in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"[" * 200_000, b'{"completed": 1}', b'{"a": NaN}', b"\xff\xfe{}", b"1\n2"],
)
def test_damaged_json_files_end_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(TruenessError, match=r"r\.json"):
        service_compare([tmp_path / "r.json"], [tmp_path / "r.json"], None)


def test_numbers_of_absurd_size_and_wrong_types_are_missing(tmp_path: Path) -> None:
    found = {"completed": 10**400, "duration": "long", "request_throughput": [1], "failed": True}
    found |= {"ttfts": [0.1, None, "x", 1e308, [1]], "itls": [[0.1], None, 3, [], ["x"]]}
    found |= {"input_lens": [1, 2, 3, 4, 5], "output_lens": [2, 2, 2, 2, 2], "errors": [""] * 5}
    (tmp_path / "r.json").write_text(json.dumps(found))
    outcome = service_compare([tmp_path / "r.json"], [tmp_path / "r.json"], None)
    assert outcome.comparison.of("ttft")


def test_locked_and_half_written_databases_are_read_from_a_copy(golden: Path) -> None:
    database = golden / "profiler.db"
    before = sorted(path.name for path in golden.iterdir())
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        outcome = service_compare([golden], [golden], None)
        connection.execute("ROLLBACK")
    assert not outcome.comparison.incomplete
    assert sorted(path.name for path in golden.iterdir()) == before


def test_inputs_are_not_touched(golden: Path, samples: Path, tmp_path: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in golden.iterdir()}
    service_compare([golden], [samples / "input"], tmp_path / "out")
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in golden.iterdir()
    } == before


def test_hostile_names_stay_texts(tmp_path: Path) -> None:
    head = ["Metric", "Average", "P50"]
    for side in ("input", "golden"):
        (tmp_path / side).mkdir()
        with (tmp_path / side / "request_summary.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head, [HOSTILE, "1", "2"], ["=1+1", "3", "4"]])
    output = tmp_path / "out"
    service_compare([tmp_path / "input"], [tmp_path / "golden"], output)
    book = openpyxl.load_workbook(output / "compare_result.xlsx")
    cells = [
        cell for cell in book["request"]["A"] if "cmd" in str(cell.value) or "=1" in str(cell.value)
    ]
    assert len(cells) == 6
    assert {cell.data_type for cell in cells} == {"s"}
    with closing(sqlite3.connect(output / "compare_result.db")) as connection:
        names = [name for (name,) in connection.execute("SELECT DISTINCT Metric FROM request")]
    assert any("<script>" in name for name in names)
    assert "<script>" not in (output / "compare_result.md").read_text().replace("\\<", "")


def test_unreadable_folders_end_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()

    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    # Nothing is forbidden to root, who runs this in CI.
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UsageError, match="closed"):
        service_compare([tmp_path / "closed"], [tmp_path / "closed"], None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "nowhere"], "does not exist"),
        ([], "INPUT is missing"),
        (["--input", "."], "GOLDEN is missing"),
        ([".", ".", "--slo", "speed=3"], "--slo is speed=3"),
        ([".", ".", "--slo", "ttft=-1ms"], "--slo is ttft=-1ms"),
        ([".", ".", "--tolerance", "much"], "--tolerance is 'much'"),
        ([".", ".", "--fail-on", "regression"], "--fail-on is 'regression'"),
        ([".", ".", "--where", "rate"], "--where is 'rate'"),
        ([".", ".", "-l", "loud"], "no log level"),
        ([".", "."], "holds no run"),
    ],
)
def test_wrong_calls_say_what_to_do(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["service-compare", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_file_where_the_reports_should_go(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="is no folder"):
        service_compare([samples / "input"], [samples / "golden"], tmp_path / "taken")


def test_cells_of_every_kind() -> None:
    values, bad = floats(["1", b"2", 3, None, "<NA>", "x", "inf", 10**400, True])
    assert np.array_equal(values[:5], [1, 2, 3, np.nan, np.nan], equal_nan=True)
    assert bad == 4
    times, wrong = seconds(
        ["1970-01-02 00:00:01:500000", b"1970-01-01 00:00:00.25", "1970-01-01T00:01:00", "", "soon"]
    )
    assert np.array_equal(times[:3], [86401.5, 0.25, 60])
    assert np.isnan(times[3:]).all()
    assert wrong == 1
