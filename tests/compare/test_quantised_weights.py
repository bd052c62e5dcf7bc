"""Float weights against int8 ones with scale and offset."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from builders.safetensors import write_safetensors
from trueness.cli.app import main
from trueness.dumps import compare_dumps
from trueness.model import Result, State

RNG = np.random.default_rng(3)
WEIGHT = RNG.standard_normal((4, 6)).astype(np.float32) * np.array([[1], [10], [0.1], [5]], "f4")


def quantise(weight: np.ndarray, scale: np.ndarray, offset: float = 3) -> dict[str, np.ndarray]:
    steps = np.clip(np.round(weight / scale + offset), -128, 127).astype(np.int8)
    offsets = np.full_like(scale, offset)
    return {"a.weight": steps, "a.weight_scale": scale, "a.weight_offset": offsets}


ROWS = np.abs(WEIGHT).max(1, keepdims=True) / 120
MINE = quantise(WEIGHT, ROWS)


def compare(tmp_path: Path, my: Mapping[str, np.ndarray], weight: np.ndarray = WEIGHT) -> Result:
    rows = rows_of(tmp_path, my, weight)
    return next(row for row in rows if row.golden)


def rows_of(
    tmp_path: Path, my: Mapping[str, np.ndarray], weight: np.ndarray = WEIGHT
) -> list[Result]:
    write_safetensors(tmp_path / "golden/model.safetensors", {"a.weight": weight})
    write_safetensors(tmp_path / "my/quant.safetensors", my)
    return list(compare_dumps(tmp_path / "golden", tmp_path / "my"))


@pytest.mark.parametrize("scale", [ROWS, ROWS.max(), ROWS.max().reshape(1, 1)], ids=str)
def test_within_a_step_it_passes(tmp_path: Path, scale: np.ndarray) -> None:
    mine = quantise(WEIGHT, np.asarray(scale, np.float32))
    row = compare(tmp_path, mine)
    assert (row.state, row.passed, row.reason, row.my_dtype) == (State.OK, True, "", "float32")
    back = (mine["a.weight"] - np.float32(3)) * mine["a.weight_scale"]
    assert row.metrics["max_absolute_error"] == pytest.approx(np.abs(back - WEIGHT).max(), rel=1e-5)
    assert row.pairing == "tensor name; my int8 weight times its scale"


def test_two_steps_in_a_row_of_small_weights_are_seen(tmp_path: Path) -> None:
    """Beside the large rows the error is nothing: only steps tell."""
    wrong = MINE["a.weight"].copy()
    wrong[2, 0] -= 2
    row = compare(tmp_path, {**MINE, "a.weight": wrong})
    assert row.passed is False
    assert row.reason.startswith("in steps of the quantisation: max_absolute_error 2")
    assert row.metrics["relative_euclidean_distance"] < 0.01


def test_a_name_that_says_weight_twice(tmp_path: Path) -> None:
    """msit looks for scales of weight_scale_norm.weight_scale."""
    name = "weight_norm.weight"
    write_safetensors(tmp_path / "golden/m.safetensors", {name: WEIGHT})
    mine = {key.replace("a.weight", name): value for key, value in MINE.items()}
    write_safetensors(tmp_path / "my/m.safetensors", mine)
    first, *others = compare_dumps(tmp_path / "golden", tmp_path / "my")
    assert (first.passed, [row.passed for row in others]) == (True, [None, None])


def test_what_belongs_to_the_quantised_weight_is_not_missed(tmp_path: Path) -> None:
    beside = {f"a.{what}": np.ones(4, np.float32) for what in ("deq_scale", "quant_bias")}
    rows = rows_of(tmp_path, {**MINE, **beside, "b.deq_scale": np.ones(4, np.float32)})
    assert {row.my.op_name: row.passed for row in rows if not row.golden} == {
        "a.weight_scale": None,
        "a.weight_offset": None,
        "a.deq_scale": None,
        "a.quant_bias": None,
        "b.deq_scale": False,
    }


@pytest.mark.parametrize("shape", [(4,), (6,), (4, 2), (2, 6)], ids=str)
def test_scales_that_would_have_to_be_guessed(tmp_path: Path, shape: tuple[int, ...]) -> None:
    row = compare(tmp_path, {**MINE, "a.weight_scale": np.ones(shape, np.float32)})
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert f"a.weight_scale of shape {list(shape)} does not fit" in row.reason


def test_without_a_scale_numbers_meet_numbers_and_the_row_says_so(tmp_path: Path) -> None:
    row = compare(tmp_path, {"a.weight": MINE["a.weight"]})
    assert (row.passed, row.my_dtype) == (False, "int8")
    assert "no scale and offset to dequantise mine with" in row.pairing


def test_golden_is_the_float_side(tmp_path: Path) -> None:
    row = compare(tmp_path, {"a.weight": WEIGHT}, MINE["a.weight"])
    assert (row.passed, row.golden_dtype) == (False, "int8")
    assert "only my side is dequantised" in row.pairing


def test_both_quantised_are_compared_as_they_are(tmp_path: Path) -> None:
    row = compare(tmp_path, MINE, MINE["a.weight"])
    assert (row.passed, row.pairing, row.my_dtype) == (True, "tensor name", "int8")


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf])
def test_scales_that_are_none(tmp_path: Path, scale: float) -> None:
    row = compare(tmp_path, {**MINE, "a.weight_scale": np.full((4, 1), scale, np.float32)})
    assert row.passed is False


def test_another_shape(tmp_path: Path) -> None:
    assert compare(tmp_path, MINE, WEIGHT.T).state is State.SHAPE_MISMATCH


def test_the_option_of_the_older_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows_of(tmp_path, MINE)
    files = str(tmp_path / "golden/model.safetensors"), str(tmp_path / "my/quant.safetensors")
    folders = str(tmp_path / "golden"), str(tmp_path / "my")
    for sides in (files, folders):
        assert main(["compare", *sides, "-w", "-q", "-o", str(tmp_path / "out")]) == 0
    assert main(["compare", *files, "-w", "--layout", "flat"]) == 2
    assert "--weight is --layout checkpoint" in capsys.readouterr().err
