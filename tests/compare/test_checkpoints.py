import struct
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from builders.safetensors import write_safetensors
from trueness.cli.app import main
from trueness.model import State

TENSORS = {f"layers.{i}.weight": np.full((2, 3), i, np.float32) for i in range(1, 5)}
STATE_DICT = Path(__file__).parents[1] / "data" / "pt" / "state_dict.pt"


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    for shard in (1, 2):
        part = {name: t for name, t in TENSORS.items() if t[0, 0] % 2 == shard % 2}
        write_safetensors(tmp_path / "golden" / f"model-0000{shard}-of-00002.safetensors", part)
    (tmp_path / "golden" / "config.json").write_text("{}")
    return tmp_path / "golden"


def test_shards_against_one_file_of_another_format(sharded: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", **(TENSORS | {"layers.3.weight": TENSORS["layers.2.weight"]}))
    comparison = tn.compare_dumps(sharded, tmp_path / "all.npz")
    compared = {r.golden.op_name: r for r in comparison if r.state.compared}
    assert {name: r.passed for name, r in compared.items()} == {
        name: name != "layers.3.weight" for name in TENSORS
    }
    assert compared["layers.3.weight"].metrics["max_absolute_error"] == 1
    assert [side.layout for side in comparison.recognised] == ["checkpoint", "checkpoint"]


def test_shards_that_are_cut_otherwise(sharded: Path, tmp_path: Path) -> None:
    """msit compares with the first shard only."""
    names = sorted(TENSORS)
    for number, part in enumerate((names[:1], names[1:3], names[3:])):
        path = tmp_path / "my" / f"model-{number}-of-3.safetensors"
        write_safetensors(path, {name: TENSORS[name] for name in part})
    summary = tn.compare_dumps(sharded, tmp_path / "my").summary()
    assert (summary.passed, summary.exit_code) == (4, 0)


def test_a_truncated_shard_is_a_row(sharded: Path, tmp_path: Path) -> None:
    first = write_safetensors(tmp_path / "my" / "a.safetensors", TENSORS)
    broken = tmp_path / "my" / "b.safetensors"
    broken.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    rows = list(tn.compare_dumps(sharded, tmp_path / "my"))
    assert [r.my.path for r in rows if r.state is State.UNREADABLE] == [str(broken)]
    assert {r.my.path for r in rows if r.passed} == {str(first)}
    assert len([r for r in rows if r.passed]) == 4


def test_any_folder_is_taken_when_asked_for(tmp_path: Path) -> None:
    for side, name in (("golden", "a.npz"), ("my", "b.npz")):
        (tmp_path / side).mkdir()
        np.savez(tmp_path / side / name, **TENSORS)
    by_file = tn.compare_dumps(tmp_path / "golden", tmp_path / "my").summary()
    assert by_file.coverage["pairs"] == 0
    by_tensor = tn.compare_dumps(tmp_path / "golden", tmp_path / "my", layout="checkpoint")
    assert by_tensor.summary().passed == 4


def test_two_state_dicts(tmp_path: Path) -> None:
    tensors = tn.open(STATE_DICT).tensors
    np.savez(tmp_path / "my.npz", **{t.name: t.numpy() for t in tensors})
    results = tn.compare_files(STATE_DICT, tmp_path / "my.npz")
    assert [r.golden.member for r in results] == [t.name for t in tensors]
    assert all(r.passed for r in results)


def test_layers_of_a_checkpoint(sharded: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", **TENSORS)
    words = ("compare", str(sharded), str(tmp_path / "all.npz"), "--layer", "2-3", "--list")
    assert main([*words]) == 0
    comparison = tn.compare_dumps(sharded, tmp_path / "all.npz", layer=[2, 3])
    assert sorted(r.golden.op_name for r in comparison) == ["layers.2.weight", "layers.3.weight"]
    assert comparison.skipped["layer"] == 3


def test_many_tensors_in_a_file_are_found_at_once(tmp_path: Path) -> None:
    """Each by its name and not by a look at all: 3,000 of them are 9,000,000 looks."""
    from trueness.compare.open_files import OpenFiles, pick

    path = write_safetensors(tmp_path / "m.safetensors", {f"t{i}": np.zeros(1) for i in range(50)})
    tensors = OpenFiles().tensors(str(path))
    ref = tn.TensorRef(str(path), member="t49")
    assert pick(tensors, ref) is tensors[49]
    assert tensors.by_member is tensors.by_member
