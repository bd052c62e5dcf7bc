"""Headerless binaries, whose type and shape only the user knows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trueness._core import DTYPE_BITS, Source
from trueness.errors import FormatError, UsageError
from trueness.read.dtype_names import canonical_dtype
from trueness.read.file import TensorFile


def read_raw(source: Source, dtype: object, shape: Sequence[int], offset: int) -> TensorFile:
    """The bytes from `offset` to the end as one row-major tensor. One dimension may be -1: as many
    as the file holds. Raises FormatError when the sizes disagree, UsageError for a bad shape."""
    name = canonical_dtype(dtype)
    available = source.size - offset
    if offset < 0 or available < 0:
        raise UsageError(f"offset {offset} lies outside {source.path} ({source.size} bytes)")
    dims = _infer(tuple(shape), available * 8 // DTYPE_BITS[name])
    expected = -(-math.prod(dims) * DTYPE_BITS[name] // 8)
    if expected != available:
        raise FormatError(
            source.path,
            offset,
            "",
            f"{expected} bytes for {name} {list(dims)}",
            f"{available} bytes",
        )
    tensor = source.tensor(offset=offset, dtype=name, shape=dims)
    return TensorFile(source.path, "raw", [tensor])


def _infer(shape: tuple[int, ...], elements: int) -> tuple[int, ...]:
    unknown = [i for i, dim in enumerate(shape) if dim == -1]
    if len(unknown) > 1 or any(dim < -1 for dim in shape):
        raise UsageError(f"shape {list(shape)}: dimensions are >= 0, and at most one is -1")
    if not unknown:
        return shape
    at = unknown[0]
    known = math.prod(shape[:at] + shape[at + 1 :])
    return (*shape[:at], elements // known if known else 0, *shape[at + 1 :])
