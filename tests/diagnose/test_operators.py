"""Inputs that were not dumped, found among the outputs that the graph says they are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from trueness.cli.app import main
from trueness.demo import fx_dump, ge_dump, transformer
from trueness.diagnose.operators import Operators, has_inputs, outputs_by_name, with_inputs
from trueness.dumps import compare_dumps
from trueness.model import GraphOp, Pair, TensorRef, Unmatched

OPS = {
    "add": GraphOp("add", "Add", ("left:0", "right:1"), ("x",)),
    "cat": GraphOp("cat", "Cat", ("left:0", "right:0"), ("x",), ("0.0", "0.1")),
    "named": GraphOp("named", "Named", ("left:0",), ("x",), ("mask",)),
}


def pair(name: str, index: int = 0, io: str = "output", rank: int = 0) -> Pair:
    refs = [
        TensorRef(
            f"{side}/{name}.{index}", op_name=theirs, op_type="T", io=io, index=index, rank=rank
        )
        for side, theirs in (("golden", f"fx_{name}"), ("my", name))
    ]
    return Pair(*refs, "test")


MADE = outputs_by_name([pair("left"), pair("right"), pair("right", 1)])


def read(group: list) -> list[tuple[str, int, tuple[int, ...]]]:
    items = with_inputs(group, MADE, OPS)[0]
    inputs = [i for i in items if isinstance(i, Pair) and i.golden.io == "input"]
    return [(i.my.path, i.my.index, i.my.nested) for i in inputs]


def test_outputs_stand_for_the_inputs_at_their_places() -> None:
    items, producers = with_inputs([pair("add")], MADE, OPS)
    assert producers == ("left", "right")
    assert read([pair("add")]) == [("my/left.0", 0, ()), ("my/right.1", 1, ())]
    assert read([pair("cat")]) == [("my/left.0", 0, (0,)), ("my/right.0", 0, (1,))]
    given = items[0]
    assert isinstance(given, Pair)
    assert (given.golden.op_name, given.my.op_name) == ("fx_add", "add")


def test_an_argument_by_name_has_no_place() -> None:
    assert read([pair("named")]) == []


def test_each_part_of_a_fused_operator_reads_what_comes_from_outside() -> None:
    ops = {
        "mul": GraphOp("mul", "Mul", ("left:0", "left:0"), ("x",)),
        "add": GraphOp("add", "Add", ("mul:0", "right:1"), ("x",)),
    }
    whole = replace(pair("muladd"), pairing="FX name, fused from mul + add")
    inner = Unmatched(pair("mul").golden, None, "inside", expected=True)
    items, producers = with_inputs([whole, inner], MADE, ops)
    read = [(i.golden.op_name, i.golden.index) for i in items if i.golden.io == "input"]
    assert read == [("fx_mul", 0), ("fx_mul", 1), ("fx_muladd", 1)]
    assert producers == ("left", "right")
    assert {i.my.op_name for i in items if i.my} == {"muladd"}
    assert with_inputs([whole], MADE, ops) == ([whole], ()), "a part is missing on golden's side"
    unknown = {"add": ops["add"]}
    assert with_inputs([whole, inner], MADE, unknown) == ([whole, inner], ())


def test_dumped_inputs_stay() -> None:
    group = [pair("add", io="input"), pair("add")]
    assert has_inputs(group)
    assert with_inputs(group, MADE, OPS) == (group, ())


def test_of_another_rank_nothing_is_taken() -> None:
    assert read([pair("add", rank=1)]) == []


def test_of_what_an_operator_made_and_nobody_dumped_nothing_is_known() -> None:
    ops = OPS | {"left": GraphOp("left", "T", ("data:0",), ("x",))}
    made = outputs_by_name([pair("right", 1)])
    assert with_inputs([pair("add")], made, ops) == ([pair("add")], ())


def test_a_constant_leaves_its_place_empty() -> None:
    made = outputs_by_name([pair("right", 1), Unmatched(None, pair("left").my, "alone")])
    items, producers = with_inputs([pair("add")], made, OPS)
    assert producers == ("right",)
    assert [i.my.index for i in items if i.golden.io == "input"] == [1]


def test_numbers_of_golden_stay_and_its_lone_tensors_go() -> None:
    number = Unmatched(pair("add", 2, "input").golden, None, "a Python number", expected=True)
    lone = Unmatched(pair("add", 0, "input").golden, None, "my has none")
    items, _ = with_inputs([lone, number, pair("add")], MADE, OPS)
    assert number in items
    assert lone not in items


def test_a_graph_that_knows_the_golden_name_serves_as_well() -> None:
    ops = {"fx_add": GraphOp("fx_add", "Add", ("fx_left:0",), ("x",))}
    assert with_inputs([pair("add")], MADE, ops)[1] == ("left",)


def test_what_only_golden_has_of_an_operator_is_part_of_it() -> None:
    inner = Unmatched(pair("add", 1).golden, None, "inside", expected=True)
    stray = Unmatched(pair("other").golden, None, "elsewhere", expected=True)
    operators = Operators.of([pair("add", io="input"), pair("add"), inner, stray], OPS)
    assert operators.read((0, None, "", "add"))[0] == [pair("add", io="input"), pair("add"), inner]
    assert operators.read((0, None, "", "nothing")) == ([], ())


def test_fused_operators_of_a_dump_are_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = transformer.run()
    sides = fx_dump.write(model, tmp_path / "golden"), ge_dump.write(model, tmp_path / "my")
    fused = ["".join(step.name for step in kernel) for kernel in model.kernels if len(kernel) > 1]
    assert fused
    main(["replay", *map(str, sides), "--op", "*", "--json"])
    rows = {row["op_name"]: row for row in json.loads(capsys.readouterr().out)}
    assert any(rows[name]["cleared"] for name in fused if name in rows)


def test_an_npu_dump_without_inputs_is_run_again_and_says_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ge_dump, "_outer_arguments", lambda kernel: [])
    model = transformer.run()
    sides = fx_dump.write(model, tmp_path / "golden"), ge_dump.write(model, tmp_path / "my")
    planted = next(k for k in model.kernels if k[-1].name == transformer.PLANTED)[-1]
    made = [value.edge.removesuffix(":0") for value in planted.arguments if hasattr(value, "edge")]

    found = compare_dumps(*sides).findings[0]
    assert found.op_name == transformer.PLANTED
    assert found.evidence[-1].startswith("alone it is off by")

    assert main(["replay", *map(str, sides), "--op", transformer.PLANTED, "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row["taken_from"]) <= set(made)
    assert row["taken_from"]
    assert f"taken from the outputs of {', '.join(row['taken_from'])}" in found.evidence[-1]
