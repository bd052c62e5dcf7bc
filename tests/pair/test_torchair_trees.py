"""Trees of every generation, fused and damaged: what the plan says belongs together is what is
paired."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.torchair import (
    LAYOUTS,
    Input,
    Op,
    Row,
    Step,
    Tree,
    found,
    found_fusion,
    graph_text,
)
from trueness.model import Describe, Pair, TensorRef, Unmatched


@st.composite
def step_lists(draw: st.DrawFn, graph: int) -> list[Step]:
    """Operators of one graph, some of them fused in chains."""
    steps: list[Step] = []
    number = 0
    for length in draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
        chain = []
        for place in range(length):
            number += 1
            sizes = draw(st.lists(st.integers(2, 40), max_size=5, unique=True))
            inputs = [Input((2, number, size)) for size in sizes]
            edges = [f"x{number}_{i}:0" for i in range(len(inputs))]
            if place:
                inputs.insert(0, Input((1, number)))
                edges.insert(0, f"{chain[-1].name}:0")
            outputs = draw(st.integers(1, 2))
            name = f"G{graph}_Op_{number}"
            chain.append(Op(name, f"g{graph}_op_{number}-aten.op.default", inputs, outputs, edges))
        steps.append(chain[0] if length == 1 else tuple(chain))
    return steps


@st.composite
def trees(draw: st.DrawFn, root: Path) -> Tree:
    tree = Tree(root, draw(st.sampled_from(LAYOUTS)), order=Random(draw(st.integers(0, 99))))
    ranks = draw(st.sets(st.integers(0, 2), min_size=1, max_size=2))
    tokens = draw(st.sets(st.integers(0, 11), min_size=1, max_size=2))
    for graph in range(1, draw(st.integers(1, 2)) + 1):
        steps = draw(step_lists(graph))
        text = graph_text(draw(st.permutations(steps)), graph)
        for rank in ranks:
            for token in tokens:
                tree.write(rank, graph, token, steps, text)
    return tree


def every_file_once(rows: Sequence[Pair | Unmatched], tree: Tree, sides: Sequence[str]) -> None:
    """Whatever happens to it, a file is in some row."""
    named = {ref.path for row in rows for ref in (row.golden, row.my) if ref}
    there = {
        str(path)
        for side in sides
        for path in (tree.root / side).rglob("*")
        if path.is_file() and path.suffix != ".txt"
    }
    assert named == there


@given(st.data())
@settings(max_examples=20)
def test_plan_and_pairs_agree(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = data.draw(trees(Path(folder) / "tree"))
        pairs = found(tree.pair())
        assert set(pairs) == tree.rows
        assert len(pairs) == len(tree.rows)
        fused = found_fusion(tree.pair_fusion())
        assert set(fused) == tree.fusion_rows
        assert len(fused) == len(tree.fusion_rows)


@given(st.data())
@settings(max_examples=20)
def test_damage_takes_away_only_what_is_gone(data: st.DataObject) -> None:
    """Missing files never move the others to another partner."""
    with tempfile.TemporaryDirectory() as folder:
        tree = data.draw(trees(Path(folder) / "tree"))
        files = sorted(tree.headers)
        for path in data.draw(st.lists(st.sampled_from(files), max_size=4, unique=True)):
            if len(list(Path(path).parent.iterdir())) > 1:
                tree.lose(path)
        rows = tree.pair()
        assert set(found(rows)) == tree.rows
        every_file_once(rows, tree, ("fx", "ge"))
        fusion_rows = tree.pair_fusion()
        assert set(found_fusion(fusion_rows)) == tree.fusion_rows
        every_file_once(fusion_rows, tree, ("off", "ge"))


@given(st.data())
@settings(max_examples=20)
def test_files_whose_header_is_cut_cost_their_own_rows_only(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = data.draw(trees(Path(folder) / "tree"))
        files = sorted(tree.headers)
        tree.truncated.update(data.draw(st.lists(st.sampled_from(files), max_size=3)))
        for planned, rows, names, sides in (
            (tree.rows, tree.pair(), found, ("fx", "ge")),
            (tree.fusion_rows, tree.pair_fusion(), found_fusion, ("off", "ge")),
        ):
            assert sound(set(names(rows)), tree) == sound(planned, tree)
            every_file_once(rows, tree, sides)


def sound(rows: set[Row], tree: Tree) -> set[Row]:
    """Without those of which a file is truncated."""
    return {r for r in rows if not tree.truncated & {r[0].partition(":")[0], r[1]}}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_of_folders_above_mean_nothing(tmp_path: Path, layout: str) -> None:
    tree = Tree(tmp_path / "tree", layout)
    op = Op("Add", "add-aten.add.Tensor", [Input((4, 4)), Input((4,))], 1, ["x:0", "y:0"])
    for token in (0, 10, 2):
        tree.write(0, 1, token, [op], graph_text([op]))
    copy = tmp_path / "copy"
    shutil.copytree(tree.root, copy)
    tree.move(tmp_path / "graph_7")
    assert set(found(tree.pair())) == tree.rows
    shutil.rmtree(tree.root)
    copy.rename(tree.root)
    rows = tree.pair()
    assert set(found(rows)) == tree.rows
    assert [row.my.token for row in rows] == [0] * 3 + [2] * 3 + [10] * 3
    assert not any(row.doubt for row in rows if isinstance(row, Pair))


def test_prefill_is_not_taken_for_decode(tmp_path: Path) -> None:
    """Decode has some of the nodes of prefill, and no name of the older layouts says which is
    which: msit takes the folder at the same place."""
    ops = [Op(f"Op_{i}", f"op_{i}-aten.op.default", [Input((3, i + 1))], 1) for i in range(6)]
    tree = Tree(tmp_path, "lt710")
    tree.write(0, 1, 0, ops[:4], graph_text(ops[:4], 1))
    tree.write(0, 2, 0, ops, graph_text(ops, 2))
    folders = sorted((tmp_path / "fx/data_dump/1").iterdir())
    names = [folder.name for folder in folders]
    aside = tmp_path / "aside"
    folders[0].rename(aside)
    folders[1].rename(folders[0])
    aside.rename(folders[1])
    swap = {names[0]: names[1], names[1]: names[0]}

    def swapped(path: str) -> str:
        for old, new in swap.items():
            if old in path:
                return path.replace(old, new)
        return path

    tree.headers = {swapped(path): header for path, header in tree.headers.items()}
    rows = tree.pair()
    assert set(found(rows)) == {(swapped(golden), my, m) for golden, my, m in tree.rows}
    assert not any(row.doubt for row in rows if isinstance(row, Pair))


def test_a_lost_file_of_one_device_does_not_move_the_others(tmp_path: Path) -> None:
    ops = [Op(f"Op_{i}", f"op_{i}-aten.op.default", [Input((3, i + 1))], 1) for i in range(4)]
    tree = Tree(tmp_path, "eq710")
    for rank in (0, 1):
        tree.write(rank, 1, 0, ops, graph_text(ops))
    for path in sorted(tree.headers):
        if "/op_2-" in path and path.split("/")[-2].endswith("10_dump"):
            tree.lose(path)
    assert set(found(tree.pair())) == tree.rows


def test_one_golden_device_serves_all(tmp_path: Path) -> None:
    op = Op("Add", "add-aten.add.Tensor", [Input((4, 4))], 1)
    tree = Tree(tmp_path, "eq710")
    for rank in (0, 1):
        tree.write(rank, 1, 0, [op], graph_text([op]))
    shutil.rmtree(max((tmp_path / "fx").rglob("gm_*_dump")))
    pairs = [row for row in tree.pair() if isinstance(row, Pair)]
    assert {(pair.my.device, pair.golden.graph) for pair in pairs} == {
        (0, "gm_20260101000000000010_dump"),
        (1, "gm_20260101000000000010_dump"),
    }
    assert all("1 golden folder is alike for 2 of my models" in pair.doubt for pair in pairs)


def test_a_number_that_belongs_to_another_graph(tmp_path: Path) -> None:
    """Golden compiled decode first: its graph_1 is my graph_2."""
    tree = Tree(tmp_path)
    for graph, name in ((1, "Add"), (2, "Mul")):
        op = Op(name, f"{name.lower()}-aten.op.default", [Input((4, 4))], 1)
        tree.write(0, graph, 0, [op], graph_text([op], graph))
    rank = tmp_path / "fx/worldsize2_global_rank0"
    for old, new in (("graph_1", "aside"), ("graph_2", "graph_1"), ("aside", "graph_2")):
        (rank / old).rename(rank / new)
    headers = {"/graph_1/": "/graph_2/", "/graph_2/": "/graph_1/"}
    for path, header in list(tree.headers.items()):
        if path.startswith(str(rank)):
            old = "/graph_1/" if "/graph_1/" in path else "/graph_2/"
            tree.headers[path.replace(old, headers[old])] = header
    pairs = [row for row in tree.pair() if isinstance(row, Pair)]
    assert {(pair.my.graph, pair.golden.graph) for pair in pairs} == {
        ("graph_1/1", "graph_2"),
        ("graph_2/1", "graph_1"),
    }
    assert all("no golden folder of its graph number" in pair.doubt for pair in pairs)


def test_graphs_of_one_name_that_differ_by_rank(tmp_path: Path) -> None:
    """As with stages of a pipeline. PTA 7.1.0 names the rank of a graph, and of data the device."""
    tree = Tree(tmp_path, "eq710")
    for rank, name in ((0, "Add"), (1, "Mul")):
        op = Op(name, f"{name.lower()}-aten.op.default", [Input((4, 4))], 1)
        tree.write(rank, 1, 0, [op], graph_text([op]))
    rows = tree.pair()
    assert set(found(rows)) == tree.rows
    for row in rows:
        assert isinstance(row, Pair)
        assert row.doubt == f"device {row.my.device} is taken for rank {row.my.device}"


def test_headers_are_asked_for_as_often_as_there_are_tensors(tmp_path: Path) -> None:
    """Each operator costs the same in a large dump."""
    asked = []
    for size in (10, 40):
        tree = Tree(tmp_path / str(size))
        ops = [
            Op(f"Op_{i}", f"op_{i}-aten.op.default", [Input((3, 4)), Input((4,))], 1)
            for i in range(size)
        ]
        tree.write(0, 1, 0, ops, graph_text(ops))
        calls: list[str] = []
        real = tree.describe

        def describe(ref: TensorRef, calls: list[str] = calls, real: Describe = real) -> object:
            calls.append(ref.path)
            return real(ref)

        tree.describe = describe
        tree.pair()
        tree.pair_fusion()
        asked.append(len(calls) / size)
    assert asked[0] == asked[1]
