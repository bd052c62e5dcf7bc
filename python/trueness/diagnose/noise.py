"""What rounding alone explains."""

from __future__ import annotations

from functools import lru_cache
from math import inf, sqrt

# Root mean square of the relative error of rounding to a significand of p bits: about 2^-(p+1),
# half of the unit roundoff, which only the worst element reaches.
_BITS = {
    "float64": 53,
    "complex128": 53,
    "float32": 24,
    "complex64": 24,
    "float16": 11,
    "complex32": 11,
    "bfloat16": 8,
    "float8_e4m3fn": 4,
    "hifloat8": 3,
    "float8_e5m2": 3,
    "float8_e8m0": 1,
}
STEP = 12**-0.5
"""Root mean square error of rounding to whole numbers, in steps."""

DEQUANTISES = "DequantizeLinear"
"""The operator of ONNX whose output is in steps, whatever its dtype."""


def steps_of_a_byte(least: float, most: float, count: float, l2norm: float) -> float:
    """Relative L2 error of `count` values that were rounded to 256 steps over their range, zero in
    it; 0.0 where that is not known. `l2norm` is that of the values."""
    span = max(most, 0.0) - min(least, 0.0)
    return STEP * span / 255 * sqrt(count) / l2norm if l2norm > 0 and 0 < span < inf else 0.0


@lru_cache(maxsize=256)
def rounding(golden_dtype: str, my_dtype: str) -> tuple[float, bool]:
    """Relative L2 error of a tensor that was rounded to the coarser of two dtypes, and whether that
    is what golden was rounded to as well. 0.0 for integers and bool, whose error is in steps."""
    if my_dtype not in _BITS:
        return 0.0, golden_dtype not in _BITS
    bits = [_BITS[name] for name in (golden_dtype, my_dtype) if name in _BITS]
    return float(2.0 ** -(min(bits) + 1)), _BITS.get(golden_dtype, 64) <= _BITS[my_dtype]
