"""`.npy` through the core: what numpy writes comes back, what it must not write is named."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trueness import _core
from trueness.errors import FormatError

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
NAMES = {code: np.dtype(code).name for code in DTYPES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npy")


def write(folder: Path, content: bytes) -> str:
    path = folder / "array.npy"
    path.write_bytes(content)
    return str(path)


def with_header(header: str | bytes, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1") if isinstance(header, str) else header
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def saved(array: npt.NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version, allow_pickle=False)
    return buffer.getvalue()


arrays = st.sampled_from([o + d for d in DTYPES for o in "<>"]).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
        elements=hnp.from_dtype(np.dtype(dtype), allow_nan=False),
    )
)


@settings(max_examples=200, deadline=None)
@given(array=arrays, fortran=st.booleans(), version=st.sampled_from([(1, 0), (2, 0), (3, 0)]))
def test_round_trip(
    folder: Path, array: npt.NDArray[Any], fortran: bool, version: tuple[int, int]
) -> None:
    stored = np.asarray(array, order="F" if fortran else "C")
    content = saved(stored, version)
    file = _core.open_file(write(folder, content))
    (tensor,) = file.tensors
    assert file.kind == "npy"
    assert file.warnings == []
    assert file.attributes["version"] == f"{version[0]}.0"
    assert tensor.problem is None
    assert tensor.dtype == array.dtype.newbyteorder("=").name
    assert tensor.shape == tensor.logical_shape == array.shape
    assert tensor.original_shape is None
    assert tensor.nbytes == array.nbytes
    assert tensor.offset == len(content) - array.nbytes
    assert tensor.raw() == content[tensor.offset :]
    values = tensor.numpy()
    assert values.dtype == array.dtype.newbyteorder("=")
    assert values.shape == array.shape
    assert values.tobytes() == array.astype(values.dtype).tobytes()


@pytest.mark.parametrize("code", DTYPES)
@pytest.mark.parametrize("order", "<>=|")
def test_every_type_and_order_numpy_reads(folder: Path, code: str, order: str) -> None:
    dtype = np.dtype(order + code)
    array = np.arange(7).astype(dtype)
    descr = order + ("b1" if code == "?" else code)
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (7,), }}"
    (tensor,) = _core.open_file(write(folder, with_header(header, array.tobytes()))).tensors
    assert tensor.dtype == NAMES[code]
    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "  {'shape':(2,3,),'descr':'<f4','fortran_order':False}\n",
        '{"descr": "<f4", "fortran_order": False, "shape": (2, 3)}',
        "{ 'descr' : '<f4' ,\n 'fortran_order' : False ,\t'shape' : ( 2 , 3 ) , }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
        "{u'descr': u'<f4', 'fortran_order': False, 'shape': (2, 3), }",
    ],
)
def test_headers_numpy_accepts(folder: Path, header: str) -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    (tensor,) = _core.open_file(write(folder, with_header(header, array.tobytes()))).tensors
    np.testing.assert_array_equal(tensor.numpy(), array)


PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"
DESCR = "{'descr': %s, 'fortran_order': False, 'shape': (1,)}"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (DESCR % "'|O'", r"'\|O' \(object array: pickled python objects are never loaded\)"),
        (DESCR % "'<U5'", r"found '<U5' \(text\)"),
        (DESCR % "'|S5'", r"found '\|S5' \(text\)"),
        (DESCR % "'<M8[ns]'", r"found '<M8\[ns\]' \(dates"),
        (DESCR % "'<m8[s]'", r"found '<m8\[s\]' \(dates"),
        (DESCR % "'|V8'", r"found '\|V8' \(void\)"),
        (DESCR % "[('a', '<f4'), ('b', '<i4')]", r"structured dtype '\[\('a', '<f4'\)"),
        (DESCR % "('<f4', (2,))", "structured dtype"),
        (DESCR % "'<f3'", "expected a numeric dtype, found '<f3'"),
        (DESCR % "''", "expected a numeric dtype, found ''"),
        (DESCR % "'<f\\x34'", "a string without escapes"),
        (DESCR % "7", "the dtype as a string"),
        ("{'descr': '<f4", "the closing quote"),
        (PLAIN % "(-1,)", "a dimension from 0 to"),
        (PLAIN % "(9223372036854775808,)", "a dimension from 0 to"),
        (PLAIN % "(4294967296, 4294967296)", "less than 2.63 bytes"),
        (PLAIN % "(4611686018427387904,)", "less than 2.63 bytes"),
        (PLAIN % "(0, 4611686018427387904, 9)", "less than 2.63 bytes"),
        (PLAIN % "(3)", "only dimension of a tuple"),
        (PLAIN % "[3]", "the shape as a tuple"),
        (PLAIN % "(,)", "a dimension from 0 to"),
        (PLAIN % "(1.0,)", "only dimension of a tuple"),
        (PLAIN % f"({'1, ' * 65})", "at most 64 dimensions"),
        ("", "expected '{' in the .npy header, found its end"),
        ("{'descr': '<f4'}", "the key fortran_order"),
        ("{'fortran_order': False, 'shape': ()}", "the key descr"),
        ("{'descr': '<f4', 'fortran_order': False}", "the key shape"),
        ("{'descr': '<f4', 'descr': '<f4'}", "'descr' a second time"),
        ("{'descr': '<f4', 'order': 'C'}", "found 'order'"),
        ("{'descr': '<f4', 'fortran_order': 0}", "True or False"),
        (PLAIN % "()" + " x", "only blanks after the dict"),
        ("import os", "expected '{'"),
    ],
)
def test_headers_refused(folder: Path, header: str, message: str) -> None:
    path = write(folder, with_header(header, bytes(64)))
    with pytest.raises(FormatError, match=message) as caught:
        _core.open_file(path)
    assert str(caught.value.path) == path
    assert path in str(caught.value)
    assert 10 <= caught.value.offset <= 10 + len(header)


def test_data_shorter_than_the_shape(folder: Path) -> None:
    content = saved(np.zeros(100, "f4"))
    with pytest.raises(FormatError, match="expected 400 bytes of array data, found 397") as caught:
        _core.open_file(write(folder, content[:-3]))
    assert caught.value.offset == len(content) - 400


@pytest.mark.parametrize("version", [(0, 0), (4, 0), (1, 1), (255, 255)])
def test_unknown_version(folder: Path, version: tuple[int, int]) -> None:
    content = with_header(PLAIN % "()", bytes(4), version)
    with pytest.raises(FormatError, match=f"found {version[0]}.{version[1]}") as caught:
        _core.open_file(write(folder, content))
    assert caught.value.offset == 6


def test_header_length_past_the_file(folder: Path) -> None:
    content = b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFFF) + b"{}"
    with pytest.raises(FormatError, match="at most 2 bytes, found 4294967295") as caught:
        _core.open_file(write(folder, content))
    assert caught.value.offset == 8


def test_header_length_past_the_limit(folder: Path) -> None:
    content = with_header(b" " * (1 << 20) + b" ", version=(2, 0))
    with pytest.raises(FormatError, match="at most 1048576 bytes, found 1048577"):
        _core.open_file(write(folder, content))


def test_bytes_behind_the_array_are_told(folder: Path) -> None:
    array = saved(np.zeros(3, "f4"))
    file = _core.open_file(write(folder, array + b"\0\0"))
    assert file.warnings == [f"2 bytes after the array, from byte {len(array)} on"]
    file = _core.open_file(write(folder, array + array))
    assert "another .npy array" in file.warnings[0]
    assert len(file.tensors) == 1


@pytest.mark.parametrize(
    ("descr", "size", "hint"),
    [
        ("<V2", 2, "give the dtype"),
        ("|V1", 1, "give the dtype"),
        ("<f16", 16, "long double"),
        (">c32", 32, "long double"),
    ],
)
def test_types_whose_meaning_is_not_known_stay_raw(
    folder: Path, descr: str, size: int, hint: str
) -> None:
    data = bytes(range(3 * size))
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (3,)}}"
    (tensor,) = _core.open_file(write(folder, with_header(header, data))).tensors
    assert tensor.dtype == descr
    assert tensor.problem is not None
    assert hint in tensor.problem
    assert not tensor.readable
    assert tensor.raw() == data
    with pytest.raises(FormatError, match=hint):
        tensor.numpy()


@pytest.mark.parametrize(
    ("descr", "dtype", "bits"),
    [
        ("bfloat16", "bfloat16", "c03f"),
        ("float8_e4m3fn", "float8_e4m3fn", "3c"),
        ("float8_e5m2", "float8_e5m2", "3e"),
        ("float8_e8m0fnu", "float8_e8m0", "7f"),
    ],
)
def test_types_that_numpy_only_knows_by_name(
    folder: Path, descr: str, dtype: str, bits: str
) -> None:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (3,)}}"
    (tensor,) = _core.open_file(write(folder, with_header(header, bytes.fromhex(bits) * 3))).tensors
    assert (tensor.dtype, tensor.problem) == (dtype, None)
    assert tensor.numpy().tolist() == [1.0 if dtype == "float8_e8m0" else 1.5] * 3


def survives(path: str) -> None:
    try:
        file = _core.open_file(path)
    except FormatError as e:
        assert e.path is not None
        return
    for tensor in file.tensors:
        assert tensor.offset + tensor.nbytes <= Path(path).stat().st_size
        if tensor.readable:
            tensor.numpy()
        else:
            assert tensor.problem


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_cut_anywhere(folder: Path, version: tuple[int, int]) -> None:
    content = saved(np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)), version)
    for length in range(len(content)):
        with pytest.raises(FormatError):
            _core.open_file(write(folder, content[:length]))


@pytest.mark.parametrize("bit", [0x01, 0x02, 0x10, 0x20, 0x80, 0xFF])
def test_any_header_byte_flipped(folder: Path, bit: int) -> None:
    content = saved(np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)))
    for i in range(len(content) - 24):
        changed = bytearray(content)
        changed[i] ^= bit
        survives(write(folder, bytes(changed)))
