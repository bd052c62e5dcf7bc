"""What is good enough: named, versioned bounds. A standard is data: a new one is a new entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

from trueness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bound:
    """`metric` has to be at most `limit`."""

    metric: str
    limit: float


@dataclass(frozen=True)
class Standard:
    """`bounds` by dtype name, of the lower-precision dtype of a pair; `otherwise` for the dtypes
    not named. NaN and infinities have to be at the same places, whatever the bounds."""

    name: str
    version: str
    source: str
    bounds: Mapping[str, Sequence[Bound]] = field(default_factory=dict)
    otherwise: Sequence[Bound] = ()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    def bounds_of(self, golden_dtype: str, my_dtype: str) -> Sequence[Bound]:
        return self.bounds.get(lower_precision(golden_dtype, my_dtype), self.otherwise)

    def breach(self, golden_dtype: str, my_dtype: str, metrics: Mapping[str, float]) -> str:
        """Why the pair fails, "" when it passes. A metric that is NaN fails its bound."""
        odd = metrics["count"] - metrics["finite_count"] - metrics["nonfinite_equal_count"]
        if odd:
            golden, my = (
                metrics[f"{side}_nan_count"] + metrics[f"{side}_inf_count"]
                for side in ("golden", "my")
            )
            return (
                f"NaN or Inf in {golden:.0f} golden and {my:.0f} of my elements; {odd:.0f} differ"
            )
        for bound in self.bounds_of(golden_dtype, my_dtype):
            value = metrics.get(bound.metric, float("nan"))
            if isnan(value) or value > bound.limit:
                return f"{bound.metric} {value:.6g} > {bound.limit:g}"
        return ""


def _distance(limit: float) -> Sequence[Bound]:
    return (Bound("relative_euclidean_distance", limit),)


_EXACT = (Bound("max_absolute_error", 0.0),)
_ONE_STEP = (Bound("max_absolute_error", 1.0),)

AUTO = Standard(
    name="auto",
    version="1",
    source="trueness: what rounding to the dtype explains over a deep network, with room",
    bounds={
        "float64": _distance(1e-9),
        "complex128": _distance(1e-9),
        "float32": _distance(1e-4),
        "complex64": _distance(1e-4),
        "float16": _distance(5e-3),
        "complex32": _distance(5e-3),
        "bfloat16": _distance(3e-2),
        "float8_e4m3fn": _distance(2e-1),
        "float8_e5m2": _distance(2e-1),
        "float8_e8m0": _distance(2e-1),
        "hifloat8": _distance(2e-1),
        "int8": _ONE_STEP,
        "int4": _ONE_STEP,
    },
    otherwise=_EXACT,
)
BITWISE = Standard(
    name="bitwise",
    version="1",
    source="trueness: every element equal",
    otherwise=_EXACT,
)
STANDARDS: Mapping[str, Standard] = {standard.name: standard for standard in (AUTO, BITWISE)}
DEFAULT = AUTO

# Integers of 8 bits and less are what values were quantised to, so they decide before any float;
# wider ones are indices and counts, which a float on the other side holds with its own precision.
_BY_PRECISION = (
    "int4",
    "int8",
    "float8_e8m0",
    "float8_e5m2",
    "float8_e4m3fn",
    "hifloat8",
    "bfloat16",
    "float16",
    "complex32",
    "float32",
    "complex64",
    "float64",
    "complex128",
)
_RANK = {name: rank for rank, name in enumerate(_BY_PRECISION)}


def lower_precision(golden_dtype: str, my_dtype: str) -> str:
    """The dtype whose rounding limits how equal the two can be."""
    last = len(_BY_PRECISION)
    return min(golden_dtype, my_dtype, key=lambda name: _RANK.get(name, last))


def standard_of(name: str | Standard | None) -> Standard:
    """The standard of that name, the default for None. Raises UsageError for an unknown name."""
    if isinstance(name, Standard):
        return name
    if name is None:
        return DEFAULT
    try:
        return STANDARDS[name]
    except KeyError:
        known = ", ".join(sorted(STANDARDS))
        raise UsageError(f"no standard is called {name!r}; known: {known}") from None
