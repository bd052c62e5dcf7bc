"""One tensor from the parts that it was cut into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trueness._core import Source, Tensor
from trueness.errors import UsageError

Shape = tuple[int, ...]


def axis_of(golden: Sequence[Shape], my: Sequence[Shape]) -> int | None:
    """The first dimension along which the parts of both sides add up to the same whole, counted
    from the last one as -1; None when there is none, or when a part already is as large as the
    other side's. Dimensions of 1 may lead on one side only."""
    shapes = [*golden, *my]
    rank = min(map(len, shapes))
    if any(set(shape[: len(shape) - rank]) - {1} for shape in shapes):
        return None
    golden, my = ([shape[len(shape) - rank :] for shape in side] for side in (golden, my))
    if golden[0] == my[0]:
        return None
    for axis in range(-rank, 0):
        whole = sum(shape[axis] for shape in golden)
        others = {shape[:axis] + shape[rank + axis + 1 :] for shape in (*golden, *my)}
        if len(others) == 1 and whole == sum(shape[axis] for shape in my):
            return axis
    return None


def join(parts: Sequence[Tensor], axis: int) -> Tensor:
    """A copy in memory, of the dtype of the parts. Raises UsageError for dtypes that differ or that
    cannot be joined, and what reading raises."""
    if len(parts) == 1:
        return parts[0]
    dtypes = {part.dtype for part in parts}
    if len(dtypes) != 1:
        raise UsageError(f"parts of one tensor have dtypes {', '.join(sorted(dtypes))}")
    if len({len(part.logical_shape) for part in parts}) != 1:
        raise UsageError("parts of one tensor have not the same number of dimensions")
    whole = np.concatenate([_stored(part) for part in parts], axis)
    return _tensor(whole, parts[0].dtype, "joined parts")


def part_of(tensor: Tensor, axis: int, start: int, end: int) -> Tensor:
    """A copy of what lies from `start` to before `end` along a dimension. Raises as `join`."""
    values = np.moveaxis(np.moveaxis(_stored(tensor), axis, 0)[start:end], 0, axis)
    return _tensor(values, tensor.dtype, "part of a tensor")


def _tensor(values: npt.NDArray[Any], dtype: str, name: str) -> Tensor:
    plain = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    return Source.from_buffer(name, plain).tensor(offset=0, dtype=dtype, shape=values.shape)


def _stored(part: Tensor) -> npt.NDArray[Any]:
    """Elements in logical order, each in the bits of its own dtype."""
    values = part.numpy()
    if part.dtype == "bfloat16":
        # The upper half of the float32 that it was widened to.
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    if str(values.dtype) != part.dtype:
        raise UsageError(f"parts of dtype {part.dtype} cannot be joined")
    return values
