"""The columns of every report: msit's 24 with its names and order, so that scripts keep working,
and ours behind them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

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
_COUNTS = frozenset(name for name in _OTHER_METRICS if name.endswith("_count"))


def row(result: Result, data_id: int) -> list[Cell]:
    """The cells of one result in the order of COLUMNS; "" where there is no value."""
    golden, my = result.golden, result.my
    own = my or golden or TensorRef("")
    metrics = result.metrics
    return [
        _number(own.token),
        data_id,
        location(golden),
        golden.op_type if golden else "",
        result.golden_dtype,
        shape_text(result.golden_shape),
        *_values(result, _GOLDEN_VALUES),
        location(my),
        my.op_type if my else "",
        result.my_dtype,
        shape_text(result.my_shape),
        *_values(result, _MY_VALUES),
        *_values(result, _MSIT_METRICS),
        result.reason,
        result.state.value,
        result.verdict,
        result.standard,
        _number(own.rank),
        own.op_name,
        own.io,
        ".".join(map(str, (own.index, *own.nested))),
        result.pairing,
        *_values(result, _OTHER_METRICS),
        *(place(metrics.get(name), result.golden_shape) for name in _INDEXES),
        metrics.get("introduced_score", ""),
    ]


_GOLDEN_VALUES = ("golden_max_value", "golden_min_value", "golden_mean_value")
_MY_VALUES = ("my_max_value", "my_min_value", "my_mean_value")


def _values(result: Result, names: Sequence[str]) -> list[Cell]:
    metrics = result.metrics
    if not metrics:
        return [""] * len(names)
    cells: list[Cell] = []
    for name in names:
        value = metrics.get(name)
        if value is None or isnan(value):
            cells.append("")
        else:
            cells.append(int(value) if name in _COUNTS else value)
    return cells


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


def shape_text(shape: Sequence[int] | None) -> str:
    return "" if shape is None else f"[{', '.join(map(str, shape))}]"


def place(flat: float | None, shape: Sequence[int] | None) -> str:
    """A flat index and, for more than one dimension, the index of each: `37 [2, 5]`."""
    if flat is None or flat != flat or flat < 0 or not shape:
        return "" if flat is None or flat != flat or flat < 0 else f"{flat:.0f}"
    rest = int(flat)
    index = []
    for dim in reversed(shape):
        index.append(rest % dim if dim else 0)
        rest //= dim or 1
    text = f"{flat:.0f}"
    return text if len(shape) == 1 else f"{text} [{', '.join(map(str, reversed(index)))}]"
