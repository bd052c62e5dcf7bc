"""FX against ONNX, through what torch's exporter leaves on each node."""

from dataclasses import replace

from trueness.model import Described, Dump, Graph, GraphOp, Pair, TensorRef, Unmatched
from trueness.pair.by_fx_node import pair, parsed

SHAPE = (2, 3)


def text(name: str, target: str, arguments: str) -> str:
    call = f"call_function[target={target}](args = ({arguments}), kwargs = {{}})"
    return f"%{name} : [num_users=1] = {call}"


def aten(name: str, operator: str, arguments: str) -> str:
    return text(name, f"torch.ops.aten.{operator}", arguments)


def fx(*nodes: tuple, graph: bool = True) -> Dump:
    """Nodes are (name, operator, names of what they take)."""
    operators = {name: f"{name}-aten.{operator}" for name, operator, _ in nodes}
    refs = [
        TensorRef(
            f"{whole}.OUTPUT.0.npy",
            op_name=whole,
            op_type=whole.partition("-")[2],
            io="output",
            rank=0,
            graph="graph_1",
            token=0,
        )
        for whole in operators.values()
    ]
    ops = {
        operators[name]: GraphOp(
            operators[name], "", tuple(f"{operators.get(t, t)}:0" for t in takes), ()
        )
        for name, _, takes in nodes
    }
    graphs = [Graph("graph.json", "graph_1", None, 0, ops)] if graph else []
    return Dump("torchair_fx", "golden", refs, graphs)


def onnx(*nodes: tuple, optimised: bool = False) -> Dump:
    """Nodes are (name of the tensor, type, names of what it takes, metadata)."""
    refs = [
        TensorRef("t.safetensors", name, op_name=f"n_{name}", op_type=kind, io="output", token=0)
        for name, kind, *_ in nodes
    ]
    ops = {
        f"n_{name}": GraphOp(f"n_{name}", kind, tuple(f"n_{t}:0" for t in takes), (metadata,))
        for name, kind, takes, metadata in nodes
    }
    return Dump("onnx_dump", "my", refs, [Graph("i", "m", None, None, ops, optimised)])


def rows(golden: Dump, my: Dump, shapes: dict | None = None) -> tuple[dict, dict]:
    """Pairs by the name of my tensor, and reasons by what is alone."""

    def describe(ref: TensorRef) -> list[Described]:
        names = [str(r.member) for r in my.tensors] if ref.member else [ref.op_name]
        return [Described("", 0, "float32", (shapes or {}).get(n, SHAPE), n) for n in names]

    found = list(pair(golden, my, describe))
    pairs = {str(row.my.member): row for row in found if isinstance(row, Pair)}
    alone = {
        str(row.my.member) if row.my else f"{row.golden.op_name.partition('-')[0]} golden": row
        for row in found
        if isinstance(row, Unmatched)
    }
    assert len(pairs) + len(alone) == len(found)
    return pairs, alone


def test_what_the_metadata_says() -> None:
    node = parsed(aten("mul_1", "mul.Tensor", "%x, %relu"))
    assert node and (node.name, node.target) == ("mul_1", "aten.mul.Tensor")
    assert tuple(node.takes) == ("x", "relu")
    item = parsed(text("getitem", "operator.getitem", "%split, 1"))
    assert item and item.item == ("split", 1)
    for odd in ("", "%x : [num_users=1] = placeholder[target=x]", "relu", "%" * 5000):
        assert parsed(odd) is None


def test_the_result_of_several_steps_is_paired_and_the_steps_are_not() -> None:
    made = aten("gelu", "gelu.default", "%x")
    golden = fx(("gelu", "gelu.default", ("x",)), ("relu", "relu.default", ("gelu",)))
    my = onnx(
        ("step", "Erf", (), made),
        ("result", "Mul", ("step",), made),
        ("relu", "Relu", ("result",), aten("relu", "relu.default", "%gelu")),
    )
    pairs, alone = rows(golden, my)
    assert {name: row.golden.op_name for name, row in pairs.items()} == {
        "result": "gelu-aten.gelu.default",
        "relu": "relu-aten.relu.default",
    }
    assert all(row.pairing == "fx_node" and not row.doubt for row in pairs.values())
    assert alone["step"].expected


def test_in_an_optimised_graph_only_a_name_proves_the_last_step() -> None:
    made = aten("gelu", "gelu.default", "%x")
    golden = fx(("gelu", "gelu.default", ("x",)))
    pairs, alone = rows(golden, onnx(("step", "Erf", (), made), optimised=True))
    assert not pairs
    assert "a step on the way" in alone["step"].reason
    assert "fused away" in alone["gelu golden"].reason
    pairs, _ = rows(golden, onnx(("gelu", "Gelu", (), made), optimised=True))
    assert list(pairs) == ["gelu"]


def test_a_view_that_the_exporter_numbered_anew_is_no_pair() -> None:
    """As exporters do: a reshape becomes view_1, and what was view_1 becomes view_2."""
    golden = fx(
        ("linear", "linear.default", ("x",)),
        ("view", "view.default", ("linear",)),
        ("softmax", "softmax.int", ("view",)),
        ("reshape", "reshape.default", ("softmax",)),
        ("view_1", "view.default", ("reshape",)),
    )
    my = onnx(
        ("linear", "Gemm", (), aten("linear", "linear.default", "%x")),
        ("view", "Reshape", ("linear",), aten("view", "view.default", "%linear, [1]")),
        ("softmax", "Softmax", ("view",), aten("softmax", "softmax.int", "%view, 1")),
        ("view_1", "Reshape", ("softmax",), aten("view_1", "view.default", "%softmax, [1]")),
        ("view_2", "Reshape", ("view_1",), aten("view_2", "view.default", "%view_1, [1]")),
    )
    pairs, alone = rows(golden, my)
    assert list(pairs) == ["linear", "view", "softmax"]
    assert "made from reshape, that of the exporter from softmax" in alone["view_1"].reason
    assert "exported_program that torch.onnx.export returns" in alone["view_1"].reason
    assert "golden has no output of a node view_2" in alone["view_2"].reason
    assert alone["view_1 golden"].reason == alone["view_1"].reason


def test_another_operator_or_shape_of_that_name_is_no_pair() -> None:
    golden = fx(("a", "view.default", ()), ("b", "view.default", ()))
    my = onnx(
        ("a", "Reshape", (), aten("a", "reshape.default", "%x")),
        ("b", "Reshape", (), aten("b", "view.default", "%x")),
    )
    pairs, alone = rows(golden, my, {"b": (3, 2)})
    assert not pairs
    assert "is aten.view.default, that of the exporter aten.reshape.default" in alone["a"].reason
    assert "has shape (2, 3), that of the exporter (3, 2)" in alone["b"].reason


def test_members_of_a_result_as_the_exporter_leaves_them() -> None:
    """Each member is an ONNX node of its own, which names only the node that gives them all."""
    made = aten("unbind", "unbind.int", "%x")
    golden = fx(("unbind", "unbind.int", ("x",)), ("mul", "mul.Tensor", ("unbind", "unbind")))
    second = replace(golden.tensors[0], path="second.npy", index=1)
    golden = replace(golden, tensors=[*golden.tensors, second])
    my = onnx(
        ("val_1", "Slice", (), made),
        ("getitem", "Squeeze", ("val_1",), made),
        ("val_2", "Slice", (), made),
        ("getitem_1", "Squeeze", ("val_2",), made),
        ("mul", "Mul", ("getitem",), aten("mul", "mul.Tensor", "%getitem, %getitem_1")),
    )
    pairs, alone = rows(golden, my)
    assert {name: row.golden.index for name, row in pairs.items()} == {
        "getitem": 0,
        "getitem_1": 1,
        "mul": 0,
    }
    assert set(alone) == {"val_1", "val_2"}


def test_what_the_exporter_left_out_is_no_problem() -> None:
    golden = fx(("clone", "clone.default", ("x",)), ("relu", "relu.default", ("clone",)))
    my = onnx(("relu", "Relu", (), aten("relu", "relu.default", "%clone")))
    pairs, alone = rows(golden, my)
    assert list(pairs) == ["relu"]
    assert alone["clone golden"].expected


def test_a_member_of_a_result() -> None:
    golden = fx(("split", "split.Tensor", ("x",)))
    my = onnx(("part", "Split", (), text("getitem", "operator.getitem", "%split, 0")))
    pairs, _ = rows(golden, my)
    assert pairs["part"].golden.op_name == "split-aten.split.Tensor"


def test_without_a_golden_graph_a_pair_is_doubtful() -> None:
    golden = fx(("relu", "relu.default", ()), graph=False)
    my = onnx(("relu", "Relu", (), aten("relu", "relu.default", "%x")))
    pairs, _ = rows(golden, my)
    assert "only name, operator and shape" in pairs["relu"].doubt


def test_inputs_and_nodes_without_metadata_are_rows() -> None:
    golden = fx(("relu", "relu.default", ()))
    given = TensorRef("i.npy", op_name="its_input-aten.relu.default", io="input", rank=0, token=0)
    golden = Dump(golden.layout, golden.root, [*golden.tensors, given], golden.graphs)
    my = onnx(("x", "Input", (), ""), ("cast", "Cast", (), ""))
    pairs, alone = rows(golden, my)
    assert not pairs
    assert alone["x"].expected
    assert not alone["cast"].expected
    assert alone["its_input golden"].expected
    assert not alone["relu golden"].expected
