"""safetensors through the core. Files are made by hand here: the header is what is tested."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueness import _core
from trueness.errors import FormatError

# safetensors name, our name, bytes of one element
DTYPES = [
    ("BOOL", "bool", 1),
    ("U8", "uint8", 1),
    ("I8", "int8", 1),
    ("F8_E5M2", "float8_e5m2", 1),
    ("F8_E4M3", "float8_e4m3fn", 1),
    ("F8_E8M0", "float8_e8m0", 1),
    ("I16", "int16", 2),
    ("U16", "uint16", 2),
    ("F16", "float16", 2),
    ("BF16", "bfloat16", 2),
    ("I32", "int32", 4),
    ("U32", "uint32", 4),
    ("F32", "float32", 4),
    ("F64", "float64", 8),
    ("I64", "int64", 8),
    ("U64", "uint64", 8),
    ("C64", "complex64", 8),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("safetensors")


def write(folder: Path, header: Any, data: bytes = b"", length: int | None = None) -> str:
    """`header` as JSON text, or as anything json can write."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return str(path)


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(("theirs", "ours", "size"), DTYPES)
def test_every_dtype(folder: Path, theirs: str, ours: str, size: int) -> None:
    data = bytes(range(1, 6 * size + 1))
    path = write(folder, {"w": entry(theirs, [2, 3], 0, len(data))}, data)
    file = _core.open_file(path)
    (tensor,) = file.tensors
    assert file.kind == "safetensors"
    assert file.warnings == []
    assert (tensor.name, tensor.dtype, tensor.shape) == ("w", ours, (2, 3))
    assert tensor.offset == Path(path).stat().st_size - len(data)
    assert tensor.problem is None
    assert tensor.raw() == data
    assert tensor.numpy().shape == (2, 3)
    if tensor.numpy().dtype.name == ours != "bool":
        np.testing.assert_array_equal(
            tensor.numpy(), np.frombuffer(data, ours).reshape(2, 3), strict=True
        )


def test_bfloat16_becomes_float32(folder: Path) -> None:
    values = np.array([1.0, -2.5, np.inf, 0.0], "<f4")
    data = (values.view("<u4") >> 16).astype("<u2").tobytes()
    (tensor,) = _core.open_file(write(folder, {"w": entry("BF16", [4], 0, 8)}, data)).tensors
    np.testing.assert_array_equal(tensor.numpy(), values, strict=True)


@settings(max_examples=100)
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
            lambda s: s != "__metadata__"
        ),
        unique=True,
        max_size=6,
    ),
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=6, max_size=6),
    ascii_only=st.booleans(),
    pad=st.integers(0, 9),
)
def test_round_trip(
    folder: Path, names: list[str], shapes: list[list[int]], ascii_only: bool, pad: int
) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "n": str(len(names))}}
    data = b""
    arrays = []
    for name, shape in zip(names, shapes, strict=False):
        array = (np.arange(int(np.prod(shape)), dtype="<i4") + len(data)).reshape(shape)
        header[name] = entry("I32", shape, len(data), len(data) + array.nbytes)
        data += array.tobytes()
        arrays.append(array)
    text = json.dumps(header, ensure_ascii=ascii_only).encode() + b" " * pad
    file = _core.open_file(write(folder, text, data))
    assert file.attributes == {"format": "pt", "n": str(len(names))}
    assert file.warnings == []
    assert [t.name for t in file.tensors] == names
    assert [t.index for t in file.tensors] == list(range(len(names)))
    for tensor, array in zip(file.tensors, arrays, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array, strict=True)


def test_no_tensors(folder: Path) -> None:
    assert _core.open_file(write(folder, b"{}")).tensors == []


GOOD = entry("F32", [1], 0, 4)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'{"a":%b,"a":%b}' % ((json.dumps(GOOD).encode(),) * 2), "'a' a second time"),
        (b'{"__metadata__":{"k":"1","k":"2"}}', "'k' a second time"),
        (b'{"a":{"dtype":"F32","dtype":"F32"}}', "'dtype' a second time"),
        ({"a": {"dtype": "F32", "shape": [1]}}, "the key data_offsets"),
        ({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, "the key shape"),
        ({"a": {"shape": [1], "data_offsets": [0, 4]}}, "the key dtype"),
        ({"a": entry("F32", [1], 4, 0)}, "data_offsets in order.*found 4, 0"),
        ({"a": {**GOOD, "data_offsets": [0]}}, "two data_offsets.*found 1"),
        ({"a": {**GOOD, "data_offsets": [0, 2, 4]}}, "at most 2 numbers"),
        ({"a": {**GOOD, "data_offsets": [-1, 4]}}, "an integer from 0"),
        ({"a": {**GOOD, "data_offsets": [0, 4.0]}}, "an integer"),
        ({"a": {**GOOD, "data_offsets": [0, 2**64]}}, "an integer from 0"),
        ({"a": {**GOOD, "shape": [2**32, 2**32]}}, "less than 2.63 bytes"),
        ({"a": {**GOOD, "shape": [2**63]}}, "less than 2.63 bytes"),
        ({"a": {**GOOD, "shape": [0, 2**62, 2**62]}}, "less than 2.63 bytes"),
        ({"a": {**GOOD, "shape": [1] * 65}}, "at most 64 numbers"),
        ({"a": {**GOOD, "shape": 1}}, "an array"),
        ({"a": {**GOOD, "dtype": 1}}, "a string"),
        ({"a": 1}, "an object"),
        ({"__metadata__": {"k": 1}}, "a string"),
        ({"a": GOOD, "b": entry("F32", [1], 2, 6)}, "do not share bytes"),
        ({"a": GOOD, "b": GOOD}, "do not share bytes"),
        (b"{", "a string.*end of the text"),
        (b'{"a"', "':'"),
        (b'{"a":{"x":%b}}' % (b"[" * 1000 + b"]" * 1000), "at most 64 nested values"),
        (b'{"a":{"x":%b}}' % (b'{"":' * 500), "at most 64 nested values"),
        (b'{"a":{"x":tru}}', "a value"),
        (b'{"a":{"x":01}}', "',' or '}'"),
        (b'{"a":{"x":1.}}', "a digit"),
        (b'{"a":{"x":"\xff"}}', "a string in UTF-8"),
        (b'{"a":{"x":"\\ud800"}}', "a surrogate pair"),
        (b'{"a":{"x":"\\ud800\\u0041"}}', "low half"),
        (b'{"a":{"x":"\\q"}}', "a known escape"),
        (b'{"a":{"x":"\\u00g0"}}', "four hexadecimal digits"),
        (b'{"a":{"x":"\n"}}', "control character"),
        (b'{"__metadata__":{},}', "a string"),
        (b"{} x", "the end of the text"),
        (b"{}\0", "the end of the text"),
    ],
)
def test_headers_refused(folder: Path, header: Any, message: str) -> None:
    path = write(folder, header, bytes(8))
    with pytest.raises(FormatError, match=message) as caught:
        _core.open_file(path)
    assert caught.value.path == path
    assert 8 <= caught.value.offset <= Path(path).stat().st_size


def test_unknown_keys_and_escapes_are_read_over(folder: Path) -> None:
    text = (
        b'{ "a\\u00e9\\ud83d\\ude00\\n" : {"extra": [null, true, {"deep": [-1.5e+3, ""]}, false],'
        b' "dtype":"F32","shape":[],"data_offsets":[0,4]} }'
    )
    (tensor,) = _core.open_file(write(folder, text, struct.pack("<f", 2.5))).tensors
    assert tensor.name == "a\u00e9\U0001f600\n"
    assert tensor.numpy() == np.float32(2.5)


@pytest.mark.parametrize("length", [3, 100_000_001, 2**39])
def test_header_length_past_the_file(folder: Path, length: int) -> None:
    with pytest.raises(FormatError, match=f"at most 2 bytes.*found {length}") as caught:
        _core.open_file(write(folder, b"{}", length=length))
    assert caught.value.offset == 0


def test_unused_bytes_are_told(folder: Path) -> None:
    header = {"a": entry("U8", [2], 1, 3), "b": entry("U8", [1], 5, 6)}
    file = _core.open_file(write(folder, header, bytes(8)))
    assert file.warnings == [
        "bytes 0 to 1 of the data belong to no tensor",
        "bytes 3 to 5 of the data belong to no tensor",
        "bytes 6 to 8 of the data belong to no tensor",
    ]


def test_a_cut_file_still_gives_the_tensors_it_has(folder: Path) -> None:
    header = {"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 8, 16)}
    file = _core.open_file(write(folder, header, struct.pack("<3f", 1, 2, 3)))
    a, b = file.tensors
    assert a.numpy().tolist() == [1.0, 2.0]
    assert not b.readable
    assert b.problem == "its bytes 8 to 16 lie past the end of the data, which has 12"
    with pytest.raises(FormatError, match=r"'b'.*lie past the end"):
        b.numpy()
    assert file.warnings == ["the file is cut: its header describes 16 bytes of data, it has 12"]


def test_a_tensor_whose_size_is_wrong_is_unreadable_by_itself(folder: Path) -> None:
    header = {"a": entry("F32", [2], 0, 7), "b": entry("U8", [1], 7, 8)}
    a, b = _core.open_file(write(folder, header, bytes(8))).tensors
    assert a.problem == "its shape and dtype need 8 bytes, data_offsets give it 7"
    assert not a.readable
    assert b.numpy().tolist() == [0]


@pytest.mark.parametrize("dtype", ["F4", "F6_E2M3", "F8_E4M3FNUZ", "", "\u00e9"])
def test_unknown_dtypes_keep_their_bytes(folder: Path, dtype: str) -> None:
    (tensor,) = _core.open_file(write(folder, {"a": entry(dtype, [4], 0, 2)}, b"xy")).tensors
    assert tensor.dtype == dtype
    assert tensor.problem is not None
    assert tensor.problem.startswith("unknown dtype '")
    assert not tensor.readable
    assert tensor.raw() == b"xy"


def whole(folder: Path) -> bytes:
    header = {
        "__metadata__": {"k": "\\"},
        "a": entry("F32", [2, 1], 0, 8),
        "b": entry("BF16", [], 8, 10),
    }
    return Path(write(folder, header, bytes(range(10)))).read_bytes()


def survives(path: Path) -> None:
    try:
        file = _core.open_file(str(path))
    except FormatError:
        return
    for tensor in file.tensors:
        assert tensor.offset + tensor.nbytes <= path.stat().st_size
        if tensor.readable:
            tensor.numpy()
        else:
            assert tensor.problem


def test_cut_anywhere(folder: Path) -> None:
    content = whole(folder)
    path = folder / "cut"
    for length in range(len(content) - 10):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            _core.open_file(str(path))
    for length in range(len(content) - 10, len(content)):
        path.write_bytes(content[:length])
        assert any(t.problem for t in _core.open_file(str(path)).tensors)


@pytest.mark.parametrize("bit", [0x01, 0x02, 0x04, 0x10, 0x40, 0x80, 0xFF])
def test_any_header_byte_flipped(folder: Path, bit: int) -> None:
    content = whole(folder)
    path = folder / "flipped"
    for i in range(len(content) - 10):
        changed = bytearray(content)
        changed[i] ^= bit
        path.write_bytes(changed)
        survives(path)


@settings(max_examples=200)
@given(text=st.text('{}[]":,\\u0123456789ab e.-truefalsn', max_size=60))
def test_any_text_as_header(folder: Path, text: str) -> None:
    write(folder, b'{"' + text.encode(), bytes(8))
    survives(folder / "model.safetensors")
