import json
from pathlib import Path

import numpy as np
import pytest

from builders.msprobe import Writer
from trueness.discover import layouts_of
from trueness.discover.msprobe import Msprobe
from trueness.model import Dump, Statistics

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def discover(root: Path, **only: int | None) -> Dump:
    return Msprobe().discover(root, **{"rank": None, "token": None, **only})


def linear(folder: Path, *, values: bool) -> Writer:
    writer = Writer(folder, values=values)
    writer.call("Functional.linear.0.forward", [X, [X, 3, X], None], [X], keywords={"bias": X})
    writer.write()
    return writer


def test_values_and_their_places(tmp_path: Path) -> None:
    linear(tmp_path / "step2/rank3", values=True)
    dump = discover(tmp_path)
    assert [layout.name for layout in layouts_of(tmp_path)] == ["msprobe", "flat"]
    assert [(r.io, r.index, r.nested, r.argument) for r in dump.tensors] == [
        ("input", 0, (), ""),
        ("input", 1, (0,), ""),
        ("input", 1, (2,), ""),
        ("input", 0, (), "bias"),
        ("output", 0, (), ""),
    ]
    assert {(r.rank, r.token, r.op_type) for r in dump.tensors} == {(3, 2, "linear")}
    assert all(Path(r.path).is_file() and r.statistics is None for r in dump.tensors)


def test_statistics_only(tmp_path: Path) -> None:
    linear(tmp_path / "step0/rank", values=False)
    first = discover(tmp_path).tensors[0]
    assert (first.rank, first.token) == (None, 0)
    assert first.member == "Functional.linear.0.forward.input.0"
    norm = float(np.linalg.norm(X))
    expected = Statistics(5.0, 0.0, 2.5, pytest.approx(norm), dtype="float32", shape=(2, 3))
    assert first.statistics == expected


def test_a_dump_copied_without_its_values_has_its_statistics(tmp_path: Path) -> None:
    linear(tmp_path / "a", values=True)
    data = tmp_path / "a/dump_tensor_data"
    for path in data.iterdir():
        path.unlink()
    assert all(ref.statistics is None for ref in discover(tmp_path).tensors)
    data.rmdir()
    assert all(isinstance(r.statistics, Statistics) for r in discover(tmp_path).tensors)


def test_modules_parameters_and_gradients(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "rank0", values=False, level="L0")
    writer.call("Module.a.0.Conv2d.forward.1", [X], [X], parameters={"weight": X})
    leaf = writer.said("", X)
    writer.calls["Module.a.0.Conv2d.parameters_grad"] = {"weight": [leaf], "bias": [leaf]}
    writer.calls["Module.a.0.Conv2d.backward.1"] = {
        "input": [leaf],
        "output": [leaf],
        "is_recompute": False,
    }
    writer.write()
    dump = discover(tmp_path)
    assert {ref.op_type for ref in dump.tensors} == {"Conv2d"}
    assert [(r.member, r.io, r.argument) for r in dump.tensors[2:]] == [
        ("Module.a.0.Conv2d.forward.1.parameters.weight", "", "weight"),
        ("Module.a.0.Conv2d.parameters_grad.weight.0", "", "weight"),
        ("Module.a.0.Conv2d.parameters_grad.bias.0", "", "bias"),
        ("Module.a.0.Conv2d.backward.1.input.0", "input", ""),
        ("Module.a.0.Conv2d.backward.1.output.0", "output", ""),
    ]


def test_the_module_that_called(tmp_path: Path) -> None:
    linear(tmp_path, values=False)
    text = '{"Functional.linear.0.forward": ["Module.a.A.forward.0", 1], "b": null, "c": []}'
    (tmp_path / "construct.json").write_text(text)
    assert {ref.scope for ref in discover(tmp_path).tensors} == {"Module.a.A.forward.0"}
    (tmp_path / "construct.json").write_text("{")
    dump = discover(tmp_path)
    assert {ref.scope for ref in dump.tensors} == {""}
    assert [left.ref.path for left in dump.leftover] == [str(tmp_path / "construct.json")]


def test_only_one_rank_or_step(tmp_path: Path) -> None:
    for step in (0, 10):
        for rank in (0, 1):
            linear(tmp_path / f"step{step}/rank{rank}", values=False)
    assert {ref.rank for ref in discover(tmp_path, rank=1).tensors} == {1}
    assert [r.token for r in discover(tmp_path, rank=1).tensors][::5] == [0, 10]
    inside = discover(tmp_path / "step10")
    assert {(ref.rank, ref.token) for ref in inside.tensors} == {(0, 10), (1, 10)}
    assert {ref.token for ref in discover(tmp_path / "step10/rank1").tensors} == {10}


DAMAGE = [
    "",
    "[]",
    '{"data": []}',
    '{"data": {"a": 1}}',
    '{"data": {"a": {"input_kwargs": []}}}',
    "[" * 100_000,
    '{"data": {"a": {"output": [' + "[" * 50 + "]" * 50 + "]}}}",
    "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
]


@pytest.mark.parametrize("content", DAMAGE)
def test_a_damaged_file_is_left_over_and_the_others_are_read(tmp_path: Path, content: str) -> None:
    linear(tmp_path / "step0/rank0", values=False)
    bad = tmp_path / "step0/rank1/dump.json"
    bad.parent.mkdir()
    bad.write_text(content, encoding="latin-1")
    dump = discover(tmp_path)
    assert {ref.rank for ref in dump.tensors} == {0}
    (left,) = dump.leftover
    assert (left.ref.path, left.ref.rank, left.expected) == (str(bad), 1, False)


@pytest.mark.parametrize("name", ["../secret.pt", "/etc/passwd", "a/b.pt", "", 7, None])
def test_a_data_name_cannot_leave_its_folder(tmp_path: Path, name: object) -> None:
    writer = linear(tmp_path, values=True)
    writer.calls["Functional.linear.0.forward"]["output"][0]["data_name"] = name
    writer.write()
    output = discover(tmp_path).tensors[-1]
    assert output.path == str(tmp_path / "dump.json")
    assert isinstance(output.statistics, Statistics)


def test_odd_numbers(tmp_path: Path) -> None:
    leaf = {"dtype": "Float32", "shape": [2, "x"], "Max": "nan", "Min": None, "Mean": True}
    leaf["Norm"] = 10**400
    leaf["md5"] = "1f2e3d4c"
    calls = {"Functional.f.0.forward": {"output": [leaf]}}
    (tmp_path / "dump.json").write_text(json.dumps({"data": calls}))
    (ref,) = discover(tmp_path).tensors
    said = ref.statistics
    assert isinstance(said, Statistics)
    assert str(said.max_value) == "nan"
    assert (said.min_value, said.mean_value, said.l2norm) == (None, 1.0, None)
    assert (said.shape, said.dtype, said.checksum) == (None, "float32", "1f2e3d4c")
