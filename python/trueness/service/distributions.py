"""What reports draw: histograms, quantile curves, batch sizes and courses over time, of a size that
does not depend on the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trueness.service.catalogue import METRICS
from trueness.service.run import KINDS, Floats, Requests, Run
from trueness.service.samples import duration_of, sample_of

THINNED = (
    "reports hold medians and rates of 200 windows of time a run, and histograms of 60 bins, the "
    "last of which is the tail above the 99 % quantile; statistics are those of all values"
)
SIDES = ("input", "golden")
BINS = 60
WINDOWS = 200
LARGEST_SIZE = 100_000
QUANTILES = (*range(100), 99.5, 99.9, 100)


@dataclass(frozen=True)
class Bin:
    metric: str
    low: float
    high: float
    input_count: int
    golden_count: int


@dataclass(frozen=True)
class BatchSize:
    name: str
    batch_type: str
    batch_size: int
    input_count: int
    golden_count: int


@dataclass(frozen=True)
class Quantile:
    metric: str
    quantile: float
    input: float
    golden: float


@dataclass(frozen=True)
class Point:
    """`value` is a median or a rate over a window that ends `time` seconds after the start of the
    run, and stands for `count` requests or steps."""

    metric: str
    side: str
    run: int
    time: float
    value: float
    count: int


@dataclass(frozen=True)
class Distributions:
    bins: tuple[Bin, ...]
    quantiles: tuple[Quantile, ...]
    batch_sizes: tuple[BatchSize, ...]
    points: tuple[Point, ...]


def distributions_of(other: Sequence[Run], golden: Sequence[Run]) -> Distributions:
    bins: list[Bin] = []
    quantiles: list[Quantile] = []
    for metric in METRICS:
        if metric.dimension == "service":
            continue
        pair = _pooled(other, metric.key), _pooled(golden, metric.key)
        if len(pair[0]) or len(pair[1]):
            bins += _bins(metric.name, *pair)
            quantiles += _quantiles(metric.name, *pair)
    points = [
        point
        for side, runs in zip(SIDES, (other, golden), strict=True)
        for number, run in enumerate(runs)
        for point in _points(side, number, run)
    ]
    sizes = tuple(_batch_sizes(other, golden))
    return Distributions(tuple(bins), tuple(quantiles), sizes, tuple(points))


def _pooled(runs: Sequence[Run], key: str) -> Floats:
    found = [sample.values for run in runs if (sample := sample_of(run, key)) is not None]
    return found[0] if len(found) == 1 else np.concatenate([np.empty(0), *found])


def _bins(metric: str, other: Floats, golden: Floats) -> Iterator[Bin]:
    """Equal in width up to the 99 % quantile of both sides; one more holds the tail."""
    sides = [values for values in (other, golden) if len(values)]
    low = min(float(values.min()) for values in sides)
    top = max(float(values.max()) for values in sides)
    tail = max(float(np.percentile(values, 99)) for values in sides)
    edges = np.unique(np.append(np.linspace(low, tail, BINS), max(top, tail)))
    if len(edges) < 2:
        edges = np.array([low, low + 1])
    counts = [np.histogram(values, edges)[0].tolist() for values in (other, golden)]
    for place, (left, right) in enumerate(zip(*counts, strict=True)):
        yield Bin(metric, float(edges[place]), float(edges[place + 1]), left, right)


def _quantiles(metric: str, other: Floats, golden: Floats) -> Iterator[Quantile]:
    curves = [
        np.percentile(values, QUANTILES).tolist() if len(values) else [np.nan] * len(QUANTILES)
        for values in (other, golden)
    ]
    for share, left, right in zip(QUANTILES, *curves, strict=True):
        yield Quantile(metric, float(share), left, right)


def _batch_sizes(other: Sequence[Run], golden: Sequence[Run]) -> Iterator[BatchSize]:
    counts: dict[tuple[str, str, int], list[int]] = {}
    for side, runs in enumerate((other, golden)):
        for run in runs:
            for key, count in _sizes_of(run):
                counts.setdefault(key, [0, 0])[side] += count
    for (name, kind, size), (left, right) in sorted(counts.items()):
        yield BatchSize(name, kind, size, left, right)


def _sizes_of(run: Run) -> Iterator[tuple[tuple[str, str, int], int]]:
    steps = run.steps
    if steps is None:
        return
    size = np.nan_to_num(steps.size, nan=-1).clip(-1, LARGEST_SIZE).astype(np.int64)
    key = (steps.name * len(KINDS) + steps.kind) * (LARGEST_SIZE + 2) + size + 1
    for value, count in zip(*np.unique(key, return_counts=True), strict=True):
        which, place = divmod(int(value), LARGEST_SIZE + 2)
        name, kind = divmod(which, len(KINDS))
        yield (steps.names[name], KINDS[kind], place - 1), int(count)


def _points(side: str, number: int, run: Run) -> Iterator[Point]:
    """Courses over the time of one run, each window one point."""
    requests = run.requests
    if requests is not None and (duration := duration_of(requests)) is not None:
        began = float(np.nanmin(requests.start))
        yield from _rates(side, number, requests, began, duration)
        for metric in METRICS:
            if metric.key in ("ttft", "e2e", "queue_wait"):
                values = getattr(requests, metric.key)
                at = requests.start - began
                yield from _medians(metric.name, side, number, at, values, duration)
    if run.steps is not None and np.isfinite(run.steps.start).any():
        at = run.steps.start - np.nanmin(run.steps.start)
        kv_usage = np.where(run.steps.kv_usage > 0, run.steps.kv_usage, np.nan)
        length = float(np.nanmax(at)) or 1.0
        yield from _medians("kvcache_usage_rate", side, number, at, kv_usage, length)


def _rates(
    side: str, number: int, requests: Requests, began: float, duration: float
) -> Iterator[Point]:
    ends = requests.start + requests.e2e / 1e3 - began
    known = np.isfinite(ends) & np.isfinite(requests.output_tokens) & ~requests.failed
    width = duration / WINDOWS
    window = (ends[known] / width).astype(np.int64).clip(0, WINDOWS - 1)
    counts = np.bincount(window, minlength=WINDOWS)
    tokens = np.bincount(window, weights=requests.output_tokens[known], minlength=WINDOWS)
    for place in range(WINDOWS):
        rate = float(tokens[place] / width)
        time = (place + 1) * width
        name = "generate_token_speed (token/s)"
        yield Point(name, side, number, time, rate, int(counts[place]))


def _medians(
    metric: str, side: str, number: int, at: Floats, values: Floats, duration: float
) -> Iterator[Point]:
    known = np.isfinite(at) & np.isfinite(values)
    if not known.any():
        return
    width = duration / WINDOWS
    window = (at[known] / width).astype(np.int64).clip(0, WINDOWS - 1)
    order = np.argsort(window, kind="stable")
    places, first = np.unique(window[order], return_index=True)
    parts = np.split(values[known][order], first[1:])
    for place, part in zip(places.tolist(), parts, strict=True):
        value = float(np.median(part))
        yield Point(metric, side, number, (place + 1) * width, value, len(part))
