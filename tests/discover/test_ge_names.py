from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.discover.ge_names import MAX_LENGTH, Name, Names, known_names, parse
from trueness.discover.torchair_ge import TorchairGe
from trueness.model import Dump

KNOWN = known_names(["Add", "Add_1", "layer.0/Mul"])
TIME = 1706596912161941


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"Add.Add_1.3.2.{TIME}", Name("Add", "Add_1", TIME)),
        (f"Add.Add_1.3.{TIME}", Name("Add", "Add_1", TIME)),
        # Of a captured graph, with the number of the dump; a name with dots is another thing.
        (f"Add.Add_1.0.3.2.{TIME}", Name("Add", "Add_1", TIME)),
        (f"TransData.TransData_1.1.3.2.{TIME}", Name("TransData", "TransData_1.1", TIME)),
        # The writer replaced what a file name cannot have.
        (f"Mul.layer_0_Mul.3.2.{TIME}", Name("Mul", "layer.0/Mul", TIME)),
        (f"Add.Add_1.3.2.{TIME}.4.330.2.0", Name("Add", "Add_1", TIME, 2)),
        (f"Add.Add_1.0.3.2.{TIME}.FFTSPLUS.5.1.0", Name("Add", "Add_1", TIME, 1)),
        (f"Add.p0_sgt_graph_0_Add_lxslice11.3.2.{TIME}.4.330.0.0", Name("Add", "Add", TIME, 11)),
        (f"Add.Add_1.3.2.{TIME}.1.0.0.0", Name("Add", "Add_1", TIME)),
        (f"Add.Add.3.2.{TIME}_min_max.npz", Name("Add", "Add", TIME, None, "min_max")),
        (f"Add.Add.3.2.{TIME}.csv", Name("Add", "Add", TIME, None, "cann_csv")),
    ],
)
def test_forms(text: str, name: Name) -> None:
    assert parse(text, KNOWN) == name
    assert Names(KNOWN.values()).parse(text) == name


@pytest.mark.parametrize(
    "text",
    ["", "Add", "Add.Add.3.2", f"Add.{TIME}", f"Add.Add.3.2.{TIME}.npy", f"Add.Add.3.2.{TIME}.9.1",
     f"Add.{'a' * MAX_LENGTH}.3.2.{TIME}", "Add.Add.3.2." + "1" * 400],
)  # fmt: skip
def test_other_names(text: str) -> None:
    assert parse(text, KNOWN) is None
    assert Names(KNOWN.values()).parse(text) is None


@given(st.text("Ad_.013", max_size=60))
def test_any_text_is_read(text: str) -> None:
    found = parse(text, KNOWN)
    assert found is None or (found.op_type and text.startswith(found.op_type + "."))


@given(
    st.text("Ad_.013", max_size=20),
    st.lists(st.sampled_from(["3", "0", f"{TIME}", "1" * 8, "1" * 21, "4", "x", ""]), max_size=8),
)
def test_remembered_names_are_read_alike(head: str, parts: list[str]) -> None:
    text = ".".join([head, *parts])
    names = Names(["Add", "Add_1", "layer.0/Mul"])
    assert names.parse(text) == parse(text, KNOWN)
    other = ".".join([head, "7", "8", "17000000"])
    assert [names.parse(one) for one in (text, other)] == [parse(text, KNOWN), parse(other, KNOWN)]


def discover(root: Path, *names: str, mapping: str = "") -> Dump:
    folder = root / "worldsize1_global_rank0/20260101000000/0/graph_1/1/0"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"1")
    if mapping:
        (folder / "mapping.csv").write_text(mapping)
    text = 'op { name: "Add" } op { name: "Conv" }'
    (root / "dynamo_original_graph_1_rank_0_pid_4_ts_2026.txt").write_text(text)
    return TorchairGe().discover(root, rank=None, token=None)


def test_slices_are_one_operator(tmp_path: Path) -> None:
    """In the order of their numbers: as text, slice 10 would come before slice 2."""
    names = [f"Conv.Conv_lxslice{i}.3.2.{TIME + i}.4.33.0.0" for i in range(11)]
    dump = discover(tmp_path, f"Add.Add.4.2.{TIME}.4.33.0.0", *names)
    add, conv = sorted(dump.tensors, key=lambda ref: ref.op_name)
    assert (add.op_name, add.shards) == ("Add", ())
    assert [Path(path).name for path in (conv.path, *conv.shards)] == names
    assert not dump.leftover


def test_without_a_slice_there_is_no_operator(tmp_path: Path) -> None:
    names = [f"Conv.Conv.3.2.{TIME + i}.4.33.{i}.0" for i in (0, 1, 3)]
    dump = discover(tmp_path, *names)
    assert not dump.tensors
    assert {Path(left.ref.path).name for left in dump.leftover} == set(names)
    for left in dump.leftover:
        assert not left.expected
        assert left.reason == "operator Conv was cut by FFTS+ and slice 2 is missing"


def test_the_newest_of_a_slice(tmp_path: Path) -> None:
    names = [f"Conv.Conv_lxslice{i % 2}.3.2.{TIME + i}.4.33.0.0" for i in range(4)]
    dump = discover(tmp_path, *names)
    (conv,) = dump.tensors
    assert [Path(path).name for path in (conv.path, *conv.shards)] == names[2:]
    assert [left.expected for left in dump.leftover] == [True, True]


def test_values_go_before_their_statistics(tmp_path: Path) -> None:
    names = [f"Add.Add.4.2.{TIME}", f"Add.Add.4.2.{TIME}_min_max.npz"]
    dump = discover(tmp_path, *names, f"Conv.Conv.4.2.{TIME}.csv")
    kinds = {ref.op_name: ref.statistics for ref in dump.tensors}
    assert kinds == {"Add": None, "Conv": "cann_csv"}
    (left,) = dump.leftover
    assert left.expected
    assert left.reason == f"statistics of what is compared: {names[0]}"


def test_names_too_long_for_a_file(tmp_path: Path) -> None:
    mapping = f"123,Add.Add.4.2.{TIME}\n456,no name\nbad row\n"
    dump = discover(tmp_path, "123", "456", "789", mapping=mapping)
    assert [(ref.op_name, Path(ref.path).name) for ref in dump.tensors] == [("Add", "123")]
    assert {Path(left.ref.path).name for left in dump.leftover} == {"456", "789"}
    assert not any(left.expected for left in dump.leftover)
