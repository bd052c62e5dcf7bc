"""A GE dump with fusion against one without, which msit compared too."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from oracles import msit
from trueness.dumps import compare_dumps
from trueness.model import Result, State

TREE = msit.DATA / "fuse"
FUSED = "AutomaticBufferFusionOp.AddRelu.5.2.1763721000000274"


def rows_of(results: list[Result], op: str, io: str = "") -> list[Result]:
    found = [r for r in results if r.my and r.my.op_name == op and (not io or r.my.io == io)]
    assert found
    return found


def damaged(tmp_path: Path, change: Callable[[Path], object], pattern: str) -> list[Result]:
    """The comparison after one golden file was changed."""
    golden = tmp_path / "ge_off"
    shutil.copytree(TREE / "ge_off", golden)
    (path,) = golden.rglob(pattern)
    change(path)
    return list(compare_dumps(golden, TREE / "ge_on"))


@pytest.fixture(scope="module")
def ours() -> list[Result]:
    return list(compare_dumps(TREE / "ge_off", TREE / "ge_on", jobs=2))


def golden_name(path: str) -> str:
    """msit's golden paths have a list of indexes behind the name that grows from row to row."""
    return path.partition(",")[0]


def test_pairs_and_numbers_of_msit(ours: list[Result]) -> None:
    theirs = {}
    for (_, golden, my), row in msit.read("fuse.csv", 1).items():
        theirs[golden_name(golden), my] = row
    mine = {(golden_name(key[1]), key[2]): r for key, r in msit.by_key(ours, 1).items()}
    assert len(theirs) == 49
    assert set(mine) == set(theirs)
    assert sum(msit.assert_same_numbers(mine[key], row) for key, row in theirs.items()) > 170


def test_both_places_of_a_row_can_be_opened(ours: list[Result]) -> None:
    """msit's golden path of an output is no path: FILE,inputs,0,outputs,0,outputs,1."""
    for result in ours:
        if result.golden and result.my:
            assert Path(result.golden.path).is_file()
            assert result.golden.member == result.my.member or FUSED in result.my.path
    (output,) = rows_of(ours, "AddRelu", "output")
    assert (output.golden.op_name, output.golden.member) == ("Relu", ("output", 0))
    assert "fused from Add + Relu" in output.pairing


def test_every_golden_tensor_is_in_a_row(ours: list[Result]) -> None:
    inner = [r for r in ours if r.golden and not r.my and r.golden.op_name in ("Add", "Relu")]
    assert {(r.golden.op_name, r.golden.member) for r in inner} == {
        ("Add", ("output", 0)),
        ("Relu", ("input", 0)),
    }
    assert all(r.passed is None and "AddRelu" in r.reason for r in inner)
    assert not [r for r in ours if r.passed is False and r.state is not State.NONFINITE_BOTH]


def test_numbers_of_inserted_operators_are_doubtful(ours: list[Result]) -> None:
    """They come from a counter of the compiler, and two compilations insert different ones."""
    for op in ("cast_atomic_3", "trans_TransData_7", "atomic_memset_1"):
        assert all("doubtful" in result.pairing for result in rows_of(ours, op))
    assert all("doubtful" not in result.pairing for result in rows_of(ours, "MatMul"))


def test_without_the_last_part_the_output_is_not_compared_with_another(tmp_path: Path) -> None:
    """msit compares it with the output of the part before, without a mark in the report."""
    results = damaged(tmp_path, Path.unlink, "Relu.Relu.*")
    (output,) = rows_of(results, "AddRelu", "output")
    assert (output.state, output.passed) == (State.UNMATCHED_MY, False)
    assert "Relu, the last part of AddRelu" in output.reason
    inputs = rows_of(results, "AddRelu", "input")
    assert [(r.golden.op_name, r.state) for r in inputs] == [("Add", State.OK)] * 2


def test_a_part_without_a_dump_is_said(tmp_path: Path) -> None:
    """msit opens the path "", and the error hangs its pool for ever."""
    results = damaged(tmp_path, Path.unlink, "Add.Add.*")
    (output,) = rows_of(results, "AddRelu", "output")
    assert (output.state, output.golden.op_name) == (State.OK, "Relu")
    for result in rows_of(results, "AddRelu", "input"):
        assert result.state is State.UNMATCHED_MY
        assert "no readable file of part Add" in result.reason
        assert result.passed is False


@pytest.mark.parametrize("op", ["Relu.Relu.*", "MatMulV2.MatMul.*"])
def test_a_truncated_file_is_a_row_and_no_end(tmp_path: Path, ours: list[Result], op: str) -> None:
    """msit stops at it, and nothing is written at all."""
    results = damaged(tmp_path, lambda p: p.write_bytes(p.read_bytes()[:30]), op)
    name = op.split(".")[1]
    broken = [r for r in results if r.golden and r.golden.op_name == name and r.my]
    assert broken
    assert {r.state for r in broken} == {State.UNREADABLE}
    others = {r.my.path for r in ours if r.my and r.golden and r.golden.op_name != name}
    assert others <= {r.my.path for r in results if r.my and r.state.compared}
