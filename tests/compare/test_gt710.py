"""A torchair dump (PTA above 7.1.0) that msit compared too: the same pairs and numbers where msit
is right, and one test for each place where it is not."""

import csv
from pathlib import Path

import pytest

from trueness.dumps import compare_dumps
from trueness.model import Result, State
from trueness.report.columns import location

DATA = Path(__file__).parents[1] / "data" / "torchair"
Key = tuple[int, int, str, str]


def key_of(rank: int, token: int, golden: str, my: str) -> Key:
    return rank, token, golden.rpartition("/")[2], my.rpartition("/")[2]


@pytest.fixture(scope="module")
def ours() -> dict[Key, Result]:
    results = list(compare_dumps(DATA / "gt710" / "fx", DATA / "gt710" / "ge", jobs=2))
    found = {}
    for result in results:
        ref = result.my or result.golden
        key = key_of(ref.rank, ref.token, location(result.golden), location(result.my))
        assert key not in found
        found[key] = result
    return found


def read_msit() -> dict[Key, dict[str, str]]:
    rows = {}
    for rank in (0, 1):
        path = DATA / "msit" / f"gt710_rank{rank}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = key_of(
                    rank, int(row["token_id"]), row["golden_data_path"], row["my_data_path"]
                )
                rows[key] = row
    return rows


MSIT = read_msit()


def of(op: str, io: str, index: int, results: dict[Key, Result]) -> list[Result]:
    """Rows of one tensor of mine, one for each rank and token."""
    found = [
        result
        for result in results.values()
        if result.my and (result.my.op_name, result.my.io, result.my.index) == (op, io, index)
    ]
    assert found
    return found


def is_wrong_in_msit(key: Key) -> bool:
    return "native_layer_norm" in key[2] and ".INPUT.2." in key[2] and key[3].endswith("inputs,2")


def test_every_pair_of_msit_is_ours_but_the_one_it_gets_wrong(ours: dict[Key, Result]) -> None:
    pairs = {key for key, result in ours.items() if result.golden and result.my}
    assert len(MSIT) > 150
    assert {key for key in MSIT if key not in pairs} == set(filter(is_wrong_in_msit, MSIT))


@pytest.mark.parametrize(
    ("metric", "tolerance"),
    [
        ("cosine_similarity", {"abs": 1e-6}),
        # msit divides in float32: m/g - 1 is off by up to its epsilon.
        ("max_relative_error", {"rel": 1e-5, "abs": 2.4e-7}),
        ("mean_relative_error", {"rel": 1e-5, "abs": 2.4e-7}),
        ("relative_euclidean_distance", {"rel": 1e-5, "abs": 1e-12}),
    ],
)
def test_numbers_of_msit(ours: dict[Key, Result], metric: str, tolerance: dict[str, float]) -> None:
    compared = 0
    for key, row in MSIT.items():
        if is_wrong_in_msit(key) or not row[metric] or "zeros_like" in key[2]:
            continue
        assert ours[key].metrics[metric] == pytest.approx(float(row[metric]), **tolerance), key
        compared += 1
    assert compared > 140


def test_errors_where_golden_is_zero_count(ours: dict[Key, Result]) -> None:
    """msit leaves out every element whose golden value is about 0: here all of them, so it reports
    an error of 0 for a tensor of zeros against one of random numbers."""
    for result in of("ZerosLike", "input", 0, ours):
        key = key_of(result.my.rank, result.my.token, location(result.golden), location(result.my))
        assert float(MSIT[key]["max_absolute_error"]) == 0
        assert result.state is State.ZERO_GOLDEN
        assert result.metrics["max_absolute_error"] > 1
        assert not result.passed


def test_int8_rows_stay(ours: dict[Key, Result]) -> None:
    """msit removes rows with one int8 side from the list it walks, so every second one is lost."""
    for index in (0, 1):
        for result in of("QuantBatchMatmulV3", "input", index, ours):
            assert (result.golden_dtype, result.my_dtype) == ("float32", "int8")
            assert result.state is State.OK
    lost = [key for key in ours if "npu_quant_matmul" in key[2] and key not in MSIT]
    assert lost


def test_rows_of_other_shapes_stay(ours: dict[Key, Result]) -> None:
    """msit drops a row whose only fault is the shape; it is the gravest there is."""
    for result in of("Reshape", "output", 0, ours):
        assert result.state is State.SHAPE_MISMATCH
        assert not result.passed
        assert "[16, 16]" in result.reason
        assert "[16, 18]" in result.reason


def test_arguments_are_paired_by_shape(ours: dict[Key, Result]) -> None:
    """msit pairs by position: FX counts normalized_shape among the arguments, so it compares the
    bias with gamma. Gamma and beta are arguments 2 and 3, and inputs 1 and 2 of GE."""
    for fx_index, ge_index in ((0, 0), (2, 1), (3, 2)):
        for result in of("LayerNormV3", "input", ge_index, ours):
            assert result.golden.index == fx_index
            assert result.metrics["cosine_similarity"] == pytest.approx(1, abs=1e-6)


def test_nonfinite_values_do_not_hide_the_others(ours: dict[Key, Result]) -> None:
    """msit computes nothing for a tensor with a NaN; the finite elements are worth comparing."""
    for result in of("Sqrt", "output", 0, ours):
        assert result.state is State.NONFINITE_BOTH
        assert result.metrics["cosine_similarity"] > 0.99
        golden, my = (int(result.metrics[f"{side}_nan_count"]) for side in ("golden", "my"))
        assert golden > 0
        if golden != my:
            assert not result.passed
            assert result.reason.startswith("NaN or Inf in ")


def test_what_has_no_partner_is_a_row(ours: dict[Key, Result]) -> None:
    """msit says nothing of these."""
    for result in of("Neg", "output", 0, ours):
        assert result.state is State.UNMATCHED_MY
        assert not result.passed
        assert "neg-aten.neg.default.OUTPUT.0" in result.reason
    smaller = [
        result for key, result in ours.items() if key[3].endswith("Mul.8.2.1763721000000645")
    ]
    assert [result.passed for result in smaller] == [None] * 2
    assert all("Mul.Mul.8.2.1763721000000685" in result.reason for result in smaller)


def test_rows_are_in_the_order_of_execution(ours: dict[Key, Result]) -> None:
    """msit sorts by text: index 10 before 2, tokens mixed."""
    mine = [result.my for result in ours.values() if result.my and result.golden]
    assert [(r.rank, r.token, r.order) for r in mine] == sorted(
        (r.rank, r.token, r.order) for r in mine
    )


def test_rank_and_token_choose_a_part() -> None:
    fx, ge = DATA / "gt710" / "fx", DATA / "gt710" / "ge"
    results = list(compare_dumps(fx, ge, rank=1, token=0))
    assert {(r.my or r.golden).rank for r in results} == {1}
    assert {(r.my or r.golden).token for r in results} == {0}
    assert len(results) > 40
