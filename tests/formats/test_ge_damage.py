"""Damaged files, real and made: each is refused, or what is wrong with it is said; none crashes."""

import re
from pathlib import Path

import pytest

from builders import ge
from trueness import _core
from trueness.errors import FormatError

DATA = Path(__file__).parents[1] / "data" / "ge" / "malformed"
REFUSED_SAMPLES = ["03", "04", "05", "07", "08", "10", "11", "16", "31", "36", "37", "44"]
PAYLOAD = bytes(range(24))
GOOD = ge.Tensor(1, [2, 3], PAYLOAD)


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda p: p.name.split(".")[1])
def test_sample_never_passes_unnoticed(path: Path) -> None:
    number = path.name.split(".")[1][:2]
    if number in REFUSED_SAMPLES:
        with pytest.raises(FormatError, match=re.escape(path.name)):
            _core.open_file(str(path))
        return
    file = _core.open_file(str(path))
    if number == "40":
        assert (file.kind, file.tensors[0].numpy().shape) == ("npy", (2,))
    else:
        assert file.warnings or any(tensor.problem for tensor in file.tensors)


@pytest.mark.parametrize(
    "content",
    [
        ge.Dump([GOOD], [GOOD], [ge.Block(b"l1")], op_name="Add_2").encode(),
        ge.Dump([GOOD], op_name="Add_2").encode_legacy(),
        ge.NanoDump([ge.NanoTensor(0, [6], PAYLOAD)], [ge.NanoTensor(2, [3], b"abc")]).encode(),
    ],
    ids=["ge", "legacy", "nano"],
)
def test_cut_at_every_byte_and_flipped_bits_never_crash(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    damaged = [content[:end] for end in range(len(content))]
    header = len(content) - len(PAYLOAD)
    damaged += [
        content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
        for at in range(header)
        for flip in (0x01, 0x80)
    ]
    refused = 0
    for case in damaged:
        try:
            path.write_bytes(case)
            file = _core.open_file(str(path))
        except FormatError:
            refused += 1
            continue
        for tensor in file.tensors:
            if tensor.dumped:
                assert len(tensor.raw()) == tensor.nbytes <= len(case)
            if tensor.readable:
                tensor.numpy()
    assert refused >= len(content)
