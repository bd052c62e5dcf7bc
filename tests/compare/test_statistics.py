from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness.compare.engine import compare_pairs
from trueness.compare.standards import standard_of
from trueness.compare.statistics import compare_statistics
from trueness.model import Pair, State, Statistics, TensorRef
from trueness.report.columns import COLUMNS, row

AUTO, BITWISE = standard_of("auto"), standard_of("bitwise")

GOLDEN = Statistics(2.0, -1.0, 0.5, 10.0, dtype="float32", shape=(4, 5))


def test_agreement_is_not_called_equality() -> None:
    outcome = compare_statistics(GOLDEN, GOLDEN, AUTO)
    assert (outcome.state, outcome.passed) == (State.OK, True)
    assert outcome.reason.startswith("statistics only: max, min, mean, l2norm agree")
    assert "does not show that all elements do" in outcome.reason
    assert outcome.metrics["golden_max_value"] == outcome.metrics["my_max_value"] == 2.0
    assert "cosine_similarity" not in outcome.metrics


def test_each_value_alone_can_fail_a_pair() -> None:
    for name in ("max_value", "min_value", "mean_value", "l2norm"):
        my = replace(GOLDEN, **{name: getattr(GOLDEN, name) + 0.1})
        outcome = compare_statistics(GOLDEN, my, AUTO)
        stem = name.removesuffix("_value")
        assert outcome.passed is False
        assert f"{stem} differs by" in outcome.reason
        assert outcome.metrics[f"{stem}_stat_absolute_error"] == pytest.approx(0.1)


def test_relative_errors_are_msit_s_and_the_verdict_is_not_fooled_by_a_mean_near_zero() -> None:
    golden = Statistics(2.0, -4.0, 1e-9, 10.0, dtype="float32")
    my = Statistics(2.0, -4.0, -1e-9, 11.0, dtype="float32")
    outcome = compare_statistics(golden, my, AUTO)
    assert outcome.metrics["l2norm_stat_relative_error"] == pytest.approx(0.1)
    assert outcome.metrics["mean_stat_relative_error"] == pytest.approx(2e-9 * 2**23)
    assert "l2norm differs by 1 > 0.001" in outcome.reason
    assert "mean differs" not in outcome.reason
    assert outcome.reason.endswith("relative errors: max 0, min 0, mean 0.0167772, l2norm 0.1")


def test_a_row_of_the_report_holds_the_statistics_of_both_sides(tmp_path: Path) -> None:
    sides = [
        TensorRef("dump.json", member=name, statistics=replace(GOLDEN, max_value=value))
        for name, value in (("g", 2.0), ("m", 2.5))
    ]
    (result,) = compare_pairs([Pair(*sides, "name")])
    cells = dict(zip(COLUMNS, row(result, 0), strict=True))
    for side, largest in (("golden", 2.0), ("my", 2.5)):
        names = ("max_value", "min_value", "mean_value", "l2norm")
        assert [cells[f"{side}_{name}"] for name in names] == [largest, -1.0, 0.5, 10.0]
    assert cells["cosine_similarity"] == ""
    assert "max 0.25" in cells["cmp_fail_reason"]


def test_the_bound_is_that_of_the_less_precise_dtype() -> None:
    my = replace(GOLDEN, max_value=2.004)
    assert compare_statistics(GOLDEN, my, AUTO).passed is False
    assert compare_statistics(GOLDEN, replace(my, dtype="float16"), AUTO).passed is True


def test_order_of_summation_is_no_difference() -> None:
    my = replace(GOLDEN, mean_value=0.5 * (1 + 1e-7), l2norm=10.0 * (1 - 1e-7))
    assert compare_statistics(GOLDEN, my, BITWISE).passed is True
    assert compare_statistics(GOLDEN, replace(my, max_value=2.0 + 2e-7), BITWISE).passed is False


def test_what_only_one_side_tells_is_not_compared() -> None:
    my = Statistics(max_value=2.0)
    assert "max agree" in compare_statistics(GOLDEN, my, AUTO).reason
    outcome = compare_statistics(GOLDEN, Statistics(nan_count=0.0), AUTO)
    assert (outcome.state, outcome.passed) == (State.NOT_DUMPED, False)


def test_shapes_nan_and_checksums() -> None:
    shaped = compare_statistics(GOLDEN, replace(GOLDEN, shape=(5, 4)), AUTO)
    assert (shaped.state, shaped.passed) == (State.SHAPE_MISMATCH, False)
    odd = compare_statistics(GOLDEN, replace(GOLDEN, max_value=nan), AUTO)
    assert (odd.state, odd.passed) == (State.NONFINITE_MY, False)
    counted = compare_statistics(replace(GOLDEN, inf_count=1.0), GOLDEN, AUTO)
    assert counted.state is State.NONFINITE_GOLDEN
    left = Statistics(checksum="1f2e")
    assert compare_statistics(left, left, BITWISE).passed is True
    assert compare_statistics(left, Statistics(checksum="1f2f"), AUTO).passed is False


def test_values_on_one_side_are_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(4, dtype=np.float32))
    known = Statistics(3.0, 0.0, 1.5, 14**0.5, dtype="float32", shape=(4,))
    golden = TensorRef("dump.json", member="x", statistics=known)
    (row,) = compare_pairs([Pair(golden, TensorRef(str(path)), "name")])
    assert (row.state, row.passed, row.my_shape) == (State.OK, True, (4,))
    (row,) = compare_pairs([Pair(TensorRef(str(path)), replace(golden, member="y"), "name")])
    assert row.reason.startswith("statistics only")


def atb(path: Path, **values: float) -> Path:
    lines = [f"{name}={value}" for name, value in values.items()]
    path.write_text("\n".join(["$Version=1.0", "dtype=0", "dims=2,3", *lines, "$End=1", ""]))
    return path


def test_a_file_of_statistics_is_known_by_its_content(tmp_path: Path) -> None:
    golden = atb(tmp_path / "g.bin", max=1.0, min=-1.0, mean=0.0, l2norm=2.0)
    my = atb(tmp_path / "m.bin", max=1.5, min=-1.0, mean=0.0, l2norm=2.0)
    (row,) = tn.compare_files(golden, my)
    assert row.reason.startswith("statistics only: max differs by 0.5")
    (row,) = tn.compare_files(golden, golden)
    assert row.passed is True


def test_damaged_statistics_are_unreadable(tmp_path: Path) -> None:
    golden = atb(tmp_path / "g.bin", max=1.0)
    my = tmp_path / "m.bin"
    my.write_text("$Version=1.0\ndtype=0\ndims=2\nmax=many\n$End=1\n")
    (row,) = tn.compare_files(golden, my)
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert "max" in row.reason


@pytest.mark.parametrize(
    ("name", "change", "passed"),
    [
        ("torch", {"max_value": 2.0 + 1e-5}, True),
        ("torch", {"max_value": 2.0 + 1e-3}, False),
        ("cann-mixed@opbase", {"max_value": 2.0 + 9e-3}, True),
        ("cann-mixed@opbase", {"max_value": 2.0 + 2e-2}, False),
        ("cann-community", {"mean_value": 1.5 + 1e-5}, True),
        ("cann-community", {"mean_value": 1.5 + 1e-2}, False),
        ("msit-analyser", {"l2norm": 11.0}, False),
    ],
)
def test_demands_that_bound_a_difference_judge_statistics(
    name: str, change: dict[str, float], passed: bool
) -> None:
    golden = Statistics(2.0, -1.0, 1.5, 10.0, dtype="float32")
    outcome = compare_statistics(golden, replace(golden, **change), standard_of(name))
    assert outcome.passed is passed, outcome.reason
    assert outcome.reason.startswith("statistics only: ")


@pytest.mark.parametrize("name", ["ulp", "cann-commercial-L1", "msprobe-compare"])
def test_what_statistics_cannot_tell_is_not_compared(name: str) -> None:
    standard = standard_of(name)
    outcome = compare_statistics(GOLDEN, GOLDEN, standard)
    assert (outcome.state, outcome.passed) == (State.NOT_DUMPED, False)
    assert f"{standard.label} cannot be judged from them" in outcome.reason
