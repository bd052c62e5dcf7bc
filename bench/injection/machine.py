"""How a run computes: in which precision, in which order, and what it stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BITS = {"float32": 24, "float16": 11, "bfloat16": 8}
"""Bits of the significand, the hidden one included."""


def round_bits(x: Array, bits: int, *, chop: bool = False) -> Array:
    """To `bits` bits of significand, ties to even; with `chop` toward zero."""
    mantissa, exponent = np.frexp(np.asarray(x, np.float64))
    scaled = np.ldexp(mantissa, bits)
    return np.ldexp(np.trunc(scaled) if chop else np.rint(scaled), exponent - bits)


@dataclass(frozen=True)
class Machine:
    """`compute` is the dtype of the arithmetic, `store` the dtype results are rounded to ("" keeps
    them as they are), `chunks` > 1 another order of summation with short partial sums."""

    compute: type[np.floating[Any]]
    store: str = ""
    chunks: int = 1

    def matmul(self, a: Array, b: Array) -> Array:
        a, b = self.take(a), self.take(b)
        if self.chunks == 1:
            return np.matmul(a, b)
        total: Array | None = None
        for places in reversed(np.array_split(np.arange(a.shape[-1]), self.chunks)):
            part = round_bits(np.matmul(a[..., places], b[..., places, :]), 19)
            total = part if total is None else (total + part).astype(self.compute)
        assert total is not None
        return total

    def mean(self, x: Array) -> Array:
        """Over the last axis, which stays."""
        x = self.take(x)
        if self.chunks > 1:
            return round_bits(x[..., ::-1].mean(-1, keepdims=True, dtype=self.compute), 21)
        return x.mean(-1, keepdims=True)

    def take(self, x: Array) -> Array:
        return np.asarray(x).astype(self.compute)

    def keep(self, x: Array, kind: str) -> Array:
        """What is left of a result in memory. `kind` is "float" or "int8"."""
        if kind == "int8":
            return np.clip(np.rint(x), -128, 127).astype(np.int8)
        if not self.store:
            return np.ascontiguousarray(x, self.compute)
        return np.ascontiguousarray(round_bits(x, BITS[self.store]), np.float32)
