"""What is good enough: a named, versioned standard. It is data; a new one is a new profile file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, get_args

from trueness import _core
from trueness.compare.standards.demands import (
    TOLERANCE_METRICS,
    Demand,
    Measured,
    Needs,
    combined,
    first_breach,
)
from trueness.compare.standards.noise import Noise
from trueness.model import Metrics

Nonfinite = Literal["equal", "infinite_equal", "never", "not_added", "equal_to_any"]
ZeroGolden = Literal["exact", "demands"]
Empty = Literal["pass", "fail"]
NONFINITE: tuple[Nonfinite, ...] = get_args(Nonfinite)
ZERO_GOLDEN: tuple[ZeroGolden, ...] = get_args(ZeroGolden)
EMPTY: tuple[Empty, ...] = get_args(Empty)


@dataclass(frozen=True)
class Table:
    """All of `demands` have to hold."""

    demands: Sequence[Demand]

    @cached_property
    def needs(self) -> Needs:
        return combined([demand.needs for demand in self.demands])

    @cached_property
    def mask(self) -> int:
        """The passes of the core that its metrics come from."""
        mask = 0
        for name in self.needs.metrics:
            mask |= _core.METRIC_GROUPS[name]
        return mask

    @cached_property
    def tolerances(self) -> _core.Tolerances | None:
        """What it asks of single elements; None, which costs nothing, for most."""
        needs = self.needs
        if not (needs.within or needs.errors or needs.worst or needs.ulp is not None):
            return None
        return _core.Tolerances(
            needs.within,
            errors=needs.errors,
            small_value=needs.small[0],
            small_error=needs.small[1],
            worst=needs.worst,
            ulp=needs.ulp,
        )

    @cached_property
    def shown(self) -> frozenset[str]:
        """What rows get beside the metrics of METRIC_NAMES, since verdicts rest on it."""
        needs = self.needs
        return frozenset(
            (
                *(("outside_ratio",) if needs.within else ()),
                *((*TOLERANCE_METRICS[:3], "normal_rmse") if needs.errors else ()),
                *(("small_value_count", "small_error_count") if any(needs.small) else ()),
                *(("golden_at_max_absolute",) if needs.worst else ()),
                *(("mean_ulp_error", "ulp_outside_ratio") if needs.ulp is not None else ()),
            )
        )

    @cached_property
    def evidence(self) -> frozenset[str]:
        """What a verdict rests on."""
        return self.needs.metrics | self.shown

    def measured(self, sums: _core.Sums, dtype: str) -> Measured:
        if self.tolerances is None:
            values = Metrics.unpacked(_core.METRIC_NAMES, sums.finish_packed())
            return Measured(values, dtype=dtype, ordinary=sums.ordinary)
        found = sums.tolerances()
        within = self.needs.within
        outside = {pair: found[f"outside_ratio_{k}"] for k, pair in enumerate(within)}
        extra = {name: found[name] for name in self.shown if name in found}
        return Measured({**sums.finish(), **extra}, outside, dtype, ordinary=sums.ordinary)


@dataclass(frozen=True)
class Standard:
    """`tables` by dtype name, of the lower-precision dtype of a pair; `otherwise` for the dtypes
    not named. `nonfinite` says where NaN and Inf may be: at the "equal" places, which for
    "infinite_equal" NaN never are, "never", only "not_added" to a golden without them, or at the
    places of golden or of the reference ("equal_to_any"). `zero_golden` "exact": my has to be all
    zero too. `noise`: how the bound of a row grows where the execution order is known."""

    name: str
    version: str
    source: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    otherwise: Table = field(default_factory=lambda: Table(()))
    nonfinite: Nonfinite = "equal"
    zero_golden: ZeroGolden = "demands"
    empty: Empty = "pass"
    notes: Sequence[str] = ()
    noise: Noise | None = None

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    @cached_property
    def needs_reference(self) -> bool:
        return any(table.needs.reference for table in (*self.tables.values(), self.otherwise))

    def table_of(self, golden_dtype: str, my_dtype: str) -> Table:
        return self.tables.get(lower_precision(golden_dtype, my_dtype), self.otherwise)

    def breach(self, table: Table, measured: Measured, *, placed: bool = False) -> str:
        """Why the pair fails, "" when it passes. A metric that is NaN fails what is demanded of it.
        `placed`: NaN and Inf are known to be where the reference has them."""
        if measured.ordinary:
            return first_breach(table.demands, measured)
        odd = "" if placed else self.nonfinite_breach(measured)
        if odd:
            return odd
        metrics = measured.metrics
        if metrics["finite_count"] == 0 and metrics["count"] > 0:
            nan_count = metrics["golden_nan_count"] + metrics["my_nan_count"]
            return "" if nan_count == 0 else "all pairs have NaN or Inf: nothing to judge"
        if self.zero_golden == "exact" and _is_zero(metrics, "golden"):
            if _is_zero(metrics, "my"):
                return ""
            return f"golden is all zero, max_absolute_error {metrics['max_absolute_error']:.6g} > 0"
        return first_breach(table.demands, measured)

    def nonfinite_breach(self, measured: Measured) -> str:
        metrics = measured.metrics
        golden = metrics["golden_nan_count"] + metrics["golden_inf_count"]
        my = metrics["my_nan_count"] + metrics["my_inf_count"]
        if not golden and not my:
            return ""
        odd = metrics["count"] - metrics["finite_count"] - metrics["nonfinite_equal_count"]
        nan_count = metrics["golden_nan_count"] + metrics["my_nan_count"]
        wrong = {
            "equal": odd > 0,
            "equal_to_any": odd > 0,
            "infinite_equal": odd > 0 or nan_count > 0,
            "never": True,
            "not_added": golden == 0,
        }[self.nonfinite]
        if not wrong:
            return ""
        said = f"NaN or Inf in {golden:.0f} golden and {my:.0f} of my elements"
        return f"{said}; {odd:.0f} differ" if odd else f"{said}, which {self.label} does not accept"


def _is_zero(metrics: Mapping[str, float], side: str) -> bool:
    return metrics[f"{side}_max_value"] == metrics[f"{side}_min_value"] == 0


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


@lru_cache(maxsize=1024)
def lower_precision(golden_dtype: str, my_dtype: str) -> str:
    """The dtype whose rounding limits how equal the two can be."""
    last = len(_BY_PRECISION)
    return min(golden_dtype, my_dtype, key=lambda name: _RANK.get(name, last))
