"""What the generated trees of test_torchair_trees do not have."""

import shutil
from pathlib import Path

from builders.torchair import Ahead, Input, Op, Tree, found_fusion, graph_text
from trueness.errors import FormatError
from trueness.model import Described, Pair, TensorRef, Unmatched

ADD = Op("Add", "add-aten.add.Tensor", [Input((4, 4)), Input((4,))], 1, ["x:0", "y:0"])
MUL = Op("Mul", "mul-aten.mul.Tensor", [Input((4, 4)), Input((4, 4))], 1, ["Add:0", "x:0"])
Member = tuple[str, int]


def described(io: str, *shapes: tuple[int, ...]) -> list[Described]:
    return [Described(io, index, "float32", shape) for index, shape in enumerate(shapes)]


def fused_tree(root: Path, mine: list[Described]) -> Tree:
    """Add and Mul without fusion, and one operator of both."""
    tree = Tree(root)
    tree.write(0, 1, 0, [ADD, MUL], graph_text([ADD, MUL]))
    (folder,) = (root / "ge").rglob("graph_1/1/0")
    for path in folder.iterdir():
        path.unlink()
    tree.file(folder / "AutomaticBufferFusionOp.AddMul.1.2.1700000000000900", mine)
    return tree


def partners(tree: Tree) -> dict[Member, tuple[str, str, int]]:
    rows = [row for row in tree.pair_fusion() if isinstance(row, Pair)]
    return {
        (row.my.io, row.my.index): (row.golden.op_name, row.golden.io, row.golden.index)
        for row in rows
    }


def test_what_two_parts_read_is_one_input(tmp_path: Path) -> None:
    """Mul reads x as Add does: the fused operator has it once, and shapes could not tell it from
    the sum that never leaves the operator."""
    mine = [*described("output", (7, 0)), *described("input", (4, 4), (4,))]
    tree = fused_tree(tmp_path, mine)
    assert partners(tree) == {
        ("input", 0): ("Add", "input", 0),
        ("input", 1): ("Add", "input", 1),
        ("output", 0): ("Mul", "output", 0),
    }
    again = [row for row in tree.pair_fusion() if isinstance(row, Unmatched) and row.golden]
    reasons = {(r.golden.op_name, r.golden.io, r.golden.index): r.reason for r in again}
    assert reasons["Mul", "input", 1] == "x:0 again, read by two parts"
    assert reasons["Mul", "input", 0].startswith("inside the fused operator AddMul")
    assert all(row.expected for row in again)


def test_headers_are_read_ahead(tmp_path: Path) -> None:
    mine = [*described("output", (7, 0)), *described("input", (4, 4), (4,))]
    tree = fused_tree(tmp_path, mine)
    expected = partners(tree)
    tree.describe = Ahead(Tree(tmp_path, headers=tree.headers))
    assert partners(tree) == expected


def test_an_inner_tensor_that_others_read_too(tmp_path: Path) -> None:
    mine = [*described("output", (9, 9), (7, 0)), *described("input", (4, 4), (4,))]
    tree = fused_tree(tmp_path, mine)
    (path,) = (tmp_path / "off").rglob("Kind.Add.*")
    tree.headers[str(path)][0] = Described("output", 0, "float32", (9, 9))
    assert partners(tree)["output", 0] == ("Add", "output", 0)
    assert partners(tree)["output", 1] == ("Mul", "output", 0)


def test_a_name_with_more_than_names_of_the_graph(tmp_path: Path) -> None:
    """msit goes on with the parts it found, and compares the output with that of one of them."""
    tree = fused_tree(tmp_path, described("output", (7, 0)))
    (path,) = (tmp_path / "ge").rglob("AutomaticBufferFusionOp.*")
    glued = path.with_name(path.name.replace("AddMul", "Add_glue_Mul"))
    path.rename(glued)
    tree.headers[str(glued)] = tree.headers[str(path)]
    rows = tree.pair_fusion()
    assert not found_fusion(rows)
    (mine,) = [row for row in rows if row.my]
    assert not mine.expected
    assert "not made of names of the graph" in mine.reason


def test_what_one_side_lacks(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for rank, token in ((0, 0), (0, 1), (1, 0)):
        tree.write(rank, 1, token, [ADD, MUL], graph_text([ADD, MUL]))
    for path in sorted(tree.headers):
        if ("off/" in path and "/1/1/Kind" in path) or ("/off/" in path and "rank1" in path):
            tree.lose(path)
    (path,) = (tmp_path / "ge/worldsize2_global_rank0").rglob("1/0/Kind.Mul.*")
    tree.lose(str(path))
    (path,) = (tmp_path / "off/worldsize2_global_rank0").rglob("1/0/Kind.Add.*")
    tree.lose(str(path))
    rows = tree.pair_fusion()
    assert not found_fusion(rows)
    assert not any(row.expected for row in rows)
    told = {
        (row.my.rank, row.my.token, row.my.op_name): row.reason.partition(" of graph")[0]
        for row in rows
        if row.my
    }
    assert told == {
        (0, 0, "Add"): "golden has no file of operator Add",
        (0, 1, "Add"): "token 1",
        (0, 1, "Mul"): "token 1",
        (1, 0, "Add"): "rank 1 is not in the golden dump",
        (1, 0, "Mul"): "rank 1 is not in the golden dump",
    }
    (left,) = [row for row in rows if row.golden]
    assert (left.golden.op_name, left.reason) == ("Mul", "my dump has no operator Mul")


def test_mine_cannot_be_read(tmp_path: Path) -> None:
    tree = fused_tree(tmp_path, [])

    def describe(ref: TensorRef) -> list[Described]:
        if "AddMul" in ref.path:
            raise FormatError(ref.path, 8, "", "a header", "nothing")
        return tree.headers[ref.path]

    tree.describe = describe
    rows = tree.pair_fusion()
    assert not found_fusion(rows)
    assert all("cannot be read" in row.reason for row in rows)
    assert sum(row.my is not None for row in rows) == 1
    assert not any(row.expected for row in rows)


def test_devices_of_other_numbers(tmp_path: Path) -> None:
    """The two runs were on different cards of one host."""
    tree = Tree(tmp_path, "lt710")
    for rank in (0, 1):
        tree.write(rank, 1, 0, [ADD, MUL], graph_text([ADD, MUL]))
    (time,) = (tmp_path / "off").glob("2026*")
    for old, new in ((1, 5), (0, 4)):
        (time / f"{old}").rename(time / f"{new}")
    tree.headers = {
        path.replace("/off/20260101000000/1/", "/off/20260101000000/5/").replace(
            "/off/20260101000000/0/", "/off/20260101000000/4/"
        ): header
        for path, header in tree.headers.items()
    }
    pairs = [row for row in tree.pair_fusion() if isinstance(row, Pair)]
    assert {(pair.my.device, pair.golden.device) for pair in pairs} == {(0, 4), (1, 5)}
    assert all("taken in their order" in pair.doubt for pair in pairs)
    shutil.rmtree(time / "5")
    pairs = [row for row in tree.pair_fusion() if isinstance(row, Pair)]
    assert {(pair.my.device, pair.golden.device) for pair in pairs} == {(0, 4), (1, 4)}


def test_two_parts_that_nothing_inside_reads(tmp_path: Path) -> None:
    """Which of them an only output is from, the last of the name does not tell."""
    other = Op("Mul", MUL.node, MUL.inputs, 1, ["x:0", "z:0"])
    tree = Tree(tmp_path)
    tree.write(0, 1, 0, [ADD, other], graph_text([ADD, other]))
    (folder,) = (tmp_path / "ge").rglob("graph_1/1/0")
    for path in folder.iterdir():
        path.unlink()
    tree.file(folder / "AutomaticBufferFusionOp.AddMul.1.2.1700000000000900",
              described("output", (9, 9)))  # fmt: skip
    (path,) = (tmp_path / "off").rglob("Kind.Mul.*")
    tree.headers[str(path)][0] = Described("output", 0, "float32", (9, 9))
    assert partners(tree) == {("output", 0): ("Mul", "output", 0)}
