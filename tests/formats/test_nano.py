"""Nano dumps: the sections of their header, their own numbering of types, and every way to lie."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders import ge
from trueness import _core
from trueness.errors import FormatError

VALUES = np.arange(6, dtype=np.float32)
PAYLOAD = VALUES.tobytes()
Open = Callable[[bytes], _core.File]


@pytest.fixture
def parse(tmp_path: Path) -> Open:
    path = tmp_path / "ConcatV2D.concatv2.0.0.1706596912162071"

    def opened(content: bytes) -> _core.File:
        path.write_bytes(content)
        return _core.open_file(str(path))

    return opened


def test_inputs_and_outputs(parse: Open) -> None:
    image = np.arange(16 * 4, dtype=np.float16).reshape(1, 1, 2, 2, 16)
    outputs = [
        ge.NanoTensor(1, image.shape, image.tobytes(), ge.NC1HWC0, [1, 2, 2, 16], 1, "conv1"),
        ge.NanoTensor(12, [], b"\x02"),
    ]
    file = parse(ge.NanoDump([ge.NanoTensor(0, [2, 3], PAYLOAD)], outputs, version=7).encode())
    assert (file.kind, file.warnings, file.attributes["version"]) == ("nano", [], "7")
    first, conv, flag = file.tensors
    assert (first.io, first.dtype, first.original_shape) == ("input", "float32", None)
    assert first.numpy().tolist() == VALUES.reshape(2, 3).tolist()
    assert (conv.io, conv.index, conv.name, conv.format) == ("output", 0, "conv1", "NC1HWC0")
    assert conv.numpy().tobytes() == image.reshape(1, 2, 2, 16).tobytes()
    assert flag.numpy().shape == () and bool(flag.numpy()) is True


NUMBERING = {
    0: "float32", 1: "float16", 2: "int8", 3: "int32", 4: "uint8", 6: "int16", 7: "uint16",
    8: "uint32", 9: "int64", 10: "uint64", 11: "float64", 12: "bool", 16: "complex64",
    17: "complex128", 23: "resource", 27: "bfloat16", 30: "uint1",
}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERING)
def test_types_are_numbered_as_in_ge(number: int, parse: Open) -> None:
    (tensor,) = parse(ge.NanoDump([ge.NanoTensor(number, [1], bytes(16))]).encode()).tensors
    assert (tensor.dtype, tensor.dtype_code, tensor.problem) == (NUMBERING[number], number, None)
    assert tensor.numpy().shape == (1,)


@pytest.mark.parametrize("number", [-1, 5, 13, 28, 29, 31, 33, 43, 1000])
def test_other_types_are_that_tensors_problem(number: int, parse: Open) -> None:
    content = ge.NanoDump([ge.NanoTensor(number, [6], PAYLOAD), ge.NanoTensor(0, [6], PAYLOAD)])
    bad, good = parse(content.encode()).tensors
    assert not bad.readable and bad.problem is not None
    assert bad.dtype_code == number
    assert bad.raw() == PAYLOAD
    assert (good.problem, good.numpy().tobytes()) == (None, PAYLOAD)


def test_group_count_lies_above_the_format(parse: Open) -> None:
    stored = np.zeros((1, 1, 16, 16), np.float16)
    stored[0, 0, 0, 0], stored[0, 0, 1, 1] = 1, 2
    tensor = ge.NanoTensor(1, stored.shape, stored.tobytes(), 2 << 8 | 4, [2, 1, 1, 1])
    (found,) = parse(ge.NanoDump([tensor]).encode()).tensors
    assert (found.format, found.problem) == ("FRACTAL_Z", None)
    assert found.numpy().ravel().tolist() == [1, 2]


WARNED = {
    "inputs are missing": (
        ge.with_header(struct.pack("<2I", 0x5A5A5A5A, 1) + ge.section(5, bytes(4)), b""),
        "expected section 4, found 5",
    ),
    "bytes behind the sections": (
        ge.NanoDump([ge.NanoTensor(0, [6], PAYLOAD)], extra=b"abc").encode(),
        "3 bytes left over in the header",
    ),
    "unknown sub section": (
        ge.NanoDump([ge.NanoTensor(0, [6], PAYLOAD, extra=ge.section(9, b"x"))]).encode(),
        r"input\[0\]: section 9 is unknown",
    ),
    "name is not UTF-8": (
        ge.NanoDump([], [ge.NanoTensor(0, [6], PAYLOAD, extra=ge.section(2, b"\xff"))]).encode(),
        r"output\[0\]: its name is not valid UTF-8",
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_oddity_is_a_warning(case: str, parse: Open) -> None:
    content, message = WARNED[case]
    file = parse(content)
    assert re.search(message, "\n".join(file.warnings))
    assert all(tensor.numpy().tobytes() == PAYLOAD for tensor in file.tensors)


def nano(**changes: object) -> bytes:
    inputs = [ge.NanoTensor(0, [6], PAYLOAD, **changes)]  # type: ignore[arg-type]
    return ge.NanoDump(inputs, [ge.NanoTensor(2, [3], b"abc")]).encode()


NANO = nano()
NANO_FATAL = {
    "header longer than the file": (NANO[:60], 0, "at most 52"),
    "one byte too many": (NANO + b"\0", len(NANO), "the end of the file, found 1 more"),
    "one byte too few": (NANO[:-1], len(NANO) - 3, r"output\[0\]: expected 3 bytes .*found 2"),
    "section past the head": (
        NANO[:20] + struct.pack("<I", 10**9) + NANO[24:],
        24,
        "expected 1000000000 bytes of a section",
    ),
    "count past the section": (
        NANO[:24] + struct.pack("<I", 2**31) + NANO[28:],
        24,
        f"at most 1 tensors .*found count {2**31}",
    ),
    "dims of three bytes": (nano(extra=ge.section(1, b"abc")), None, "dims of 8 bytes each"),
    "sub section past its list": (
        nano(extra=struct.pack("<2I", 1, 99)),
        None,
        "expected 99 bytes of a section",
    ),
    "header without a version": (ge.with_header(b"ZZZZ", b"123456"), None, "4 bytes of a version"),
}


@pytest.mark.parametrize("case", NANO_FATAL)
def test_24_nano_is_refused(case: str, parse: Open) -> None:
    content, offset, message = NANO_FATAL[case]
    with pytest.raises(FormatError, match=message) as caught:
        parse(content)
    assert offset is None or caught.value.offset == offset
