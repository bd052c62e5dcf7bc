import json
from dataclasses import replace
from pathlib import Path

import pytest

from builders.reports import hostile_rows, model_rows, result
from trueness.cli.app import main
from trueness.errors import FormatError, UsageError
from trueness.model import Metrics, Result, State, TensorRef
from trueness.report import write_report
from trueness.report.diff import ReportDiff, diff_reports
from trueness.report.read_report import read_report


def report(path: Path, rows: list[Result]) -> Path:
    return write_report(path.suffix[1:], rows, path)


def diff(tmp_path: Path, old: list[Result], new: list[Result], suffix: str = "csv") -> ReportDiff:
    names = (tmp_path / f"old.{suffix}", tmp_path / f"new.{suffix}")
    sides = [read_report(report(name, rows)) for name, rows in zip(names, (old, new), strict=True)]
    return diff_reports(*sides)


def counts(found: ReportDiff) -> tuple[int, ...]:
    return tuple(map(len, (found.worse, found.better, found.new, found.gone)))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_same_run_has_no_changes(tmp_path: Path, suffix: str) -> None:
    rows = list(model_rows(2000))
    found = diff(tmp_path, rows, rows, suffix)
    assert (counts(found), found.same, found.exit_code) == ((0, 0, 0, 0), 2000, 0)


def test_better_worse_new_and_gone(tmp_path: Path) -> None:
    old = [result("a", 0.1), result("b", 0.1), result("c", 1e-3), result("d", 1e-3), result("e")]
    new = [result("a", 1e-3), result("b", 0.15), result("c", 0.1), result("d", 0.4), result("f")]
    found = diff(tmp_path, old, new)
    assert [change.key[2] for change in found.worse] == ["d", "c"]
    assert [change.key[2] for change in found.better] == ["a"]
    assert [change.key[2] for change in found.new] == ["f"]
    assert [change.key[2] for change in found.gone] == ["e"]
    assert (found.same, found.exit_code) == (1, 1)


@pytest.mark.parametrize(
    ("dtype", "old", "new", "worse"),
    [
        ("float16", 1e-5, 4e-4, 0),
        ("float16", 1e-4, 1e-3, 1),
        ("bfloat16", 1e-3, 3e-3, 0),
        ("float32", 0.0, 5e-8, 0),
        ("float32", 1e-7, 3e-7, 1),
        ("float32", 1e-3, 1.9e-3, 0),
        ("float64", 1e-12, 1e-11, 1),
        ("float64", 1e-17, 1e-16, 0),
        ("float32", 1e-3, float("inf"), 1),
    ],
)
def test_rounding_is_no_change(
    tmp_path: Path, dtype: str, old: float, new: float, worse: int
) -> None:
    sides = [
        [
            result(
                golden_dtype=dtype,
                my_dtype=dtype,
                passed=True,
                metrics=Metrics({"relative_euclidean_distance": error}),
            )
        ]
        for error in (old, new)
    ]
    assert counts(diff(tmp_path, *sides)) == (worse, 0, 0, 0)
    assert counts(diff(tmp_path, *sides[::-1])) == (0, worse, 0, 0)


def test_what_can_no_longer_be_compared_is_worse(tmp_path: Path) -> None:
    broken = replace(result("a"), state=State.UNREADABLE, passed=False, metrics=Metrics({}))
    assert counts(diff(tmp_path, [result("a")], [broken])) == (1, 0, 0, 0)
    assert counts(diff(tmp_path, [broken], [result("a")])) == (0, 1, 0, 0)


@pytest.mark.parametrize("error", [float("nan"), 0.0])
def test_nan_where_there_was_an_error_is_worse(tmp_path: Path, error: float) -> None:
    wrong = result("a", 0.1)
    values = Metrics({"relative_euclidean_distance": error})
    odd = replace(wrong, state=State.NONFINITE_MY, metrics=values)
    rows = [result("b", 0.1), wrong], [result("b", 0.5), odd]
    found = diff(tmp_path, *rows)
    assert [change.key[2] for change in found.worse] == ["a", "b"]
    assert counts(diff(tmp_path, *rows[::-1])) == (0, 2, 0, 0)
    assert counts(diff(tmp_path, rows[1], rows[1])) == (0, 0, 0, 0)


def test_what_needed_no_partner_is_not_missed(tmp_path: Path) -> None:
    number = Result(TensorRef("g", op_name="n"), None, State.UNMATCHED_GOLDEN, "a number")
    found = diff(tmp_path, [number, result("a")], [result("a")])
    assert (counts(found), found.exit_code) == ((0, 0, 0, 0), 0)


def test_verdicts_of_two_standards_are_not_compared(tmp_path: Path) -> None:
    failed = replace(result("a"), passed=False, standard="bitwise@1")
    found = diff(tmp_path, [result("a")], [failed])
    assert (counts(found), found.same) == ((0, 0, 0, 0), 1)
    assert "bitwise@1" in found.note


def test_tensors_of_a_checkpoint_are_told_apart(tmp_path: Path) -> None:
    def weights(*names: str, error: float) -> list[Result]:
        return [
            result(
                error=error * place,
                my=TensorRef("/new/w.safetensors", name, "w.safetensors"),
            )
            for place, name in enumerate(names, 1)
        ]

    old, new = weights("x", "y", "z", error=0.01), weights("z", "y", "w", error=0.01)
    found = diff(tmp_path, old, new)
    assert [change.key[5] for change in found.better] == ["z"]
    assert [change.key[5] for change in (*found.new, *found.gone)] == ["w", "x"]


def test_a_report_of_an_interrupted_run_can_be_read(tmp_path: Path) -> None:
    path = report(tmp_path / "old.csv", [result("a"), result("b")])
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("float16")], encoding="utf-8")
    assert [key[2] for key in read_report(path)] == ["a"]


def test_a_report_without_rows_has_no_standard_to_disagree(tmp_path: Path) -> None:
    found = diff(tmp_path, [], [result("a")])
    assert (counts(found), found.note) == ((0, 0, 1, 0), "")


def test_a_path_that_is_no_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff-reports", str(tmp_path / "x.csv"), str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"trueness: {tmp_path / 'x.csv'} does not exist\n"
    with pytest.raises(UsageError, match="is no file"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column"),
        ("a,b\n1,2\n", "no column golden_data_path"),
        ("PAR1 but not really", "a Parquet file"),
    ],
)
def test_what_is_no_report_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_report(path)
    assert main(["diff-reports", str(path), str(path)]) == 2


def test_a_cell_that_is_no_number_is_said_with_its_line(tmp_path: Path) -> None:
    path = report(tmp_path / "old.csv", [result("a"), result("b", 0.25)])
    path.write_text(path.read_text(encoding="utf-8").replace(",0.25,", ",wide,"), "utf-8")
    with pytest.raises(FormatError, match="line 3: expected a number"):
        read_report(path)


@pytest.fixture
def sides(tmp_path: Path) -> list[str]:
    old = report(tmp_path / "old.csv", [result("a|b"), result("gone"), *hostile_rows()[:7]])
    new = report(tmp_path / "new.parquet", [result("a|b", 0.5), *hostile_rows()[:7]])
    return [str(old), str(new)]


def test_on_the_screen(sides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff-reports", *sides, "--top", "1"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("WORSE: 1 worse, ")
    assert "a|b (rank 0, token 0)" in text
    assert "\x1b" not in text
    assert main(["diff-reports", sides[0], sides[0], "-q"]) == 0
    assert capsys.readouterr().out == ""


def test_as_json(sides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff-reports", *sides, "--json"]) == 1
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["counts"]["worse"] == len(found["worse"]) == 1
    assert found["worse"][0]["op_name"] == "a|b"
    assert (found["worse"][0]["old_verdict"], found["worse"][0]["new_error"]) == ("pass", 0.5)
    assert "gone" in [change["op_name"] for change in found["gone"]]


def test_as_markdown(sides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff-reports", *sides[::-1], "--markdown"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("## NOT WORSE: 0 worse, 0 gone, 1 better, 1 new, 7 as before")
    assert main(["diff-reports", *sides, "--markdown"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("## WORSE")
    assert "| a\\|b (rank 0, token 0) | output 0 | 0.0001 | 0.5 | pass | fail |" in text
    assert "<img" not in text
    assert main(["diff-reports", *sides, "--markdown", "--json"]) == 2
