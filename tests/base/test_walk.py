"""Strided, reversed, repeated and byte-swapped walks against numpy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness import _core
from trueness.read.array import tensor_from_array

DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u4", ">u4", "<i8", ">i8"]
DTYPES += ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8", "<c16", ">c16"]
STEPS = [(None, None, 1), (None, None, -1), (1, None, 2), (None, 2, 1)]


@st.composite
def views(draw) -> np.ndarray:
    shape = draw(st.lists(st.integers(0, 7), max_size=5))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    count = int(np.prod(shape, dtype=int))
    bits = np.random.default_rng(draw(st.integers(0, 99))).integers(
        0, 2, count * dtype.itemsize * 8
    )
    array = np.packbits(bits.astype(bool)).view(dtype).reshape(shape)
    if dtype == np.bool_:
        array = array.view(np.uint8) % 2 == 1
    axes = draw(st.permutations(range(len(shape))))
    steps = tuple(
        slice(
            *draw(st.sampled_from([(None, None, 1), (None, None, -1), (1, None, 2), (None, 2, 1)]))
        )
        for _ in shape
    )
    view = array.transpose(axes)[tuple(steps)]
    if draw(st.booleans()):
        view = np.broadcast_to(view, (draw(st.integers(1, 3)), *view.shape))
    return view


def same(found: np.ndarray, expected: np.ndarray) -> None:
    native = np.array(expected, order="C")
    if native.dtype.byteorder == ">":
        native = native.byteswap().view(native.dtype.newbyteorder("="))
    assert found.dtype == native.dtype
    assert found.shape == native.shape
    assert found.tobytes() == native.tobytes()


@given(views())
def test_views_as_numpy_sees_them(view):
    same(tensor_from_array(view).numpy(), view)


@given(views(), st.integers(0, 200), st.integers(0, 200))
def test_any_part_of_a_view(view, first, count):
    first = min(first, view.size) // 8 * 8
    count = min(count, view.size - first)
    part = tensor_from_array(view).flat_numpy(first, count)
    same(part, view.reshape(-1)[first : first + count])


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.sampled_from(["int4", "uint1"]),
    st.randoms(use_true_random=False),
)
def test_packed_walks(shape, dtype, random):
    axes = list(range(len(shape)))
    random.shuffle(axes)
    count = int(np.prod(shape))
    low, high = (-8, 8) if dtype == "int4" else (0, 2)
    values = np.array([random.randrange(low, high) for _ in range(count)], dtype=np.int8)
    packed = pack_int4(values) if dtype == "int4" else np.packbits(values.astype(bool))
    source = _core.Source.from_buffer("packed", packed)
    expected = values.reshape(shape).transpose(axes)
    strides = np.zeros(shape, np.int8).transpose(axes).strides
    tensor = source.tensor(offset=0, dtype=dtype, shape=expected.shape, strides=strides)
    np.testing.assert_array_equal(tensor.numpy(), expected)
    flat = source.tensor(offset=0, dtype=dtype, shape=(count,))
    np.testing.assert_array_equal(flat.numpy(), values)


def pack_int4(values: np.ndarray) -> np.ndarray:
    """Two to a byte, the first in the low half."""
    nibbles = np.append(values, np.zeros(values.size % 2, np.int8)).astype(np.uint8) & 0xF
    return (nibbles[0::2] | nibbles[1::2] << 4).astype(np.uint8)


def test_long_rows_cross_chunks():
    array = np.arange(70_000 * 3, dtype=np.int32).reshape(70_000, 3)
    for view in (array.T, array[::-1], array[:, ::2], array.reshape(3, 70_000)[:, ::-7]):
        np.testing.assert_array_equal(tensor_from_array(view).numpy(), view)


@pytest.mark.parametrize("nbytes", [0, 23])
def test_memory_ranges_are_checked(nbytes):
    array = np.zeros(6, np.float32)
    with pytest.raises(IndexError):
        _core.Tensor.from_address(
            array.ctypes.data, nbytes, dtype="float32", shape=(6,), owner=array
        )
