"""GE against FX, on trees that know what belongs together."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.torchair import Input, Op, Tree, found, graph_text
from trueness.errors import FormatError
from trueness.model import Described, Pair, TensorRef, Unmatched


def reasons(rows: Sequence[Pair | Unmatched], part: str) -> list[str]:
    refs = ((row, row.my or row.golden) for row in rows if isinstance(row, Unmatched))
    return [row.reason for row, ref in refs if part in ref.path]


@st.composite
def op_lists(draw: st.DrawFn) -> list[Op]:
    count = draw(st.integers(1, 5))
    ops = []
    for i in range(count):
        shapes = draw(st.lists(st.integers(2, 40), max_size=12, unique=True))
        inputs = [
            Input((2, 3, size), fx=draw(st.booleans()) or size % 3 > 0, ge=size % 5 > 0)
            for size in shapes
        ]
        ops.append(Op(f"Op_{i}", f"op_{i}-aten.op.default", inputs, draw(st.integers(1, 3))))
    return draw(st.permutations(ops))


@given(
    st.data(),
    st.sets(st.integers(0, 1), min_size=1),
    st.sets(st.integers(0, 30), min_size=1, max_size=2),
)
@settings(max_examples=25)
def test_what_the_plan_says_is_what_is_paired(
    data: st.DataObject, ranks: set[int], tokens: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder))
        for rank in ranks:
            for graph in (1, 2):
                ops = data.draw(op_lists())
                text = graph_text(data.draw(st.permutations(ops)), graph)
                for token in tokens:
                    tree.write(rank, graph, token, ops, text)
        rows = tree.pair()
        pairs = found(rows)
        assert len(pairs) == len(set(pairs))
        assert set(pairs) == tree.rows
        orders = [(r.my.rank, r.my.token, r.my.order) for r in rows if isinstance(r, Pair)]
        by_model = sorted(range(len(orders)), key=lambda i: (orders[i][0], orders[i][1]))
        assert {orders[i][:2] for i in by_model} == {(r, t) for r in ranks for t in tokens}
        rank, token = min(ranks), max(tokens)
        part = found(tree.pair(rank=rank, token=token))
        assert set(part) == {
            row for row in tree.rows if f"rank{rank}/" in row[1] and f"/{token}/Kind" in row[1]
        }


RELU = Op("Relu", "relu-aten.relu.default", [Input((4, 4))], 1, ["Add:0"])
ADD = Op("Add", "add-aten.add.Tensor", [Input((4, 4)), Input((4,))], 1, ["x:0", "y:0"])


def fused_tree(folder: Path) -> Tree:
    tree = Tree(folder)
    tree.write(0, 1, 0, [ADD, RELU], graph_text([ADD, RELU]))
    (ge,) = (folder / "ge").rglob("graph_1/1/0")
    for path in ge.iterdir():
        path.unlink()
    fused = ge / "AutomaticBufferFusionOp.AddRelu.1.2.1700000000000009"
    tree.file(
        fused,
        [
            Described("output", 0, "float32", (7, 0)),
            Described("input", 0, "float32", (4, 4)),
            Described("input", 1, "float32", (4,)),
        ],
    )
    return tree


def test_a_fused_operator_takes_the_first_inputs_and_the_last_output(tmp_path: Path) -> None:
    tree = fused_tree(tmp_path)
    rows = tree.pair()
    names = {(Path(golden).name.rsplit(".", 2)[0], member) for golden, _, member in found(rows)}
    assert names == {
        ("add-aten.add.Tensor.INPUT.0", ("input", 0)),
        ("add-aten.add.Tensor.INPUT.1", ("input", 1)),
        ("relu-aten.relu.default.OUTPUT.0", ("output", 0)),
    }
    assert all("fused from Add + Relu" in row.pairing for row in rows if isinstance(row, Pair))
    inner = [row for row in rows if isinstance(row, Unmatched)]
    assert {Path(row.golden.path).name.rsplit(".", 2)[0] for row in inner} == {
        "add-aten.add.Tensor.OUTPUT.0",
        "relu-aten.relu.default.INPUT.0",
    }
    assert all(row.expected and "AddRelu" in row.reason for row in inner)


def test_numbers_of_arguments_are_numbers(tmp_path: Path) -> None:
    """In the order of texts argument 10 would come before argument 2."""
    op = Op("Cat", "cat-aten.cat.default", [Input((3, 3)) for _ in range(12)], 1)
    tree = Tree(tmp_path)
    tree.write(0, 1, 0, [op], graph_text([op]))
    assert set(found(tree.pair())) == tree.rows


def test_what_is_missing_has_its_reason(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    text = graph_text([ADD])
    for rank, token in ((0, 0), (0, 1), (0, 2), (1, 0)):
        tree.write(rank, 1, token, [ADD], text)
    for path in (tmp_path / "ge").rglob("graph_1/1/1"):
        path.rename(path.with_name("7"))
        for ref, header in list(tree.headers.items()):
            tree.headers[ref.replace("graph_1/1/1/", "graph_1/1/7/")] = header
    for path in (tmp_path / "ge/worldsize2_global_rank1").rglob("Kind.*"):
        path.unlink()
    for path in (tmp_path / "fx/worldsize2_global_rank0").rglob("2/*OUTPUT*"):
        path.unlink()
    rows = tree.pair()
    assert reasons(rows, "/7/") == ["token 7 is not in graph_1 of rank 0 of the golden dump"]
    assert set(reasons(rows, "rank0/graph_1/1/")) == {
        "token 1 of graph_1 of rank 0 is not in my dump"
    }
    assert set(reasons(rows, "rank1/")) == {"rank 1 is not in my dump"}
    assert reasons(rows, "/graph_1/1/2/") == [
        "golden has no file of FX tensor add-aten.add.Tensor.OUTPUT.0"
    ]
    assert not any(row.expected for row in rows if isinstance(row, Unmatched))


def test_inserted_operators(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.write(0, 1, 0, [ADD], graph_text([ADD]))
    (ge,) = (tmp_path / "ge").rglob("graph_1/1/0")
    both = [Described(io, 0, "float32", (4, 4)) for io in ("input", "output")]
    tree.file(ge / "TransData.Add_TransData_0.1.2.1700000000000100", both)
    tree.file(ge / "MemSet.atomic_memset_1.1.2.1700000000000101", both)
    rows = tree.pair()
    (cast,) = [r for r in rows if isinstance(r, Pair) and r.my.op_type == "TransData"]
    assert (cast.golden.path, cast.golden.member, cast.my.member) == (
        cast.my.path,
        ("input", 0),
        ("output", 0),
    )
    (memset,) = [r for r in rows if isinstance(r, Unmatched) and "MemSet" in r.my.path]
    assert memset.expected


def test_a_file_that_cannot_be_read_becomes_rows_that_say_so(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.write(0, 1, 0, [ADD, RELU], graph_text([ADD, RELU]))
    real = tree.describe

    def describe(ref: TensorRef) -> list[Described]:
        if ".Add." in ref.path:
            raise FormatError(ref.path, 8, "", "a header", "nothing")
        return real(ref)

    tree.describe = describe
    rows = tree.pair()
    assert {row for row in tree.rows if ".Relu." in row[1]} <= set(found(rows))
    assert [row for row in found(rows) if ".Add." in row[1]] == [
        row for row in tree.rows if ".Add." in row[1] and row[2] == ("output", 0)
    ]
    assert all("expected a header" in reason for reason in reasons(rows, "add-aten"))
