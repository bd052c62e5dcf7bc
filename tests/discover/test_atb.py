from pathlib import Path

import numpy as np
import pytest

from builders import atb
from trueness.discover import layouts_of
from trueness.discover.atb import Atb
from trueness.errors import LayoutError
from trueness.model import Dump

X = np.ones((2, 3), np.float32)
FILES = dict.fromkeys(
    [
        "0_WordEmbedding/after/outtensor0",
        "2_Layer/before/intensor0",
        "2_Layer/0_Attention/2_LinearOperation/before/intensor10",
        "2_Layer/0_Attention/2_LinearOperation/before/intensor2",
        "2_Layer/0_Attention/10_Add/after/outtensor0",
        "2_Layer/after/outtensor0",
        "10_LmHead/after/outtensor0",
    ],
    X,
)


def discover(root: Path) -> Dump:
    return Atb().discover(root, rank=None, token=None)


def test_numbers_order_and_a_whole_is_around_its_parts(tmp_path: Path) -> None:
    atb.write(tmp_path, FILES)
    assert [layout.name for layout in layouts_of(tmp_path)] == ["atb", "flat"]
    dump = discover(tmp_path)
    assert [(r.op_name, r.io, r.index) for r in dump.tensors] == [
        ("0_WordEmbedding", "output", 0),
        ("2_Layer", "input", 0),
        ("2_Layer/0_Attention/2_LinearOperation", "input", 2),
        ("2_Layer/0_Attention/2_LinearOperation", "input", 10),
        ("2_Layer/0_Attention/10_Add", "output", 0),
        ("2_Layer", "output", 0),
        ("10_LmHead", "output", 0),
    ]
    linear = dump.tensors[2]
    assert (linear.op_type, linear.scope) == ("LinearOperation", "2_Layer/0_Attention")
    assert {(r.rank, r.device, r.token) for r in dump.tensors} == {(0, 0, 0)}
    assert [ref.order for ref in dump.tensors] == list(range(7))


@pytest.mark.parametrize(
    "inside", ["", "msit_dump_1", "msit_dump_1/tensors", "msit_dump_1/tensors/3_99"]
)
def test_a_dump_may_be_given_from_above_or_inside(tmp_path: Path, inside: str) -> None:
    for token in (0, 1, 10):
        atb.write(tmp_path / "msit_dump_1", FILES, token=token, card="3_99")
    dump = discover(tmp_path / inside)
    assert [ref.token for ref in dump.tensors][::7] == [0, 1, 10]
    assert {ref.rank for ref in dump.tensors} == {3}


def test_one_token_may_be_given(tmp_path: Path) -> None:
    for token in (0, 1):
        atb.write(tmp_path, FILES, token=token)
    assert {r.token for r in discover(tmp_path / "tensors/0_1234/1").tensors} == {1}


def test_cards_are_ranks_and_two_processes_are_not_mixed(tmp_path: Path) -> None:
    for card in ("10_7", "2_8"):
        atb.write(tmp_path, FILES, card=card)
    assert [ref.rank for ref in discover(tmp_path).tensors][::7] == [2, 10]
    atb.write(tmp_path, FILES, card="2_9")
    with pytest.raises(LayoutError, match="device 2 twice"):
        discover(tmp_path)


def test_what_is_no_tensor_is_left_over(tmp_path: Path) -> None:
    atb.write(tmp_path, FILES)
    folder = tmp_path / "tensors/0_1234/0/2_Layer"
    for name in ("before/outtensor0.bin", "after/other.bin", "after/param.json", "x.bin"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "loop").symlink_to(tmp_path, target_is_directory=True)
    dump = discover(tmp_path)
    assert len(dump.tensors) == len(FILES)
    found = {Path(left.ref.path).name: left.expected for left in dump.leftover}
    assert found.pop("loop") is True
    assert found == {
        "outtensor0.bin": True,
        "other.bin": False,
        "param.json": True,
        "x.bin": False,
    }


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tensors/0_1").mkdir(parents=True)
    assert "no tensors/" in Atb().refusal(tmp_path)
    (tmp_path / "tensors/0_1/0/notes").mkdir(parents=True)
    assert Atb().refusal(tmp_path)
    (tmp_path / "tensors/0_1/0/0_Add").mkdir()
    assert Atb().refusal(tmp_path) is None
