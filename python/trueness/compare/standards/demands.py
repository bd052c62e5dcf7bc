"""What a standard can ask of a pair. Each demand says what it needs measured, why a pair breaks it,
and what it comes to where only statistics were dumped. What is NaN breaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, inf, isnan, log2, nan
from operator import ge, gt, le, lt
from typing import Protocol

from trueness.quickly_made import quickly_made

Pair = tuple[float, float]
"""atol, rtol"""

TOLERANCE_METRICS = ("mare", "mere", "error_balance", "mean_ulp_error")
"""Metrics beside those of METRIC_NAMES that a demand can name: largest and mean of
|m - g| / (|g| + 1e-7), the share of m > g less that of m < g, the mean distance in ULP."""
_OF_ERRORS = frozenset(TOLERANCE_METRICS[:3])
RATIO_METRICS = ("mare", "mere", "normal_rmse")
HOW = ("at_most", "below", "at_least", "above")

_RELATIVE = frozenset(
    ("relative_euclidean_distance", "max_relative_error", "mean_relative_error", "mare", "mere")
)
_ABSOLUTE = frozenset(("max_absolute_error", "mean_absolute_error", "rmse"))
_EPSILON = 2.0**-23

# Explicit fraction bits, and the exponent of the smallest normal number.
_FLOATS = {
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float32": (23, -126),
    "float64": (52, -1022),
    "float8_e4m3fn": (3, -6),
    "float8_e5m2": (2, -14),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be measured for a demand. `ulp`: the distance beyond which elements are counted,
    None when they are not."""

    metrics: frozenset[str] = frozenset()
    within: tuple[Pair, ...] = ()
    errors: bool = False
    small: Pair = (0.0, 0.0)
    worst: bool = False
    ulp: int | None = None
    reference: bool = False


@quickly_made
@dataclass(frozen=True, slots=True)
class Measured:
    """One pair: `metrics` by name, those of TOLERANCE_METRICS among them where they were asked for;
    `outside`: share of elements beyond each pair of tolerances. `dtype` is the one of the lower
    precision; `reference` the same for a third tensor against golden. `ordinary`: it is known that
    all numbers are finite, there are some, and golden is not zero everywhere."""

    metrics: Mapping[str, float]
    outside: Mapping[Pair, float] | None = None
    dtype: str = ""
    reference: Measured | None = None
    ordinary: bool = False

    @property
    def shown(self) -> Mapping[str, float]:
        """What of it belongs into a row."""
        if not self.outside:
            return self.metrics
        return {**self.metrics, "outside_ratio": max(self.outside.values())}

    def value(self, name: str) -> float:
        return self.metrics.get(name, nan)


class Demand(Protocol):
    @property
    def needs(self) -> Needs: ...
    @property
    def text(self) -> str:
        """In words, for tables."""

    def breach(self, measured: Measured) -> str:
        """Metric, value and bound of what fails, "" when nothing does."""

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        """The difference of one statistic that it lets pass; None where it cannot tell."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`metric` is at most, below, at least or above `limit`."""

    metric: str
    limit: float
    how: str = "at_most"

    @property
    def needs(self) -> Needs:
        if self.metric == "mean_ulp_error":
            return Needs(ulp=0)
        if self.metric in _OF_ERRORS:
            return Needs(errors=True)
        return Needs(metrics=frozenset((self.metric,)))

    @property
    def text(self) -> str:
        return f"{self.metric} {_SIGNS[self.how]} {self.limit:g}"

    def breach(self, measured: Measured) -> str:
        value = measured.value(self.metric)
        if _HOLDS[self.how](value, self.limit):
            return ""
        return f"{self.metric} {value:.6g} {_BROKEN[self.how]} {self.limit:g}"

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        if self.how not in ("at_most", "below"):
            return None
        if self.metric in _RELATIVE:
            return self.limit * max(scale, _EPSILON)
        return self.limit if self.metric in _ABSOLUTE else None


_HOLDS = {"at_most": le, "below": lt, "at_least": ge, "above": gt}
_SIGNS = {"at_most": "<=", "below": "<", "at_least": ">=", "above": ">"}
_BROKEN = {"at_most": ">", "below": ">=", "at_least": "<", "above": "<="}


@dataclass(frozen=True, slots=True)
class Within:
    """|m - g| <= atol + rtol |g| on at least `share` of the elements."""

    atol: float
    rtol: float
    share: float = 1.0

    @property
    def needs(self) -> Needs:
        return Needs(within=((self.atol, self.rtol),), metrics=frozenset(("max_absolute_error",)))

    @property
    def text(self) -> str:
        on = "all" if self.share == 1 else f"{self.share * 100:g} % of"
        return f"|m - g| <= {self.atol:g} + {self.rtol:g} |g| on {on} elements"

    def breach(self, measured: Measured) -> str:
        outside = (measured.outside or {}).get((self.atol, self.rtol), nan)
        if outside <= 1 - self.share or 1 - outside >= self.share:
            return ""
        return (
            f"outside_ratio {outside:.6g} > {1 - self.share:.6g} "
            f"(beyond {self.atol:g} + {self.rtol:g} |g|; "
            f"max_absolute_error {measured.value('max_absolute_error'):.6g})"
        )

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        """Some elements may be outside, and the extreme ones are the likeliest."""
        if self.share < 1 or name == "l2norm":
            return None
        return self.atol + self.rtol * scale


@dataclass(frozen=True, slots=True)
class Worst:
    """max |m - g| <= max(floor, ulps ULP of g where that is), in ULP of the lower precision."""

    floor: float
    ulps: float

    @property
    def needs(self) -> Needs:
        return Needs(worst=True)

    @property
    def text(self) -> str:
        return f"max |m - g| <= max({self.floor:g}, {self.ulps:g} ULP of g there)"

    def breach(self, measured: Measured) -> str:
        value = measured.value("max_absolute_error")
        limit = self._limit(measured.value("golden_at_max_absolute"), measured.dtype)
        return "" if value <= limit else f"max_absolute_error {value:.6g} > {limit:g}"

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        return None if name == "l2norm" else self._limit(scale, dtype)

    def _limit(self, golden: float, dtype: str) -> float:
        return max(self.floor, self.ulps * ulp_of(golden, dtype)) if golden == golden else nan


@dataclass(frozen=True, slots=True)
class UlpShare:
    """At most `ulp` ULP of the lower precision apart on more than `share` of the elements."""

    ulp: int
    share: float

    @property
    def needs(self) -> Needs:
        return Needs(ulp=self.ulp)

    @property
    def text(self) -> str:
        return f"at most {self.ulp} ULP on more than {self.share * 100:g} % of elements"

    def breach(self, measured: Measured) -> str:
        outside = measured.value("ulp_outside_ratio")
        if outside < 1 - self.share or outside == 0:
            return ""
        return f"ulp_outside_ratio {outside:.6g} >= {1 - self.share:.6g} (beyond {self.ulp} ULP)"

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Ratio:
    """`metric` is at most `limit` times what it is for the reference. 0 to 0 is a ratio of 1."""

    metric: str
    limit: float

    @property
    def needs(self) -> Needs:
        return Needs(errors=True, reference=True)

    @property
    def text(self) -> str:
        return f"{self.metric} <= {self.limit:g} times that of the reference"

    def breach(self, measured: Measured) -> str:
        value = measured.value(self.metric)
        theirs = measured.reference.value(self.metric) if measured.reference else nan
        ratio = (1.0 if value == 0 else inf) if theirs == 0 and not isnan(value) else value / theirs
        if ratio <= self.limit:
            return ""
        return f"{self.metric} ratio {ratio:.6g} > {self.limit:g} ({value:.6g} to {theirs:.6g})"

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class SmallValues:
    """Of elements with |g| < value only the absolute error counts: those beyond `error` are at most
    `limit` times max(1, those of the reference). Other errors of the table leave them out."""

    value: float
    error: float
    limit: float

    @property
    def needs(self) -> Needs:
        return Needs(errors=True, small=(self.value, self.error), reference=True)

    @property
    def text(self) -> str:
        return (
            f"where |g| < {self.value:g}: count of |m - g| > {self.error:g} at most "
            f"{self.limit:g} times max(1, that of the reference)"
        )

    def breach(self, measured: Measured) -> str:
        value = measured.value("small_error_count")
        theirs = measured.reference.value("small_error_count") if measured.reference else nan
        ratio = value / max(theirs, 1.0) if theirs == theirs else nan
        if ratio <= self.limit:
            return ""
        return f"small_error_count ratio {ratio:.6g} > {self.limit:g} ({value:.6g} to {theirs:.6g})"

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several lists of demands holds; each list only as a whole."""

    choices: Sequence[Sequence[Demand]]

    @property
    def needs(self) -> Needs:
        return combined([demand.needs for choice in self.choices for demand in choice])

    @property
    def text(self) -> str:
        return " or ".join(" and ".join(d.text for d in choice) for choice in self.choices)

    def breach(self, measured: Measured) -> str:
        breaches = [first_breach(choice, measured) for choice in self.choices]
        return " and ".join(breaches) if all(breaches) else ""

    def allowed(self, name: str, scale: float, dtype: str) -> float | None:
        found = [allowed_by(choice, name, scale, dtype) for choice in self.choices]
        known = [limit for limit in found if limit is not None]
        return max(known) if known and len(known) == len(found) else None


def first_breach(demands: Sequence[Demand], measured: Measured) -> str:
    for demand in demands:
        if breach := demand.breach(measured):
            return breach
    return ""


def allowed_by(demands: Sequence[Demand], name: str, scale: float, dtype: str) -> float | None:
    """The smallest difference of a statistic that any of them allows; None: none can tell."""
    found = (demand.allowed(name, scale, dtype) for demand in demands)
    return min((limit for limit in found if limit is not None), default=None)


def combined(needs: Sequence[Needs]) -> Needs:
    """Raises ValueError for what one pass cannot measure."""
    out = Needs()
    for need in needs:
        smalls = {small for small in (out.small, need.small) if small != (0.0, 0.0)}
        ulps = {ulp for ulp in (out.ulp, need.ulp) if ulp}
        if len(smalls) > 1 or len(ulps) > 1:
            raise ValueError("one table cannot have two small values, or two ULP distances")
        any_ulp = out.ulp is not None or need.ulp is not None
        out = replace(
            out,
            metrics=out.metrics | need.metrics,
            within=tuple(dict.fromkeys((*out.within, *need.within))),
            errors=out.errors or need.errors,
            small=smalls.pop() if smalls else out.small,
            worst=out.worst or need.worst,
            ulp=(ulps.pop() if ulps else 0) if any_ulp else None,
            reference=out.reference or need.reference,
        )
    return out


def ulp_of(value: float, dtype: str) -> float:
    """The spacing of numbers of the dtype around a value; NaN for one without fixed precision."""
    if dtype not in _FLOATS:
        return nan
    mantissa, least = _FLOATS[dtype]
    exponent = least if value == 0 else max(floor(log2(abs(value))), least)
    return float(2.0 ** (exponent - mantissa))
