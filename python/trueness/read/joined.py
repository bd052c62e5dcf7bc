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
    """The first dimension along which the parts of both sides add up to the same whole; None when
    there is none, or when a part already is as large as the other side's."""
    shapes = [*golden, *my]
    if golden[0] == my[0] or len({len(shape) for shape in shapes}) != 1:
        return None
    for axis in range(len(shapes[0])):
        whole = sum(shape[axis] for shape in golden)
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
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
    whole = np.concatenate([_stored(part) for part in parts], axis)
    plain = np.ascontiguousarray(whole).reshape(-1).view(np.uint8).data
    source = Source.from_buffer("joined parts", plain)
    return source.tensor(offset=0, dtype=parts[0].dtype, shape=whole.shape)


def _stored(part: Tensor) -> npt.NDArray[Any]:
    """Elements in logical order, each in the bits of its own dtype."""
    values = part.numpy()
    if part.dtype == "bfloat16":
        # The upper half of the float32 that it was widened to.
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    if str(values.dtype) != part.dtype:
        raise UsageError(f"parts of dtype {part.dtype} cannot be joined")
    return values
