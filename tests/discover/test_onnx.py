from pathlib import Path

import numpy as np
import pytest

from trueness.discover import layouts_of
from trueness.discover.onnx import Onnx
from trueness.discover.torchair_fx import TorchairFx
from trueness.dumps import compare_dumps
from trueness.model import Dump

GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"
TIME = 1700000000000000


def discover(root: Path) -> Dump:
    return Onnx().discover(root, rank=None, token=None)


def dump(root: Path, start: int, values: dict[str, float]) -> Path:
    """A file a name `{node}.{index}`, in the order of execution."""
    folder = root / "dump_data/onnx"
    folder.mkdir(parents=True)
    for i, (name, value) in enumerate(values.items()):
        np.save(folder / f"{name}.{start + i}.npy", np.full(4, value, np.float32))
    return root


def test_names(tmp_path: Path) -> None:
    root = dump(tmp_path, TIME, {"conv_1.0": 1, "split.10": 1, "split.2": 1, "input_relu.0": 1})
    assert [layout.name for layout in layouts_of(root)] == ["onnx", "flat"]
    assert [(r.op_name, r.io, r.index) for r in discover(root).tensors] == [
        ("conv_1", "output", 0),
        ("split", "output", 10),
        ("split", "output", 2),
        ("relu", "input", 0),
    ]


def test_the_newer_of_two_runs_and_files_of_other_names(tmp_path: Path) -> None:
    for name in (f"a.0.{TIME}.npy", f"a.0.{TIME + 5}.npy", "notes.txt", "a.npy"):
        (tmp_path / name).touch()
    found = discover(tmp_path)
    assert [ref.order for ref in found.tensors] == [TIME + 5]
    assert {Path(left.ref.path).name: left.expected for left in found.leftover} == {
        f"a.0.{TIME}.npy": True,
        "notes.txt": True,
        "a.npy": False,
    }


def test_long_names_are_in_a_table(tmp_path: Path) -> None:
    for name in (f"a.0.{TIME}.npy", "0f3c.npy"):
        (tmp_path / name).touch()
    (tmp_path / "mapping.csv").write_text(f"0f3c.npy,{'long' * 99}.3.{TIME}.npy\n")
    found = discover(tmp_path)
    assert [(r.op_name, r.index) for r in found.tensors] == [("a", 0), ("long" * 99, 3)]
    assert not found.leftover


@pytest.mark.parametrize("side", ["ge", "fx"])
def test_torchair_is_something_else(side: str) -> None:
    assert Onnx().refusal(GT710 / side)
    folder = next((GT710 / "fx").rglob("*.npy")).parent
    assert Onnx().refusal(folder)
    assert TorchairFx().refusal(folder)


def test_two_dumps_below_one_folder_are_not_mixed(tmp_path: Path) -> None:
    for name in "ab":
        dump(tmp_path / name, TIME, {"x.0": 1})
        (tmp_path / name / "dump_data/onnx").rename(tmp_path / name / "onnx")
    assert "several folders" in Onnx().refusal(tmp_path)


def test_end_to_end(tmp_path: Path) -> None:
    golden = dump(tmp_path / "g", TIME, {"a.0": 1, "b.0": 2, "b.1": 3, "gone.0": 1})
    my = dump(tmp_path / "m", TIME + 1000, {"b.1": 3, "b.0": 4, "a.0": 1, "cast.0": 1})
    rows = list(compare_dumps(golden, my))
    assert [(r.my.op_name, r.my.index, r.passed) for r in rows if r.golden and r.my] == [
        ("b", 1, True),
        ("b", 0, False),
        ("a", 0, True),
    ]
    assert {str(row.state) for row in rows[3:]} == {"unmatched_my", "unmatched_golden"}
    assert len(rows) == 5


def test_numbers_in_names_of_nodes_are_no_counts(tmp_path: Path) -> None:
    golden = dump(tmp_path / "g", TIME, {"Add.1.0": 1, "Add.2.0": 2})
    my = dump(tmp_path / "m", TIME, {"Add.2.0": 2, "Add.3.0": 3})
    rows = [
        (r.golden and r.golden.op_name, r.my and r.my.op_name) for r in compare_dumps(golden, my)
    ]
    assert rows == [("Add.2", "Add.2"), (None, "Add.3"), ("Add.1", None)]
