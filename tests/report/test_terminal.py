import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from builders.reports import model_rows, summary_of
from trueness.model import Metrics, Result, State, TensorRef
from trueness.report import Summary, print_json, print_metrics, print_summary
from trueness.report.names import clean
from trueness.report.trend import BLOCKS, POINTS, Trend, sparkline


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def failed(name: str, distance: float) -> Result:
    return Result(
        TensorRef("g"),
        TensorRef("m", op_name=name),
        State.OK,
        "too far",
        Metrics({"relative_euclidean_distance": distance}),
        False,
        "auto@2",
    )


PASSED = Result(TensorRef("g"), TensorRef("m"), State.OK, passed=True, standard="auto@2")
MISSING = Result(TensorRef("g"), None, State.UNMATCHED_GOLDEN, "alone", passed=False)
NUMBER = Result(TensorRef("g"), None, State.UNMATCHED_GOLDEN, "a number")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 1),
        ([NUMBER], 1),
        ([PASSED], 0),
        ([PASSED, NUMBER], 0),
        ([PASSED, MISSING], 1),
        ([PASSED, failed("x", 1.0)], 1),
    ],
)
def test_exit_codes(results: list[Result], code: int) -> None:
    assert Summary.of(results).exit_code == code


def test_counts_add_up() -> None:
    summary = Summary.of([PASSED, NUMBER, MISSING, failed("x", 1.0)])
    assert (summary.passed, summary.not_needed, summary.not_compared, summary.failed) == (1,) * 4
    assert summary.total == 4
    assert summary.states == {"ok": 2, "unmatched_golden": 2}


def test_the_worst_and_the_first() -> None:
    results = [failed(str(i), d) for i, d in enumerate([0.5, 3.0, float("nan"), 3.0])]
    summary = Summary.of(results)
    assert summary.first_failed is results[0]
    assert [r.my.op_name for r in summary.worst(3)] == ["2", "1", "3"]


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_everything_is_said(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary = Summary.of([PASSED, NUMBER, MISSING, failed("Mul_1", 0.75)])
    print_summary(summary, 10, (), out)
    text = out.getvalue()
    for word in ("FAIL", "auto@2", "Mul_1", "0.75", "too far", "alone", "exit code 1"):
        assert word in text
    assert ("\x1b[" in text) is out.isatty()


def test_a_narrow_terminal_keeps_numbers_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    result = replace(failed("SoftmaxV2_1", 0.00128399), my_dtype="float32", my_shape=(16, 1024))
    print_summary(
        Summary.of([replace(result, my_dtype="float32", my_shape=(16, 1024))]), 10, (), out
    )
    assert "0.00128399" in out.getvalue()
    assert "too far" not in out.getvalue()


def test_a_tensor_that_has_only_a_name() -> None:
    out = io.StringIO()
    long = "layers." + "x" * 10_000 + ".weight"
    for name, shown in (("lm_head", "lm_head"), (long, "layers.xxx")):
        ref = TensorRef("weights.safetensors", member=name)
        print_summary(Summary.of([replace(failed("", 1.0), my=ref)]), 10, (), out)
        assert f"first to differ: weights.safetensors, {shown}" in out.getvalue()
        assert f"\nweights.safetensors  {shown}" in out.getvalue()
    assert "xxx.weight" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) < 250


def test_names_cannot_steer_the_terminal() -> None:
    out = io.StringIO()
    print_summary(Summary.of([failed("\x1b[2J[red]evil\n", 1.0)]), 10, (), out)
    print_metrics([failed("\x1b[2J", 1.0)], out)
    assert "\x1b" not in out.getvalue()
    assert "\\x1b[2J[red]evil\\n" in out.getvalue()
    assert clean("plain \u6587") == "plain \u6587"


def test_json_has_no_nan() -> None:
    out = io.StringIO()
    results = [failed("x", float("nan")), failed("y", float("inf"))]
    print_json(Summary.of(results), results, (), out)
    found = json.loads(out.getvalue(), parse_constant=pytest.fail)
    assert found["summary"]["failed"] == 2
    assert [row["relative_euclidean_distance"] for row in found["rows"]] == [None, "inf"]


def test_coverage_counts_what_became_of_everything() -> None:
    states = (
        *(State.OK, State.NOT_DUMPED, State.UNREADABLE, State.UNREADABLE),
        *(State.UNMATCHED_GOLDEN, State.UNMATCHED_MY, State.UNMATCHED_MY),
    )
    summary = Summary.of([replace(PASSED, state=state) for state in states])
    summary.skipped = {"rank": 20, "op": 3}
    assert summary.coverage == {
        "pairs": 4,
        "unmatched_golden": 1,
        "unmatched_my": 2,
        "not_dumped": 1,
        "unreadable": 2,
        "skipped_by_filter": 23,
    }
    out = io.StringIO()
    print_summary(summary, 10, (), out)
    assert "skipped by filter 23 (rank 20, op 3)" in out.getvalue()


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_findings_come_before_the_worst_rows(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_summary(summary_of(list(model_rows(2000)), 3), 2, (), out)
    text = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
    first = "1. model.layers.17.MatMul_850 (MatMul, layer 17, rank 0, token 0): introduced"
    assert text.index("diagnosis: starts at ") < text.index(first) < text.index("\nworst 2 of ")
    assert "     - 40 operators inherit it" in text
    assert "and 1 more" in text
    (line,) = [line for line in text.splitlines() if line.startswith("[")]
    # Quiet, then the jump of layer 17 and quiet again in layer 0, 32 layers of 50 rows.
    assert len(set(line[2:20])) < len(set(line))


def test_no_rows_have_no_standard() -> None:
    out = io.StringIO()
    print_summary(Summary.of([]), 1, [], out)
    assert out.getvalue().startswith("NOTHING COMPARED\n")


def test_rows_without_an_error_have_no_trend() -> None:
    out = io.StringIO()
    print_summary(Summary.of([MISSING, MISSING]), 1, [], out)
    assert "rows in order" not in out.getvalue()
    print_summary(Summary.of([failed("a", 0.1), MISSING]), 1, [], out)
    assert "relative L2 over 2 rows in order" in out.getvalue()


def test_without_any_worst_rows_findings_are_said_to_be_left_out() -> None:
    out = io.StringIO()
    print_summary(summary_of(list(model_rows(2000))), 0, [], out)
    assert "     findings are not shown, which the reports have\n" in out.getvalue()


def test_json_has_the_findings() -> None:
    out = io.StringIO()
    summary = summary_of(list(model_rows(2000)))
    print_json(summary, [], [Path("a.csv"), Path("a.md")], out)
    found = json.loads(out.getvalue(), parse_constant=pytest.fail)
    finding = found["diagnosis"]["findings"][0]
    assert (finding["kind"], finding["layer"], finding["row"]["op_name"]) == (
        "introduced",
        17,
        finding["op_name"],
    )
    assert [other["error"] for other in finding["producers"]] == [2e-4, None]
    assert (found["report"], found["reports"]) == ("a.csv", {"csv": "a.csv", "md": "a.md"})
    assert found["recognised"]["my"]["layout"] == "flat"


def test_a_trend_is_bounded_and_keeps_the_worst() -> None:
    trend = Trend()
    for i in range(10 * POINTS + 7):
        trend.add(0.5 if i == 777 else 1.0, 9.0 if i == 12_345 else float("nan"))
    assert POINTS // 2 <= len(trend.points) <= POINTS
    assert [p.distance for p in trend.points if p.distance > 0] == [9.0]
    assert [p.row for p in trend.points if p.cosine == 0.5] == [777 // 16 * 16]
    assert len(sparkline(trend, 60, BLOCKS)) <= 60
    assert sparkline(trend, 60, BLOCKS).strip() == "\u2588"
    assert sparkline(Trend(), 60, BLOCKS) == ""
