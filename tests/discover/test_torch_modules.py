import json
from pathlib import Path

import pytest

from trueness.discover import layouts_of
from trueness.discover.torch_modules import TorchModules
from trueness.errors import LayoutError
from trueness.model import Dump

TREE = {
    "name": "root",
    "type": "LlamaForCausalLM",
    "children": [
        {
            "name": "root.model",
            "type": "LlamaModel",
            "children": [
                {"name": "root.model.norm", "type": "LlamaRMSNorm", "children": []},
            ],
        },
        {"name": "lm_head", "type": "Linear", "children": []},
    ],
}
FILES = [
    "root.lm_head/output.pth",
    "root.model.norm/input_10.pth",
    "root.model.norm/input_2_1.pth",
    "root.model.norm/output_0.pth",
]


def write(root: Path, card: str = "cpu_77", token: int = 0) -> Path:
    folder = root / "torch_tensors" / card
    for name in FILES:
        path = folder / str(token) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "model_tree.json").write_text(json.dumps(TREE))
    return folder


def discover(root: Path) -> Dump:
    return TorchModules().discover(root, rank=None, token=None)


def test_names_types_and_the_order_of_the_model(tmp_path: Path) -> None:
    write(tmp_path, token=3)
    assert [layout.name for layout in layouts_of(tmp_path)] == ["torch_modules", "flat"]
    dump = discover(tmp_path)
    assert [(r.op_name, r.op_type, r.io, r.index, r.nested) for r in dump.tensors] == [
        ("root.model.norm", "LlamaRMSNorm", "input", 2, (1,)),
        ("root.model.norm", "LlamaRMSNorm", "input", 10, ()),
        ("root.model.norm", "LlamaRMSNorm", "output", 0, ()),
        ("root.lm_head", "Linear", "output", 0, ()),
    ]
    assert {(r.rank, r.token) for r in dump.tensors} == {(None, 3)}


@pytest.mark.parametrize(
    "inside", ["", "torch_tensors", "torch_tensors/npu2_5", "torch_tensors/npu2_5/1"]
)
def test_a_dump_may_be_given_from_above_or_inside(tmp_path: Path, inside: str) -> None:
    for token in (0, 1):
        write(tmp_path, "npu2_5", token)
    dump = discover(tmp_path / inside)
    assert {ref.token for ref in dump.tensors} == ({1} if inside.endswith("/1") else {0, 1})
    assert {ref.rank for ref in dump.tensors} == {2}
    assert {ref.op_type for ref in dump.tensors} == {"LlamaRMSNorm", "Linear"}


@pytest.mark.parametrize("content", ["{", "[]", '{"name": 1}', '{"children": [1]}', "[" * 99_999])
def test_a_damaged_tree_costs_types_only(tmp_path: Path, content: str) -> None:
    (write(tmp_path) / "model_tree.json").write_text(content)
    dump = discover(tmp_path)
    assert len(dump.tensors) == len(FILES)
    assert {ref.op_type for ref in dump.tensors} == {""}
    assert [Path(left.ref.path).name for left in dump.leftover] == ["model_tree.json"]


def test_other_files_and_other_processes(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "0/root.lm_head/weight.pth").touch()
    assert [Path(left.ref.path).name for left in discover(tmp_path).leftover] == ["weight.pth"]
    write(tmp_path, "cpu_78")
    with pytest.raises(LayoutError, match="a card twice"):
        discover(tmp_path)


def test_an_atb_dump_beside_it_is_something_else(tmp_path: Path) -> None:
    assert "no torch_tensors/" in TorchModules().refusal(tmp_path)
    (tmp_path / "tensors/0_1/0/0_Add").mkdir(parents=True)
    assert TorchModules().refusal(tmp_path)
