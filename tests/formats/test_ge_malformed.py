"""What is wrong with a GE dump never passes unnoticed: by the number of the rule it breaks.

A file that cannot be trusted as a whole is refused, at its byte; what concerns one tensor is that
tensor's problem; the rest is a warning.
"""

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders import ge
from trueness import _core
from trueness.errors import FormatError

DATA = Path(__file__).parents[1] / "data" / "ge" / "malformed"
VALUES = np.arange(6, dtype=np.float32)
GOOD = ge.Tensor(1, [2, 3], VALUES.tobytes())
Open = Callable[[bytes], _core.File]


@pytest.fixture
def parse(tmp_path: Path) -> Open:
    path = tmp_path / "Add.Add_2.44.6.1706596912161941"

    def opened(content: bytes) -> _core.File:
        path.write_bytes(content)
        return _core.open_file(str(path))

    return opened


def dump(tensor: ge.Tensor = GOOD, extra: bytes = b"") -> bytes:
    return ge.Dump([tensor], extra=extra).encode()


HEADER = ge.Dump([GOOD]).header()
PAYLOAD = GOOD.data
END = 8 + len(HEADER)
SIZE = END + len(PAYLOAD)

FATAL = {
    "1 empty": (b"", 0, "an empty file"),
    "2 seven bytes": (b"\x2d\0\0\0\0\0\0", 0, "at least 9 bytes .*found 7 bytes"),
    "2 only the length word": (struct.pack("<Q", 45), 0, "at least 9 bytes .*found 8 bytes"),
    "3 header length 0": (ge.with_header(b"", PAYLOAD), 0, "1 to 24 .*found length 0"),
    "4 header longer than the file": (
        ge.with_header(HEADER, PAYLOAD, SIZE - 7),
        0,
        rf"1 to {SIZE - 8} \(file size - 8\), found length {SIZE - 7}",
    ),
    "4 header length near 2^64": (
        ge.with_header(HEADER, PAYLOAD, 2**64 - 4),
        0,
        f"found length {2**64 - 4}",
    ),
    "4 header length big endian": (
        struct.pack(">Q", len(HEADER)) + HEADER + PAYLOAD,
        0,
        rf"\(big endian it would be {len(HEADER)}\)",
    ),
    "4 file cut inside the header": (dump()[:30], 0, f"1 to 22 .*found length {len(HEADER)}"),
    "6 varint cut by the end": (dump(extra=b"\x10\x80")[:], END + 1, "varint, .*after 1 bytes"),
    "6 varint of eleven bytes": (
        dump(extra=b"\x10" + b"\x80" * 10 + b"\x01"),
        END + 1,
        "varint of at most 10 bytes",
    ),
    "6 tag of more than 32 bits": (
        dump(extra=ge.varint(1 << 35) + b"\x01"),
        END,
        "field tag of 32 bits",
    ),
    "6 wire type 6": (dump(extra=b"\x0e"), END, "wire type of 0 to 5, found wire type 6"),
    "6 fixed-size field cut": (dump(extra=b"\x79abc"), END + 1, "8 bytes .*found 3 bytes"),
    "7 field number 0": (dump(extra=b"\x00\x01"), END, "found field number 0"),
    "8 length past the end": (
        dump(extra=b"\x4a\xff\xff\xff\xff\x0f"),
        END,
        f"at most 0 bytes in field 9 .*found length {2**32 - 1}",
    ),
    "8 length 2^31": (dump(extra=b"\x4a" + ge.varint(2**31)), END, f"found length {2**31}"),
    "8 inner length past its message": (
        ge.with_header(ge.put(3, b"\x1a\x05\x0a"), b""),
        10,
        r"output\[0\]: expected at most 1 bytes in field 3",
    ),
    "9 groups four deep": (
        dump(extra=b"\x7b" * 4 + b"\x7c" * 4),
        END + 3,
        "groups nested at most 3 deep",
    ),
    "9 group without an end": (dump(extra=b"\x7b"), END, "end of group 15, found the end"),
    "9 group with another's end": (
        dump(extra=b"\x7b\x84\x01"),
        END + 1,
        "found the end of group 16",
    ),
    "9 end without a group": (dump(extra=b"\x7c"), END, "end of a group that was never opened"),
    "11 header length 1 too small": (
        ge.with_header(HEADER, PAYLOAD, len(HEADER) - 1),
        None,
        "expected",
    ),
    "11 garbage header": (ge.with_header(b"\xff" * 40, PAYLOAD), 8, "expected a varint"),
    "11 only unknown fields": (
        ge.with_header(ge.put(99, 5), PAYLOAD),
        8,
        "header of a GE dump, found only unknown fields",
    ),
    "12 payload one byte short": (
        dump()[:-1],
        END,
        r"output\[0\]: expected 24 bytes of data, found 23",
    ),
    "12 payload missing": (dump()[:END], END, r"output\[0\]: .*found 0 bytes to the end"),
    "12 size 2^63": (
        dump(ge.Tensor(1, [2, 3], PAYLOAD, size=2**63)),
        None,
        f"expected {2**63} bytes of data",
    ),
    "12 sizes that wrap": (
        ge.Dump([ge.Tensor(1, [2], b"", size=2**64 - 8), ge.Tensor(1, [2], b"12345678")]).encode(),
        None,
        f"expected {2**64 - 8} bytes of data",
    ),
    "28 text": (b"this is not a dump file\n" * 8, 0, 'found text: "this is not a dump file"'),
    "28 zip": (b"PK\x03\x04" + bytes(60), 0, "found a zip archive"),
    "28 pickle": (b"\x80\x04\x95" + bytes(60), 0, "found a pickle"),
    "28 gzip": (b"\x1f\x8b\x08" + bytes(60), 0, "found gzip data"),
}


@pytest.mark.parametrize("case", FATAL)
def test_file_is_refused(case: str, parse: Open, tmp_path: Path) -> None:
    content, offset, message = FATAL[case]
    with pytest.raises(FormatError, match=message) as caught:
        parse(content)
    assert caught.value.path == str(tmp_path / "Add.Add_2.44.6.1706596912161941")
    assert offset is None or caught.value.offset == offset


@pytest.mark.parametrize(
    "header", [b'{"version": "2.0", "output": []}', b'{ "dumpTime":17, "input_data": [{}]}']
)
def test_28_json_header_of_msaccucmp_is_named(header: bytes, parse: Open) -> None:
    with pytest.raises(FormatError, match="JSON header written by msaccucmp conversion") as caught:
        parse(ge.with_header(header, PAYLOAD))
    assert caught.value.offset == 8


def test_28_a_safetensors_with_a_tensor_of_that_name_is_none(parse: Open) -> None:
    header = b'{"output": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}'
    assert parse(ge.with_header(header, PAYLOAD)).kind == "safetensors"


def test_5_header_of_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2**31))
        file.seek(2**31 + 100)
        file.write(b"\0")
    with pytest.raises(FormatError, match=f"at most {2**31 - 1} bytes, found length {2**31}"):
        _core.open_file(str(path))


WARNED = {
    "10 string as a varint": (dump(extra=ge.put(6, 5)), "field 6 has wire type varint"),
    "10 group on a known field": (dump(extra=b"\x0b\x0c"), "field 1 has wire type group"),
    "10 size as bytes": (
        ge.Dump([ge.Tensor(1, [2, 3], PAYLOAD, extra=ge.put(6, b"12"))]).encode(),
        r"output\[0\]: field 6 has wire type length-delimited",
    ),
    "10 dim as a 32-bit field": (
        ge.Dump(
            [ge.Tensor(1, None, PAYLOAD, extra=ge.put(3, ge.shape([2, 3]) + b"\x0d1234"))]
        ).encode(),
        r"output\[0\]: field 1 has wire type 32-bit",
    ),
    "13 trailing bytes": (dump() + b"1234567", f"byte {SIZE}: 7 bytes left over"),
    "25 attribute is no JSON": (
        ge.Dump([GOOD], attributes=[("_sgt_json_info", "no json")]).encode(),
        "_sgt_json_info is not the JSON it should be: at its byte 0",
    ),
    "25 attribute is no object": (
        ge.Dump([GOOD], attributes=[("_sgt_json_info", "[1]")]).encode(),
        "_sgt_json_info is not the JSON it should be",
    ),
    "25 attribute without threadMode": (
        ge.Dump([GOOD], attributes=[("_sgt_json_info", '{"a": 1}')]).encode(),
        "_sgt_json_info has no threadMode",
    ),
    "26 name is not UTF-8": (dump(extra=b"\x32\x02\xff\xfe"), "field 6 is not valid UTF-8"),
}


@pytest.mark.parametrize("case", WARNED)
def test_oddity_is_a_warning_and_the_values_are_read(case: str, parse: Open) -> None:
    content, message = WARNED[case]
    file = parse(content)
    (warning,) = file.warnings
    assert re.search(message, warning)
    (tensor,) = file.tensors
    assert tensor.problem is None
    assert tensor.numpy().tobytes() == VALUES.tobytes()


def test_header_short_by_its_last_field_shows_as_leftover_bytes(parse: Open) -> None:
    header = HEADER + ge.put(6, "x")
    file = parse(ge.with_header(header, PAYLOAD, len(HEADER)))
    assert file.warnings == [
        f"byte {SIZE}: 3 bytes left over behind the last tensor: the header may be cut off"
    ]


def test_26_odd_bytes_are_escaped(parse: Open) -> None:
    name = "caf\u00e9 ".encode() + b"\xe9\xff\xc0\xaf\xed\xa0\x80 \xf0\x9f\x98\x80"
    file = parse(dump(extra=ge.put(6, name)))
    assert file.attributes["op_name"] == (
        "caf\u00e9 \\xe9\\xff\\xc0\\xaf\\xed\\xa0\\x80 \U0001f600"
    )


def test_warnings_of_a_hostile_file_are_bounded(parse: Open) -> None:
    file = parse(dump(extra=ge.put(6, 5) * 5000))
    assert len(file.warnings) == 65
    assert file.warnings[-1] == "and 4936 more warnings"


def test_tensors_of_a_hostile_file_are_bounded(parse: Open) -> None:
    with pytest.raises(FormatError, match="at most 65536 tensors"):
        parse(ge.with_header(ge.put(3, b"") * 70000, b""))


def test_9_unknown_groups_and_fields_are_skipped(parse: Open) -> None:
    groups = b"\x7b\x83\x01\x08\x05\x84\x01\x7c"
    unknown = (
        groups
        + ge.put(20, 7)
        + ge.put(21, b"abc")
        + b"\xb1\x01"
        + bytes(8)
        + b"\xb5\x01"
        + bytes(4)
    )
    file = parse(ge.Dump([ge.Tensor(1, [2, 3], PAYLOAD, extra=unknown)], extra=unknown).encode())
    assert (file.warnings, file.tensors[0].problem) == ([], None)
    assert file.tensors[0].numpy().tolist() == VALUES.reshape(2, 3).tolist()


UNREADABLE = {
    "14 unknown dim": (ge.Tensor(1, [-1, 3], PAYLOAD), r"at most 2\^63 - 1, found \[\?,3\]"),
    "14 unknown dim of a private layout": (
        ge.Tensor(2, [-1, 1, 16, 16], bytes(512), ge.FRACTAL_NZ, [16, 16]),
        "found .*[?,1,16,16]",
    ),
    "15 count overflows": (ge.Tensor(1, [2**40, 2**40], PAYLOAD), r"fewer than 2\^63 bytes"),
    "15 bytes overflow": (ge.Tensor(1, [2**61], PAYLOAD), r"fewer than 2\^63 bytes"),
    "15 bits overflow": (ge.Tensor(8, [2**58], PAYLOAD), f"at least {2**61} bytes for int64"),
    "15 packed bits overflow": (
        ge.Tensor(28, [2**62], PAYLOAD),
        f"at least {2**61} bytes for int4",
    ),
    "15 dims overflow beside a 0": (ge.Tensor(1, [2**40, 2**40, 0], PAYLOAD), r"fewer than 2\^63"),
    "16 shape needs more bytes": (
        ge.Tensor(1, [4, 4], PAYLOAD),
        r"at least 64 bytes for float32 \[4,4\], found size 24",
    ),
    "16 packed type needs more bytes": (ge.Tensor(28, [7], b"123"), "at least 4 bytes for int4"),
    "17 size is no multiple": (
        ge.Tensor(1, [2, 3], PAYLOAD[:22]),
        "at least 24 bytes .*found size 22",
    ),
    "18 unknown dtype": (ge.Tensor(200, [2, 3], PAYLOAD), "data_type 200 is not one"),
    "18 negative dtype": (ge.Tensor(-1, [2, 3], PAYLOAD), "data_type -1 is not one"),
    "21 rank 65": (ge.Tensor(1, [1] * 65, PAYLOAD), "at most 64 dims, found 65"),
    "21 rank 5001": (ge.Tensor(1, [1] * 5001, PAYLOAD), "at most 64 dims, found 5001"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_tensor_is_unreadable_and_its_neighbour_is_not(case: str, parse: Open) -> None:
    tensor, message = UNREADABLE[case]
    file = parse(ge.Dump([tensor, GOOD]).encode())
    bad, good = file.tensors
    assert bad.problem is not None and re.search(message, bad.problem)
    assert bad.dumped and not bad.readable
    assert bad.raw() == tensor.data
    with pytest.raises(FormatError, match=r"output.*0.*expected") as caught:
        bad.numpy()
    assert caught.value.path == file.path
    assert (good.problem, good.numpy().tobytes()) == (None, PAYLOAD)


def test_20_shape_without_bytes_was_not_dumped(parse: Open) -> None:
    (tensor,) = parse(dump(ge.Tensor(1, [2, 3]))).tensors
    assert not tensor.dumped and not tensor.readable
    assert tensor.problem is not None and "found size 0: not dumped" in tensor.problem


SUSPECT = {
    "14 unknown dim, but original_shape fits": (
        ge.Tensor(1, [-1, 3], PAYLOAD, original=[2, 3]),
        "original_shape, which fits",
    ),
    "14 unknown original dim": (
        ge.Tensor(1, [2, 3], PAYLOAD, original=[2**63, 3]),
        r"original_shape \[\?,3\] has an unknown dim",
    ),
    "19 unknown format": (ge.Tensor(1, [2, 3], PAYLOAD, 200), "format 200 is unknown"),
    "19 negative format": (ge.Tensor(1, [2, 3], PAYLOAD, -5), "format -5 is unknown"),
    "19 no conversion": (
        ge.Tensor(1, [2, 3], PAYLOAD, 28, [3, 2]),
        "no conversion from FRACTAL_ZZ",
    ),
    "22 NC1HWC0 of rank 4": (
        ge.Tensor(1, [1, 2, 3, 1], PAYLOAD, ge.NC1HWC0, [1, 2, 3, 1]),
        "NC1HWC0 of rank 5",
    ),
    "22 FRACTAL_NZ of rank 2": (ge.Tensor(1, [2, 3], PAYLOAD, 29, [2, 3]), "FRACTAL_NZ of rank 4"),
    "22 FRACTAL_Z of rank 3": (ge.Tensor(1, [1, 2, 3], PAYLOAD, 4, [1, 2, 3]), "FRACTAL_Z of rank"),
    "22 NDC1HWC0 of rank 3": (ge.Tensor(1, [1, 2, 3], PAYLOAD, 32, [6]), "NDC1HWC0 of rank 6"),
    "22 private layout without an original": (
        ge.Tensor(1, [1, 1, 2, 3], PAYLOAD, ge.FRACTAL_NZ),
        "FRACTAL_NZ without original_shape",
    ),
    "23 original does not fit the blocks": (
        ge.Tensor(1, [1, 1, 2, 3], PAYLOAD, ge.FRACTAL_NZ, [3, 3]),
        "does not belong to",
    ),
    "23 original has another count": (
        ge.Tensor(1, [2, 3], PAYLOAD, original=[7]),
        r"original_shape \[7\] does not belong to ND \[2,3\]",
    ),
}


@pytest.mark.parametrize("case", SUSPECT)
def test_suspect_tensor_is_read_in_stored_order(case: str, parse: Open) -> None:
    tensor, message = SUSPECT[case]
    (found,) = parse(dump(tensor)).tensors
    assert found.problem is not None and re.search(message, found.problem)
    assert found.readable
    assert found.numpy().ravel().tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (ge.Tensor(1, [0, 3], PAYLOAD), r"no bytes for float32 \[0,3\], found size 24"),
        (ge.Tensor(2, [0, 1, 16, 16], b"", ge.FRACTAL_NZ, [2, 3]), "does not belong to"),
        (ge.Tensor(2, [1, 1, 2, 2, 0], b"", ge.NC1HWC0, [1, 1, 2, 2]), "blocks of size 0"),
        (ge.Tensor(2, [1, 1, 0, 16], b"", ge.FRACTAL_NZ, [1, 1]), "blocks of size 0"),
    ],
)
def test_20_suspect_tensor_without_elements(tensor: ge.Tensor, message: str, parse: Open) -> None:
    (found,) = parse(dump(tensor)).tensors
    assert found.problem is not None and re.search(message, found.problem)
    assert found.readable
    assert found.numpy().size == 0


def test_29_not_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (".", "pipe", "loop", "missing"):
        with pytest.raises(OSError, match=re.escape(str(tmp_path / name))):
            _core.open_file(str(tmp_path / name))
