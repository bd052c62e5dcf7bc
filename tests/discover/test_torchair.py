from pathlib import Path

import pytest

from trueness.discover import layouts_of
from trueness.discover.ge_graph import Content, read_graph
from trueness.discover.torchair_fx import TorchairFx
from trueness.discover.torchair_ge import TorchairGe
from trueness.errors import FormatError, LayoutError, UsageError

GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"
GRAPH = "dynamo_original_graph_1_rank_0_pid_4000_ts_20251121103000123456.txt"


def token_folder(root: Path, time: str = "20260101000000", rank: int = 0) -> Path:
    folder = root / f"worldsize1_global_rank{rank}" / time / "0" / "graph_1" / "1" / "0"
    folder.mkdir(parents=True)
    (root / GRAPH).write_text('op { name: "Add" type: "Add" }')
    return folder


def test_each_side_is_recognised_also_from_above() -> None:
    assert layouts_of(GT710 / "ge")[0].name == "torchair_ge"
    assert layouts_of(GT710 / "fx")[0].name == "torchair_fx"
    assert [layout.name for layout in layouts_of(GT710)] == ["torchair_ge", "torchair_fx", "flat"]


def test_a_rank_folder_alone_will_do() -> None:
    rank = GT710 / "ge/msit_ge_dump/worldsize2_global_rank1"
    dump = TorchairGe().discover(rank, rank=None, token=None)
    assert {ref.rank for ref in dump.tensors} == {1}
    assert [graph.rank for graph in dump.graphs] == [1]


def test_graph() -> None:
    graph = read_graph(GT710 / "ge/msit_ge_dump" / GRAPH)
    assert (graph.name, graph.number, graph.rank) == ("graph_1", 1, 0)
    assert graph.ops["Add"].inputs == ("MatMul:0", "arg2_1:0")
    assert graph.ops["LayerNormV3"].fx_names == tuple(
        f"native_layer_norm-aten.native_layer_norm.default.OUTPUT.{k}" for k in range(3)
    )


def test_equal_graphs_are_read_once(tmp_path: Path) -> None:
    names = [
        f"dynamo_original_graph_{n}_rank_{r}_pid_4_ts_2026.txt" for n in (1, 2) for r in (0, 1)
    ]
    for name in names:
        (tmp_path / name).write_text(f'name: "g" op {{ name: "A{name[:24]}" }}')
    known: dict[bytes, Content] = {}
    graphs = [read_graph(tmp_path / name, known) for name in names]
    assert [(graph.number, graph.rank) for graph in graphs] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert graphs[0].ops is graphs[1].ops != graphs[2].ops is graphs[3].ops
    assert [graph.path for graph in graphs] == [str(tmp_path / name) for name in names]
    assert [read_graph(tmp_path / name) for name in names] == graphs


def test_a_damaged_graph_says_where(tmp_path: Path) -> None:
    path = tmp_path / GRAPH
    path.write_text('name: "\u6587" op { name: "A"')
    with pytest.raises(FormatError) as caught:
        read_graph(path)
    assert caught.value.path == str(path)
    assert caught.value.offset == len(path.read_bytes())


def test_other_blocks_of_a_graph_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / GRAPH
    path.write_text('versions { x: 1 } op { name: "A: { b" input: "c:-1" input: "d:0" } attr {}')
    graph = read_graph(path)
    assert list(graph.ops) == ["A: { b"]
    assert graph.ops["A: { b"].inputs == ("d:0",)


def test_the_larger_of_two_files_of_an_operator(tmp_path: Path) -> None:
    folder = token_folder(tmp_path)
    (folder / "Add.Add.1.2.1700000000000001").write_bytes(b"12")
    (folder / "Add.Add.1.2.1700000000000002").write_bytes(b"1")
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert [ref.order for ref in dump.tensors] == [1700000000000001]
    (left,) = dump.leftover
    assert left.expected
    assert "Add.Add.1.2.1700000000000001" in left.reason


def test_the_newest_run_of_a_model(tmp_path: Path) -> None:
    """Not a token more of an older run: it may be another model, and nobody would know."""
    for time in ("20260101000000", "20260102000000"):
        (token_folder(tmp_path, time) / f"Add.Add.1.2.{time}00").write_bytes(b"1")
    older = tmp_path / "worldsize1_global_rank0/20260101000000/0/graph_1/1"
    (older / "9").mkdir()
    (older / "9" / "Add.Add.1.2.2026010100000001").write_bytes(b"1")
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert [ref.order for ref in dump.tensors] == [2026010200000000]
    assert ["20260102000000" in left.reason for left in dump.leftover] == [True, True]
    assert not TorchairGe().discover(tmp_path, rank=None, token=9).tensors


def test_a_link_to_itself_is_passed_over(tmp_path: Path) -> None:
    folder = token_folder(tmp_path)
    (folder / "Add.Add.1.2.1706596912161941").write_bytes(b"x")
    for level in (folder, *folder.parents):
        (level / "itself").symlink_to("itself")
        if level == tmp_path:
            break
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert [ref.op_name for ref in dump.tensors] == ["Add"]


def test_names(tmp_path: Path) -> None:
    folder = token_folder(tmp_path)
    for name in ("TransData.TransData_1.1.42.6.1700000000000001", "12345", "999", "notes.txt"):
        (folder / name).touch()
    (folder / "mapping.csv").write_text("12345,Add.very_long.1.2.1700000000000003\nbad row\n")
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert {(ref.op_type, ref.op_name) for ref in dump.tensors} == {
        ("TransData", "TransData_1.1"),
        ("Add", "very_long"),
    }
    left = {Path(left.ref.path).name: left.expected for left in dump.leftover}
    assert left == {"999": False, "notes.txt": True}


def test_a_damaged_mapping_costs_only_its_lines(tmp_path: Path) -> None:
    folder = token_folder(tmp_path)
    (folder / "12345").touch()
    good = b"12345,Add.very_long.1.2.1700000000000003\n"
    (folder / "mapping.csv").write_bytes(b'7,"quote\n\0\xff\n8,' + bytes(200_000) + b"\n" + good)
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert [ref.op_name for ref in dump.tensors] == ["very_long"]


def test_fx_names(tmp_path: Path) -> None:
    folder = tmp_path / "worldsize1_global_rank0/graph_2/3"
    folder.mkdir(parents=True)
    time = "20260101000000000000"
    names = [
        f"cat-aten.cat.default.INPUT.0.11.{time}.npy",
        f"odd.INPUT.1-aten.x.default.OUTPUT.2.{time}.npy",
        f"again-aten.x.default.OUTPUT.0.{time}.npy",
        "again-aten.x.default.OUTPUT.0.20260101000000000001.npy",
        "notes.txt",
    ]
    for name in names:
        (folder / name).touch()
    dump = TorchairFx().discover(tmp_path, rank=None, token=None)
    found = {(r.op_name, r.io, r.index, r.nested, r.token, r.graph) for r in dump.tensors}
    assert found == {
        ("cat-aten.cat.default", "input", 0, (11,), 3, "graph_2"),
        ("odd.INPUT.1-aten.x.default", "output", 2, (), 3, "graph_2"),
        ("again-aten.x.default", "output", 0, (), 3, "graph_2"),
    }
    assert {Path(left.ref.path).name: left.expected for left in dump.leftover} == {
        names[2]: True,
        "notes.txt": True,
    }


def test_two_folders_of_one_rank_are_not_mixed(tmp_path: Path) -> None:
    token_folder(tmp_path / "a")
    token_folder(tmp_path / "b")
    with pytest.raises(LayoutError, match="rank 0 twice"):
        TorchairGe().discover(tmp_path, rank=None, token=None)


def test_what_is_not_a_dump_says_why(tmp_path: Path) -> None:
    (tmp_path / GRAPH).touch()
    (tmp_path / "data_dump/1").mkdir(parents=True)
    assert "{time}/{device}" in TorchairGe().refusal(tmp_path)
    assert "gm_{time}_dump" in TorchairFx().refusal(tmp_path)
    assert "dynamo_original_graph_" in TorchairGe().refusal(tmp_path / "data_dump")
    for layout in (TorchairGe(), TorchairFx()):
        assert layout.refusal(tmp_path / GRAPH) == "not a folder"


def test_up_to_pta_710_the_first_token_is_in_folder_1(tmp_path: Path) -> None:
    folder = tmp_path / "renamed" / "3" / "gm_20260101000000000000_dump"
    folder.mkdir(parents=True)
    (folder / "add-aten.add.Tensor.OUTPUT.0.20260101000000000000.npy").touch()
    for root in (tmp_path, tmp_path / "renamed"):
        (ref,) = TorchairFx().discover(root, rank=None, token=2).tensors
        assert (ref.token, ref.rank, ref.graph) == (2, None, folder.name)
        assert not TorchairFx().discover(root, rank=None, token=3).tensors
    with pytest.raises(UsageError, match="leave rank out"):
        TorchairFx().discover(tmp_path, rank=0, token=None)


def test_up_to_pta_710_devices_stand_for_ranks(tmp_path: Path) -> None:
    for device in (0, 1):
        folder = tmp_path / "20260101000000" / f"{device}" / "graph_1/1/0"
        folder.mkdir(parents=True)
        (folder / "Add.Add.1.2.1700000000000001").touch()
    (tmp_path / "dynamo_original_graph_20260101000000000000.txt").write_text('op { name: "Add" }')
    assert TorchairGe().refusal(tmp_path) is None
    dump = TorchairGe().discover(tmp_path, rank=None, token=None)
    assert [(ref.rank, ref.device, ref.token) for ref in dump.tensors] == [
        (None, 0, 0),
        (None, 1, 0),
    ]
    assert [(graph.number, graph.rank) for graph in dump.graphs] == [(None, None)]


def test_dumps_of_two_generations_are_not_mixed(tmp_path: Path) -> None:
    token_folder(tmp_path)
    (tmp_path / "20260101000000/0/graph_1/1/0").mkdir(parents=True)
    with pytest.raises(LayoutError, match="with and without ranks"):
        TorchairGe().discover(tmp_path, rank=None, token=None)
