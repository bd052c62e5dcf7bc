"""A dump of which a tool left the smallest and largest values only. msit has taken no such GE file
since the end of 2024, and took [min, max] for a tensor of two elements before."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from oracles import msit
from trueness.dumps import compare_dumps
from trueness.model import Result, State

TREE = msit.DATA / "lt710"


def reduce_fx(root: Path) -> None:
    for path in list(root.rglob("*.npy")):
        array = np.load(path).astype(np.float64)
        np.save(path.with_name(f"{path.stem}_min_max.npy"), [array.min(), array.max()])
        path.unlink()


def reduce_ge(root: Path) -> None:
    """As the tool does: one dtype for all inputs, an empty array where there are none."""
    for path in [p for p in root.rglob("*") if p.is_file() and p.suffix != ".txt"]:
        tensors = tn.open(path).tensors
        pairs = {
            f"{io}s": np.array([[t.numpy().min(), t.numpy().max()] for t in tensors if t.io == io])
            for io in ("input", "output")
        }
        np.savez(path.with_name(f"{path.name}_min_max.npz"), **pairs)
        path.unlink()


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for side in ("fx", "ge"):
        shutil.copytree(TREE / side, tmp_path / side)
    return tmp_path / "fx", tmp_path / "ge"


def keys(results: list[Result]) -> set[tuple[int, str, str, int]]:
    return {(r.my.token, r.my.op_name, r.my.io, r.my.index) for r in results if r.golden and r.my}


def test_both_sides_reduced(sides: tuple[Path, Path]) -> None:
    fx, ge = sides
    whole = list(compare_dumps(fx, ge))
    reduce_fx(fx)
    reduce_ge(ge)
    results = list(compare_dumps(fx, ge))
    assert keys(results) == keys(whole)
    for result in results:
        if result.golden and result.my:
            assert "statistics only" in result.reason
            assert not {"cosine_similarity", "golden_mean_value"} & set(result.metrics)
            if result.my.io == "input" and result.golden.path != result.my.path:
                assert "statistics and slices do not tell shapes" in result.pairing
    (relu,) = (r for r in results if r.my and r.my.op_name == "AddRelu" and r.my.io == "output"
               and r.my.token == 0)  # fmt: skip
    (other,) = (r for r in whole if r.my and r.my.op_name == "AddRelu" and r.my.io == "output"
                and r.my.token == 0)  # fmt: skip
    for name in ("golden_max_value", "golden_min_value", "my_max_value", "my_min_value"):
        assert relu.metrics[name] == other.metrics[name]
    assert relu.metrics["max_stat_absolute_error"] == abs(
        relu.metrics["my_max_value"] - relu.metrics["golden_max_value"]
    )


def test_one_side_reduced(sides: tuple[Path, Path]) -> None:
    fx, ge = sides
    reduce_fx(fx)
    results = [r for r in compare_dumps(fx, ge) if r.golden and r.my]
    (output,) = (r for r in results if (r.my.token, r.my.op_name, r.my.io) == (1, "Cast", "output"))
    assert (output.state, output.passed) == (State.OK, True)
    assert output.metrics["my_max_value"] == output.metrics["golden_max_value"]


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2)), np.zeros(2, complex)])
def test_what_is_no_minimum_and_maximum(sides: tuple[Path, Path], array: np.ndarray) -> None:
    fx, ge = sides
    reduce_fx(fx)
    (path,) = (fx / "data_dump/1").rglob("relu-*OUTPUT*")
    np.save(path, array)
    (row,) = (r for r in compare_dumps(fx, ge) if r.golden and r.golden.path == str(path) and r.my)
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert str(path) in row.reason


CSV = """Input/Output,Index,Data Size,Data Type,Format,Shape,Max Value,Min Value,Avg Value,Count,\
Nan Count,Negative Inf Count,Positive Inf Count
Input,0,512,DT_FLOAT,ND,8x16,{high},{low},{mean},128,0,0,0
Output,0,256,DT_FLOAT16,ND,8x16,,,,,,,
"""


@pytest.mark.parametrize(("change", "passed"), [(0, True), (0.5, False)])
def test_statistics_of_cann(sides: tuple[Path, Path], change: float, passed: bool) -> None:
    fx, ge = sides
    (values,) = (fx / "data_dump/1").rglob("_to_copy-*INPUT*")
    array = np.load(values)
    (path,) = (ge / "msit_ge_dump").rglob("0/Cast.Cast.*")
    text = CSV.format(high=array.max() + change, low=array.min(), mean=array.mean(dtype=np.float64))
    path.with_name(f"{path.name}.csv").write_text(text)
    path.unlink()
    rows = [r for r in compare_dumps(fx, ge) if r.my and r.my.path == f"{path}.csv"]
    first, second = rows
    assert (first.my.io, first.my_shape, first.passed) == ("input", (8, 16), passed)
    assert first.reason.startswith("statistics only")
    assert (second.my.io, second.passed) == ("output", False)
