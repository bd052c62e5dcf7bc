"""What is kept of a tensor when its values are not."""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CHUNK = 1 << 20
"""Elements taken at once, so that no copy of the tensor in float64 exists."""
_NUMPY = {"BOOL": "?", "F8_E4M3": "u1", "F8_E5M2": "u1", "BF16": "<u2"}


def statistics_of(content: memoryview, dtype: str) -> dict[str, float]:
    """Extremes, mean and Euclidean norm over the finite elements, and counts of the others, of a
    little-endian buffer; `dtype` as safetensors names it. Extremes and mean of no element at all
    are NaN."""
    import numpy as np

    code = _NUMPY.get(dtype) or f"<{dtype[0].lower()}{int(dtype[1:]) // 8}"
    flat = np.frombuffer(content, code)
    counts = dict.fromkeys(("nan_count", "inf_count", "finite"), 0)
    low, high, total, squares = np.inf, -np.inf, 0.0, 0.0
    for begin in range(0, flat.size, CHUNK):
        values = _as_float64(flat[begin : begin + CHUNK], dtype)
        finite = values[np.isfinite(values)]
        counts["nan_count"] += int(np.isnan(values).sum())
        counts["inf_count"] += int(np.isinf(values).sum())
        counts["finite"] += finite.size
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            total += float(finite.sum())
            squares += float(np.dot(finite, finite))
    count = counts.pop("finite")
    return {
        "max_value": high if count else nan,
        "min_value": low if count else nan,
        "mean_value": total / count if count else nan,
        "l2norm": sqrt(squares),
        **counts,
    }


def _as_float64(values: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    import numpy as np

    if dtype == "BF16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    elif dtype.startswith("F8"):
        values = _float8_table(dtype)[values]
    return values.astype(np.float64)


def _float8_table(dtype: str) -> np.ndarray[Any, Any]:
    """The 256 values of E4M3FN, which has no infinity, or E5M2: https://arxiv.org/abs/2209.05433."""
    import numpy as np

    bits, bias = (3, 7) if dtype == "F8_E4M3" else (2, 15)
    codes = np.arange(256)
    exponent = (codes >> bits) & ((1 << (7 - bits)) - 1)
    fraction = (codes & ((1 << bits) - 1)) / (1 << bits)
    scale = np.exp2(np.maximum(exponent, 1) - bias)
    values: np.ndarray[Any, Any] = np.where(exponent > 0, 1 + fraction, fraction) * scale
    if dtype == "F8_E4M3":
        values[(codes & 0x7F) == 0x7F] = np.nan
    else:
        top = exponent == 31
        values[top] = np.where(fraction[top] == 0, np.inf, np.nan)
    values[128:] = -values[128:]
    return values
