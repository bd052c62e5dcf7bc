"""The columns of every report: msit's 24 with its names and order, so that scripts keep working,
and ours behind them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from trueness.model import Result, TensorRef

Cell = str | int | float

_MSIT_METRICS = (
    "cosine_similarity",
    "max_relative_error",
    "mean_relative_error",
    "max_absolute_error",
    "mean_absolute_error",
    "kl_divergence",
    "relative_euclidean_distance",
)
_OTHER_METRICS = (
    "rmse",
    "norm_ratio",
    "max_ulp_error",
    "error_ratio_1e-4",
    "error_ratio_1e-3",
    "error_ratio_5e-3",
    "error_ratio_1e-2",
    "golden_l2norm",
    "my_l2norm",
    "golden_nan_count",
    "golden_inf_count",
    "my_nan_count",
    "my_inf_count",
)
_INDEXES = ("max_absolute_index", "max_relative_index")
_SIDE = ("data_path", "op_type", "dtype", "shape", "max_value", "min_value", "mean_value")

COLUMNS: Sequence[str] = (
    "token_id",
    "data_id",
    *(f"golden_{name}" for name in _SIDE),
    *(f"my_{name}" for name in _SIDE),
    *_MSIT_METRICS,
    "cmp_fail_reason",
    "state",
    "verdict",
    "standard",
    "rank",
    "op_name",
    "io",
    "index",
    "pairing",
    *_OTHER_METRICS,
    *_INDEXES,
    "introduced_score",
)
_VALUES = ("max_value", "min_value", "mean_value")
_COUNTS = tuple(name for name in _OTHER_METRICS if name.endswith("_count"))
_FLOATS = (
    *(f"golden_{name}" for name in _VALUES),
    *(f"my_{name}" for name in _VALUES),
    *_MSIT_METRICS,
    *(name for name in _OTHER_METRICS if name not in _COUNTS),
)
_NUMBERS = (*_FLOATS, *_COUNTS, *_INDEXES)
_NOBODY = TensorRef("")
_COUNTS_AT, _INDEXES_AT = len(_FLOATS), len(_FLOATS) + len(_COUNTS)
FLOAT_COLUMNS = frozenset((*_FLOATS, "introduced_score"))
INTEGER_COLUMNS = frozenset(("token_id", "rank", *_COUNTS))
"""What is a number wherever it is there; all others are text."""

_UNITS = {
    "cosine_similarity": "-1 to 1",
    "max_relative_error": "of golden",
    "mean_relative_error": "of golden",
    "kl_divergence": "nat",
    "relative_euclidean_distance": "of golden",
    "norm_ratio": "my / golden",
    "max_ulp_error": "ULP",
    "introduced_score": "times what is explained",
}


def unit(column: str) -> str:
    """What the numbers of a column are counted in; "" for text."""
    if column in _COUNTS:
        return "elements"
    if column.startswith("error_ratio_"):
        return "share of elements"
    return _UNITS.get(column, "as stored" if column in FLOAT_COLUMNS else "")


def row(result: Result, data_id: int) -> list[Cell]:
    """The cells of one result in the order of COLUMNS; "" where there is no value. `data_id` is for
    tensors that the user gave no name."""
    return ["" if cell != cell else cell for cell in row_with_nan(result, data_id)]


def row_with_nan(result: Result, data_id: int) -> list[Cell]:
    """As `row`, with NaN for a number that is not there."""
    golden, my = result.golden, result.my
    own = my or golden or _NOBODY
    numbers = result.metrics.pick(_NUMBERS)
    counts: list[Cell] = [x if x != x else int(x) for x in numbers[_COUNTS_AT:_INDEXES_AT]]
    indexes = [place(x, result.golden_shape) for x in numbers[_INDEXES_AT:]]
    return [
        _number(own.token),
        own.label or data_id,
        location(golden),
        golden.op_type if golden else "",
        result.golden_dtype,
        shape_text(result.golden_shape),
        *numbers[:3],
        location(my),
        my.op_type if my else "",
        result.my_dtype,
        shape_text(result.my_shape),
        *numbers[3:13],
        result.reason,
        result.state._value_,
        result.verdict,
        result.standard,
        _number(own.rank),
        own.op_name,
        own.io,
        ".".join(map(str, (own.index, *own.nested))) if own.nested else str(own.index),
        result.pairing,
        *numbers[13:_COUNTS_AT],
        *counts,
        *indexes,
        result.introduced_score,
    ]


def _number(value: int | None) -> Cell:
    return "" if value is None else value


def location(ref: TensorRef | None) -> str:
    """Where the tensor is, as msit writes it: `file`, `file,inputs,0` or `file,name`."""
    if ref is None:
        return ""
    if ref.member is None:
        return ref.path
    if isinstance(ref.member, str):
        return f"{ref.path},{ref.member}"
    return f"{ref.path},{ref.member[0]}s,{ref.member[1]}"


@lru_cache(1024)
def shape_text(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else f"[{', '.join(map(str, shape))}]"


@lru_cache(4096)
def place(flat: float, shape: Sequence[int] | None) -> str:
    """A flat index and, for more than one dimension, the index in each: `37 [2, 5]`."""
    if not flat >= 0:
        return ""
    text = str(int(flat))
    if not shape or len(shape) == 1:
        return text
    rest = int(flat)
    index = []
    for dim in reversed(shape):
        index.append(rest % dim)
        rest //= dim
    return f"{text} [{', '.join(map(str, reversed(index)))}]"
