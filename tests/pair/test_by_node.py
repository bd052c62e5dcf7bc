"""Two FX dumps: nodes of one graph, declared or not, in folders of any generation."""

import json
from pathlib import Path

import pytest

from trueness.discover.torchair_fx import TorchairFx
from trueness.model import Dump, Pair, State, TensorRef
from trueness.pair.by_node import pair

TIME = "20260101000000000000"


def dump(root: Path, *names: str, graph: str | None = None, time: str = TIME) -> Dump:
    """Names are `{folder}/{node}-{target}.{IO}.{i}`."""
    base = root / "worldsize1_global_rank0"
    for name in names:
        path = base / f"{name}.{time}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if graph is not None:
        (base / "graph_1" / "graph.json").write_text(graph)
    return TorchairFx().discover(root, rank=None, token=None)


def label(ref: TensorRef | None) -> str:
    return f"{ref.graph} {ref.op_name} {ref.io} {ref.index}" if ref else ""


def test_the_same_node_of_the_same_graph(tmp_path: Path) -> None:
    names = ["graph_1/0/mm-aten.mm.default.OUTPUT.0", "graph_2/0/mm-aten.mm.default.OUTPUT.0"]
    golden = dump(tmp_path / "golden", *names, "graph_1/0/t-aten.t.default.OUTPUT.0")
    my = dump(tmp_path / "my", *reversed(names), time=str(int(TIME) + 5))
    rows = list(pair(golden, my, lambda ref: []))
    assert [(label(row.golden), label(row.my)) for row in rows] == [
        (f"graph_{n} mm-aten.mm.default output 0",) * 2 for n in (1, 2)
    ] + [("graph_1 t-aten.t.default output 0", "")]
    assert all(row.pairing == "node" for row in rows if isinstance(row, Pair))
    assert rows[2].state is None and "no node t-aten.t.default" in rows[2].reason


def test_what_the_other_graph_declares_was_not_dumped(tmp_path: Path) -> None:
    nodes = [
        {"name": name, "op": "call_function", "target": "aten.t.default", "scope": "", "inputs": []}
        for name in ("mm-aten.mm.default", "t-aten.t.default")
    ]
    golden = dump(
        tmp_path / "golden",
        "graph_1/0/mm-aten.mm.default.OUTPUT.0",
        "graph_1/0/t-aten.t.default.OUTPUT.0",
        "graph_1/0/new-aten.new.default.OUTPUT.0",
    )
    graph = json.dumps({"version": 1, "nodes": nodes})
    my = dump(tmp_path / "my", "graph_1/0/mm-aten.mm.default.OUTPUT.0", graph=graph)
    rows = {label(row.golden).split()[1]: row for row in pair(golden, my, lambda ref: [])}
    assert rows["t-aten.t.default"].state is State.NOT_DUMPED
    assert "was not dumped" in rows["t-aten.t.default"].reason
    assert rows["new-aten.new.default"].state is None


def test_folders_called_by_time_meet_in_order(tmp_path: Path) -> None:
    sides = []
    for side, times in (("golden", (11, 12)), ("my", (25, 26))):
        for number, time in enumerate(times):
            folder = tmp_path / side / "1" / f"gm_{time}_dump"
            folder.mkdir(parents=True)
            (folder / f"n{number}-aten.t.default.OUTPUT.0.{TIME}.npy").touch()
        sides.append(TorchairFx().discover(tmp_path / side, rank=None, token=None))
    rows = list(pair(*sides, lambda ref: []))
    assert [isinstance(row, Pair) for row in rows] == [True, True]


@pytest.mark.parametrize("name", ["x-aten.t.default.INPUT.0.3", "x-aten.t.default.OUTPUT.2"])
def test_statistics_are_told_by_the_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "worldsize1_global_rank0" / "graph_1" / "0"
    folder.mkdir(parents=True)
    (folder / f"{name}.{TIME}_statistics.csv").touch()
    (ref,) = TorchairFx().discover(tmp_path, rank=None, token=None).tensors
    assert ref.statistics == "cann_csv"
    assert ref.member == (ref.io, ref.index)
