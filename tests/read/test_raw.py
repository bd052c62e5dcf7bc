"""Headerless binaries: the user says what they hold."""

import numpy as np
import pytest

from trueness.errors import FormatError, ReadError, UsageError
from trueness.read import open_file
from trueness.read.dtype_names import canonical_dtype


@pytest.fixture
def path(tmp_path):
    np.arange(24, dtype=np.float16).tofile(tmp_path / "x.bin")
    return tmp_path / "x.bin"


@pytest.mark.parametrize("shape", [(2, 3, 4), (-1, 4), (24,), [6, -1]])
def test_shapes(path, shape):
    file = open_file(path, dtype="fp16", shape=shape)
    assert file.kind == "raw"
    expected = np.arange(24, dtype=np.float16).reshape(shape)
    np.testing.assert_array_equal(file.tensors[0].numpy(), expected)


def test_offset(path):
    file = open_file(path, dtype=np.float16, shape=(4,), offset=40)
    assert file.tensors[0].numpy().tolist() == [20, 21, 22, 23]


@pytest.mark.parametrize("shape", [(23,), (25,), (), (5, -1), (1 << 62, 1 << 62), (0, -1)])
def test_sizes_must_match(path, shape):
    with pytest.raises(FormatError, match="found 48 bytes") as caught:
        open_file(path, dtype="float16", shape=shape)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"dtype": "fp16"},
        {"shape": (3,)},
        {"offset": 4},
        {"dtype": "int37", "shape": (3,)},
        {"dtype": "int8", "shape": (-1, -1)},
        {"dtype": "int8", "shape": (-2,)},
        {"dtype": "int8", "shape": (1,), "offset": 49},
        {"dtype": "int8", "shape": (1,), "offset": -1},
    ],
)
def test_arguments_that_make_no_sense(path, arguments):
    with pytest.raises(UsageError):
        open_file(path, **arguments)


def test_missing_file(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        open_file(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("BF16", "bfloat16"),
        ("half", "float16"),
        ("DT_FLOAT", "float32"),
        ("torch.float8_e4m3fn", "float8_e4m3fn"),
        (np.dtype("int64"), "int64"),
        (np.uint8, "uint8"),
        ("hif8", "hifloat8"),
        ("u16", "uint16"),
        ("i4", "int4"),
    ],
)
def test_names_of_types(name, canonical):
    assert canonical_dtype(name) == canonical
