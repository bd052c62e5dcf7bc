"""One bad file, graph, token or rank is rows of the report. msit writes nothing at all then, or
waits for ever."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from oracles import msit
from trueness.dumps import compare_dumps
from trueness.model import Result, State

DATA = msit.DATA
GRAPH = "msit_ge_dump/dynamo_original_graph_1_rank_0_pid_4000_ts_20251121103000123456.txt"
Sides = tuple[Path, Path]


def copy(tmp_path: Path, tree: str) -> Sides:
    for side in ("fx", "ge"):
        shutil.copytree(DATA / tree / side, tmp_path / side)
    return tmp_path / "fx", tmp_path / "ge"


@pytest.fixture
def gt710(tmp_path: Path) -> Sides:
    return copy(tmp_path, "gt710")


def pairs(results: Iterable[Result]) -> set[tuple[str, str, str, int]]:
    return {
        (Path(r.golden.path).name, Path(r.my.path).name, r.my.io, r.my.index)
        for r in results
        if r.golden and r.my
    }


def test_a_damaged_graph(gt710: Sides) -> None:
    fx, ge = gt710
    graph = ge / GRAPH
    graph.write_text(graph.read_text(encoding="utf-8")[:-3], encoding="utf-8")
    results = list(compare_dumps(fx, ge))
    (row,) = (r for r in results if r.my and r.my.path == str(graph))
    assert (row.state, row.passed) == (State.UNMATCHED_MY, False)
    assert "cannot be read" in row.reason
    assert ": byte " in row.reason
    # Ranks run the same model, so its graph will do; that it is another's is said.
    compared = [r for r in results if r.golden and r.my and r.golden.path != r.my.path]
    assert {r.my.rank for r in compared} == {0, 1}
    for result in compared:
        assert ("no graph file of rank 0" in result.pairing) == (result.my.rank == 0)


def test_no_graph_can_be_read(gt710: Sides) -> None:
    fx, ge = gt710
    for path in ge.rglob("dynamo_original*"):
        path.write_text("op {", encoding="utf-8")
    results = list(compare_dumps(fx, ge))
    assert not [r for r in results if r.golden and r.my]
    assert {r.passed for r in results if r.my and r.my.op_name == "Add"} <= {False}
    assert any("no graph file" in r.reason for r in results)


def test_what_a_graph_may_hold_besides_operators(gt710: Sides) -> None:
    """Other blocks, and strings with colons and braces in them."""
    fx, ge = gt710
    whole = pairs(compare_dumps(fx, ge))
    graph = ge / GRAPH
    text = graph.read_text(encoding="utf-8")
    text = text.replace('name: "y0"', 'name: "y0: {"') + 'attr { key: "a: b" value { s: "}" } }'
    graph.write_text(text, encoding="utf-8")
    assert pairs(compare_dumps(fx, ge)) == whole


def test_a_graph_without_data(gt710: Sides) -> None:
    """Prefill and decode were compiled, and only one of them ran while dumping."""
    fx, ge = gt710
    whole = pairs(compare_dumps(fx, ge))
    decode = ge / GRAPH.replace("graph_1", "graph_0")
    decode.write_text('name: "graph_0" op { name: "Add" type: "Add" }', encoding="utf-8")
    assert pairs(compare_dumps(fx, ge)) == whole


def test_a_truncated_file(gt710: Sides) -> None:
    fx, ge = gt710
    (path,) = (ge / "msit_ge_dump/worldsize2_global_rank0").rglob("0/MatMulV2.MatMul.*")
    path.write_bytes(path.read_bytes()[:40])
    results = list(compare_dumps(fx, ge))
    (row,) = (r for r in results if r.my and r.my.path == str(path))
    assert (row.state, row.passed, row.golden.io) == (State.UNREADABLE, False, "output")
    inputs = [r for r in results if r.golden and r.golden.op_name.startswith("mm-") and not r.my]
    assert len(inputs) == 2
    assert all("my file cannot be read" in r.reason and r.passed is False for r in inputs)


def test_a_rank_of_one_side(gt710: Sides) -> None:
    fx, ge = gt710
    shutil.rmtree(fx / "msit_fx_dump/worldsize2_global_rank1")
    results = list(compare_dumps(fx, ge))
    lost = [r for r in results if r.my and r.my.rank == 1 and r.my.op_name == "Add"]
    lost += [r for r in results if r.my and r.my.rank == 1 and r.my.op_name == "MatMul"]
    assert lost
    assert {r.reason for r in lost} == {"rank 1 is not in the golden dump"}
    assert not any(r.passed for r in lost)


@pytest.mark.parametrize("tree", ["eq710", "lt710"])
def test_the_first_token_is_missing(tmp_path: Path, tree: str) -> None:
    """msit looks into the folder 1 to know how many graphs there are."""
    fx, ge = copy(tmp_path, tree)
    (folder,) = fx.rglob("data_dump/1")
    shutil.rmtree(folder)
    results = list(compare_dumps(fx, ge))
    by_token = {token: [r for r in results if r.my and r.my.token == token] for token in (0, 1)}
    lost = [r for r in by_token[0] if not r.reason.startswith("operator dumped twice")]
    assert {r.my.op_name for r in lost} >= {"Cast", "MatMul", "AddRelu", "Mul", "Sqrt"}
    assert all(r.reason.startswith("token 0 is not in gm_") for r in lost)
    assert {r.passed for r in lost} == {False}
    assert all(r.golden for r in by_token[1] if r.my.op_name == "Mul" and r.state is State.OK)
    assert sum(r.state is State.OK for r in by_token[1]) >= 12


def test_two_runs_are_not_mixed(tmp_path: Path) -> None:
    """msit merges the files of both and takes the larger of each name."""
    fx, ge = copy(tmp_path, "lt710")
    whole = pairs(compare_dumps(fx, ge))
    run = ge / "msit_ge_dump/20251121103000"
    older = ge / "msit_ge_dump/20251121093000"
    shutil.copytree(run, older)
    for path in [p for p in older.rglob("*") if p.is_file()]:
        path.write_bytes(path.read_bytes() + b"longer than in the run compared")
    results = list(compare_dumps(fx, ge))
    assert pairs(results) == whole
    left = [r for r in results if r.my and "/20251121093000/" in r.my.path]
    assert len(left) == len([p for p in older.rglob("*") if p.is_file()])
    assert {r.reason for r in left} == {"an older run: 20251121103000 holds the same model"}
