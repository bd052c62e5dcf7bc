import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trueness as tn
from trueness._core import Source, Tensor
from trueness.read.array import tensor_from_array
from trueness.read.joined import axis_of, join


@given(st.data())
def test_cut_and_joined(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    axis = data.draw(st.integers(0, len(shape) - 1))
    dtype = data.draw(st.sampled_from(["float16", "float32", "int8", "bool", "int64"]))
    whole = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    cuts = data.draw(st.lists(st.integers(1, shape[axis]), max_size=3))
    parts = [part for part in np.split(whole, sorted(set(cuts)), axis) if part.size]
    found = axis_of([whole.shape], [part.shape for part in parts])
    if len(parts) == 1:
        assert found is None
        return
    assert found == axis - len(shape)
    result = join([tensor_from_array(part) for part in parts], axis)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.numpy(), whole)


def test_both_sides_in_parts() -> None:
    assert axis_of([(2, 6), (2, 6)], [(2, 4)] * 3) == -1
    assert axis_of([(4, 8)], [(4, 8), (4, 8)]) is None
    assert axis_of([(4, 8)], [(4, 3), (4, 3)]) is None
    assert axis_of([(4, 8)], [(32,)]) is None
    assert axis_of([()], [(), ()]) is None
    assert axis_of([(1, 5, 8), (1, 5, 4)], [(5, 12)]) == -1
    assert axis_of([(2, 5, 8), (2, 5, 4)], [(5, 12)]) is None


def bfloat16(bits: list[int]) -> Tensor:
    data = np.array(bits, np.uint16)
    return Source.from_buffer("x", data.view("u1")).tensor(offset=0, dtype="bfloat16", shape=[2])


def test_bfloat16_keeps_its_bits_and_its_name() -> None:
    whole = join([bfloat16([0x3F80, 0x7F80]), bfloat16([0x8000, 0x7FC1])], 0)
    assert whole.dtype == "bfloat16"
    assert np.frombuffer(whole.raw(), np.uint16).tolist() == [0x3F80, 0x7F80, 0x8000, 0x7FC1]


def test_what_cannot_be_joined() -> None:
    two = [tensor_from_array(np.ones(2, dtype)) for dtype in ("float32", "int8")]
    with pytest.raises(tn.UsageError, match="dtypes float32, int8"):
        join(two, 0)
    byte = Source.from_buffer("x", b"12").tensor(offset=0, dtype="float8_e4m3fn", shape=[2])
    with pytest.raises(tn.UsageError, match="float8_e4m3fn cannot be joined"):
        join([byte, byte], 0)
