"""Two sides of runs become rows of numbers with verdicts: the one thing every report is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trueness.service import interval, samples
from trueness.service.catalogue import (
    AMPLIFIED,
    BY_KEY,
    JUDGED,
    METRICS,
    POINTS_TOLERANCE,
    TOLERANCE,
    VALUE,
    Metric,
    statistics_of,
)
from trueness.service.run import Note, Run
from trueness.service.samples import Sample, Slo
from trueness.service.verdict import Row, change_of, is_relative, judge, of_metric

Stats = dict[str, dict[str, float]]
"""Of a run: metric key, statistic, value."""


@dataclass(frozen=True)
class Comparison:
    """`rows` in the order of the catalogue, `verdicts` by metric key with their reasons."""

    golden: tuple[Run, ...]
    input: tuple[Run, ...]
    rows: tuple[Row, ...]
    verdicts: Mapping[str, tuple[str, str]]
    notes: tuple[Note, ...]
    slo: Slo

    def count(self, verdict: str) -> int:
        return sum(found == verdict for found, _ in self.verdicts.values())

    def of(self, key: str) -> list[Row]:
        return [row for row in self.rows if row.metric.key == key]

    @property
    def incomplete(self) -> bool:
        return any(note.level == "error" for note in self.notes)


@dataclass(frozen=True)
class _Side:
    """The statistics of each run, and where there is one run, its samples."""

    runs: Sequence[Run]
    stats: list[Stats]
    samples: Mapping[str, Sample]
    notes: list[Note]


def compare_runs(
    golden: Sequence[Run],
    other: Sequence[Run],
    *,
    slo: Slo | None = None,
    tolerance: Mapping[str, float] | None = None,
) -> Comparison:
    """Every metric that either side has. `tolerance` by metric key, "" for all, as shares."""
    limits = slo or {}
    sides = _side(golden, limits), _side(other, limits)
    same_work = _same_work(golden, other)
    rows: list[Row] = []
    verdicts, notes = {}, [note for run in (*golden, *other) for note in run.notes]
    notes += [note for side in sides for note in side.notes]
    for metric in _metrics(sides):
        found = _rows(metric, *sides, tolerance or {}, same_work)
        if not found:
            continue
        rows += found
        verdicts[metric.key] = of_metric(found)
        notes += _one_sided(metric, *sides)
    notes += _workload_notes(rows, same_work, golden, other)
    return Comparison(
        tuple(golden), tuple(other), tuple(rows), verdicts, tuple(notes), dict(limits)
    )


def _side(runs: Sequence[Run], slo: Slo) -> _Side:
    stats, kept = [], {}
    notes: list[Note] = []
    for run in runs:
        found: Stats = {}
        of_service = samples.service_samples(run, slo)
        for metric in METRICS:
            key = metric.key
            sample = (
                of_service.get(key)
                if metric.dimension == "service"
                else samples.sample_of(run, key)
            )
            if sample is None:
                continue
            of_value = metric.dimension == "service"
            found[key] = samples.value_of(sample) if of_value else samples.statistics(sample)
            if len(runs) == 1:
                kept[key] = sample
        found |= {key: {VALUE: value} for key, value in samples.totals_of(run).items()}
        notes += _add_stated(run, found)
        stats.append(found)
    return _Side(runs, stats, kept, notes)


def _add_stated(run: Run, found: Stats) -> list[Note]:
    """Where a source keeps no rows to compute a metric from, it is taken at its word."""
    added: Stats = {}
    for (key, statistic), value in run.stated.items():
        if key not in found and math.isfinite(value):
            added.setdefault(key, {})[statistic] = value
    found |= added
    if not added or run.requests is None:
        return []
    names = ", ".join(BY_KEY[key].name if key in BY_KEY else key for key in added)
    return [Note("info", run.name, f"taken from the source's own summary: {names}")]


def _metrics(sides: Sequence[_Side]) -> list[Metric]:
    """Ours, and what only the summaries of the sources know."""
    known = {key for side in sides for stats in side.stats for key in stats}
    foreign = sorted(key for key in known if key not in BY_KEY)
    return METRICS + [
        Metric(key, key.partition("/")[0], key.partition("/")[2], key.partition("/")[2], "", "")
        for key in foreign
    ]


def _values(side: _Side, key: str, statistic: str) -> list[float]:
    found = (stats.get(key, {}).get(statistic, math.nan) for stats in side.stats)
    return [value for value in found if math.isfinite(value)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _rows(
    metric: Metric,
    golden: _Side,
    other: _Side,
    tolerance: Mapping[str, float],
    same_work: bool,
) -> list[Row]:
    rows = []
    for statistic in statistics_of(metric):
        before, after = (_mean(_values(side, metric.key, statistic)) for side in (golden, other))
        if math.isfinite(before) or math.isfinite(after):
            change = change_of(metric, before, after)
            rows.append(Row(metric, statistic, before, after, change))
    intervals = _bootstrapped(metric, golden, other, same_work)
    return [
        _judged(
            row,
            _tolerance(metric, row.statistic, tolerance),
            intervals.get(row.statistic) or _of_runs(row, golden, other),
        )
        for row in rows
    ]


def _bootstrapped(
    metric: Metric, golden: _Side, other: _Side, same_work: bool
) -> dict[str, interval.Interval]:
    first, second = golden.samples.get(metric.key), other.samples.get(metric.key)
    if first is None or second is None:
        return {}
    relative = is_relative(metric)
    if metric.dimension == "service":
        found = interval.of_blocks(first, second, ["mean"], relative=relative, same_work=same_work)
        found = {VALUE: found["mean"]} if found else {}
    else:
        # Steps of two runs are not the same work, however equal the requests are.
        paired = same_work and metric.dimension == "request"
        found = interval.of_blocks(first, second, JUDGED, relative=relative, same_work=paired)
    if relative:
        return found
    return {name: interval.Interval(one.low / 100, one.high / 100) for name, one in found.items()}


def _of_runs(row: Row, golden: _Side, other: _Side) -> interval.Interval | None:
    sides = (_values(side, row.metric.key, row.statistic) for side in (golden, other))
    first, second = sides
    if not first or not second:
        return None
    relative = is_relative(row.metric)
    found = interval.of_runs(first, second, relative)
    if found is None or relative:
        return found
    return interval.Interval(found.low / 100, found.high / 100)


def _tolerance(metric: Metric, statistic: str, asked: Mapping[str, float]) -> float:
    if metric.key in asked:
        return asked[metric.key]
    if not is_relative(metric):
        return POINTS_TOLERANCE
    allowed = TOLERANCE.get(statistic, math.nan) * AMPLIFIED.get(metric.key, 1.0)
    return asked.get("", allowed)


def _judged(row: Row, tolerance: float, found: interval.Interval | None) -> Row:
    if row.statistic not in (*JUDGED, VALUE):
        return row
    if not (math.isfinite(row.golden) and math.isfinite(row.input)):
        if not row.metric.better:
            return row
        side = "golden" if math.isnan(row.golden) else "input"
        return replace(row, verdict="unclear", reason=f"{side} does not have it")
    verdict, reason = judge(row.metric, row.relative, found, tolerance)
    return replace(
        row,
        low=found.low if found else math.nan,
        high=found.high if found else math.nan,
        tolerance=tolerance if verdict else math.nan,
        verdict=verdict,
        reason=reason,
    )


def _one_sided(metric: Metric, golden: _Side, other: _Side) -> list[Note]:
    there = [any(metric.key in stats for stats in side.stats) for side in (golden, other)]
    if all(there):
        return []
    missing = "golden" if there[1] else "input"
    return [Note("warning", missing, f"has no {metric.name}; the other side has")]


def _same_work(golden: Sequence[Run], other: Sequence[Run]) -> bool:
    """Whether both sides, one run each, answered the same requests in the same order."""
    if len(golden) != 1 or len(other) != 1:
        return False
    first, second = golden[0].requests, other[0].requests
    if first is None or second is None or len(first) != len(second) or not len(first):
        return False
    for name in ("input_tokens", "output_tokens"):
        a, b = getattr(first, name), getattr(second, name)
        if not ((a == b) | ((a != a) & (b != b))).all():
            return False
    return True


def _workload_notes(
    rows: Sequence[Row], same_work: bool, golden: Sequence[Run], other: Sequence[Run]
) -> list[Note]:
    """Latencies of different work cannot be compared like for like."""
    notes = []
    for row in rows:
        if row.metric.key in ("request_count", "input_total", "output_total") and (
            abs(row.relative) > 1e-9
        ):
            message = f"{row.metric.name}: {row.input:.10g} against {row.golden:.10g} of golden"
            notes.append(Note("warning", "workload", f"the work differs: {message}"))
    if same_work:
        notes.append(Note("info", "workload", "both sides answered the same requests"))
    configs = [dict(run.config) for run in (*golden, *other)]
    keys = sorted({key for config in configs for key in config})
    for key in keys:
        values = {config[key] for config in configs if key in config}
        if len(values) > 1:
            message = f"{key} differs: {', '.join(sorted(values)[:5])}"
            notes.append(Note("warning", "settings", message))
    return notes
