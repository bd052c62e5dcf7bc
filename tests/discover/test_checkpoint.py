from pathlib import Path

import pytest

from trueness.discover.checkpoint import Checkpoint


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "deep/model-00001-of-00002.safetensors",
        "pytorch_model.bin",
        "pytorch_model-00001-of-00033.bin",
        "layers-1-of-2.pt",
        "consolidated.00.pth",
        "mp_rank_00_model_states.pt",
    ],
)
def test_shards_are_known_by_their_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (tmp_path / "config.json").touch()
    assert Checkpoint().refusal(tmp_path) is None
    dump = Checkpoint().discover(tmp_path, rank=None, token=None)
    assert [ref.op_name for ref in dump.tensors] == [name]
    assert [(left.ref.op_name, left.expected) for left in dump.leftover] == [("config.json", True)]
    assert name in dump.evidence


@pytest.mark.parametrize("name", ["attn.pt", "attn.npz", "hidden.bin", "x.npy", "x.gz"])
def test_single_dumped_tensors_are_no_checkpoint(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert Checkpoint().refusal(tmp_path)


@pytest.mark.parametrize(("name", "fits"), [("m.npz", True), ("m.pt", True), ("m.npy", False)])
def test_a_file_is_known_by_the_end_of_its_name(tmp_path: Path, name: str, fits: bool) -> None:
    (tmp_path / name).touch()
    assert (Checkpoint().refusal(tmp_path / name) is None) is fits
