"""Two tensors of which at least one left only statistics. They can prove that tensors differ; that
they agree only shows that nothing speaks against equality, and the reason says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from trueness import _core
from trueness.compare.open_files import OpenFiles, pick
from trueness.compare.standards import Standard, lower_precision
from trueness.compare.standards.demands import allowed_by
from trueness.compare.tensors import Outcome
from trueness.errors import TruenessError
from trueness.model import STATISTICS_ONLY, Metrics, State, Statistics, TensorRef
from trueness.read.statistics import read_statistics

_VALUES = ("max_value", "min_value", "mean_value", "l2norm")
_COUNTS = ("nan_count", "inf_count")
_EPSILON = 2.0**-23
_SUMMED = 1e-6
"""Relative: two devices add up the same numbers in another order."""


def statistics_of(ref: TensorRef, files: OpenFiles) -> Statistics:
    """Those that were dumped, else those of the values. Raises as `read_statistics` does."""
    if isinstance(ref.statistics, Statistics):
        return ref.statistics
    if ref.statistics is not None:
        return read_statistics(ref.path, ref.statistics, ref.member)
    if not files.tensors(ref.path):
        return read_statistics(ref.path, "atb", None)
    return _computed(pick(files.tensors(ref.path), ref))


def compare_statistics(golden: Statistics, my: Statistics, standard: Standard) -> Outcome:
    """`metrics` holds what either side tells and, of what both do, `{name}_stat_absolute_error` and
    `{name}_stat_relative_error`, the latter |my - golden| / max(|golden|, 2^-23) as with msit. The
    reason lists these; bounds are applied to differences relative to the largest golden magnitude,
    since a mean near 0 is off by any factor without being wrong."""
    if golden.shape is not None and my.shape is not None and golden.shape != my.shape:
        shapes = f"golden shape {list(golden.shape)}, my shape {list(my.shape)}"
        reason = f"{STATISTICS_ONLY}: {shapes}"
        return Outcome(State.SHAPE_MISMATCH, reason, passed=False)
    if golden.checksum and golden.checksum == my.checksum:
        reason = f"{STATISTICS_ONLY}: the checksums are equal"
        return Outcome(State.OK, reason, passed=True, metrics=_known(golden, my))
    both = [name for name in _VALUES if _has(golden, name) and _has(my, name)]
    if not both:
        if golden.checksum and my.checksum:
            reason = f"{STATISTICS_ONLY}: the checksums differ, by how much they do not tell"
            return Outcome(State.OK, reason, passed=False)
        return Outcome(
            State.NOT_DUMPED, f"{STATISTICS_ONLY}, and none that both sides have", passed=False
        )
    state = _state(golden, my)
    if state is not State.OK:
        reason = f"{STATISTICS_ONLY}: NaN or Inf, which they do not locate"
        return Outcome(state, reason, passed=False, metrics=_known(golden, my))
    return _judge(golden, my, both, standard)


def _judge(golden: Statistics, my: Statistics, both: Sequence[str], standard: Standard) -> Outcome:
    metrics = dict(_known(golden, my))
    dtype = lower_precision(golden.dtype, my.dtype)
    demands = standard.table_of(golden.dtype, my.dtype).demands
    breaches, errors, judged = [], [], []
    for name, difference, scale in _differences(golden, my, both):
        stem = name.removesuffix("_value")
        metrics[f"{stem}_stat_absolute_error"] = difference
        own = difference / max(abs(_value(golden, name) or 0.0), _EPSILON)
        metrics[f"{stem}_stat_relative_error"] = own
        errors.append(f"{stem} {own:.6g}")
        summed = _SUMMED * scale if name in ("mean_value", "l2norm") else 0.0
        limit = allowed_by(demands, name, scale, dtype)
        if limit is None:
            continue
        judged.append(stem)
        if not difference <= max(limit, summed):
            breaches.append(f"{stem} differs by {difference:.6g} > {limit:.6g}")
    shown = f"; relative errors: {', '.join(errors)}"
    if not judged:
        reason = f"{STATISTICS_ONLY}: {standard.label} cannot be judged from them{shown}"
        return Outcome(State.NOT_DUMPED, reason, passed=False, metrics=Metrics(metrics))
    agree = f"{', '.join(judged)} agree, which does not show that all elements do"
    reason = f"{STATISTICS_ONLY}: {'; '.join(breaches) or agree}{shown}"
    return Outcome(State.OK, reason, not breaches, Metrics(metrics))


def _differences(
    golden: Statistics, my: Statistics, both: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    extremes = [_value(golden, name) or 0.0 for name in _VALUES[:3]]
    largest = max(map(abs, extremes))
    for name in both:
        expected, found = _value(golden, name) or 0.0, _value(my, name) or 0.0
        yield name, abs(found - expected), abs(expected) if name == "l2norm" else largest


def _known(golden: Statistics, my: Statistics) -> Metrics:
    return Metrics(
        {
            f"{side}_{name}": value
            for side, statistics in (("golden", golden), ("my", my))
            for name in (*_VALUES, *_COUNTS)
            if (value := _value(statistics, name)) is not None
        }
    )


def _value(statistics: Statistics, name: str) -> float | None:
    value: float | None = getattr(statistics, name)
    return value


def _has(statistics: Statistics, name: str) -> bool:
    return _value(statistics, name) is not None


def _state(golden: Statistics, my: Statistics) -> State:
    odd_golden, odd_my = _nonfinite(golden), _nonfinite(my)
    if odd_golden and odd_my:
        return State.NONFINITE_BOTH
    if odd_golden:
        return State.NONFINITE_GOLDEN
    return State.NONFINITE_MY if odd_my else State.OK


def _nonfinite(statistics: Statistics) -> bool:
    if (statistics.nan_count or 0) + (statistics.inf_count or 0) > 0:
        return True
    return any(not isfinite(_value(statistics, name) or 0.0) for name in _VALUES)


def _computed(tensor: _core.Tensor) -> Statistics:
    if not tensor.dumped or not tensor.readable:
        raise _Unusable(tensor.problem or "no data")
    values = _core.compare(tensor, tensor, threads=1, metrics=_MASK).finish()
    return Statistics(
        max_value=values["my_max_value"],
        min_value=values["my_min_value"],
        mean_value=values["my_mean_value"],
        l2norm=values["my_l2norm"],
        nan_count=values["my_nan_count"],
        inf_count=values["my_inf_count"],
        dtype=tensor.dtype,
        shape=tuple(tensor.logical_shape),
    )


class _Unusable(TruenessError):
    """The side that should have values has none."""


_MASK = _core.METRIC_GROUPS["my_max_value"] | _core.METRIC_GROUPS["my_l2norm"]
