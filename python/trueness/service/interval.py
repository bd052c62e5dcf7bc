"""How far a difference can be trusted: intervals of 99 % for the change from golden to input:
some forty are judged at once, and a false alarm in one of them is one.

One run a side: a block bootstrap. Requests share a queue and tokens share a step, so what is drawn
again is blocks of neighbours; quantiles of a draw come from histograms of the blocks, which makes
the cost linear in the size of the sample. Several runs: the runs are the samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trueness.service.run import Floats, Ints
from trueness.service.samples import QUANTILES, Sample

DRAWS = 200
SEED = 20_240_613
FEW = {1: 63.657, 2: 9.925, 3: 5.841}
LEAST_BLOCKS, MOST_BLOCKS, BLOCK = 8, 64, 100
BINS = 256
LEAST_IN_TAIL = 10
"""A quantile with fewer units beyond it is an extreme, of which a bootstrap knows nothing."""


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


def t_quantile(degrees: float) -> float:
    """The 99.5 % quantile of Student's t: exact below 4, else within 0.5 % (Cornish-Fisher)."""
    if degrees < 4:
        return FEW[max(1, int(degrees))]
    z, n = 2.575829, degrees
    a = (z**3 + z) / 4
    b = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    c = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    d = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + a / n + b / n**2 + c / n**3 + d / n**4


def of_runs(golden: Sequence[float], other: Sequence[float], relative: bool) -> Interval | None:
    """Welch's interval for the difference of two means of runs, as a share of golden's mean (or as
    it is); a single run borrows the spread of the other side. None without two runs anywhere."""
    sides = [np.asarray(golden, float), np.asarray(other, float)]
    counts = [len(side) for side in sides]
    if max(counts) < 2:
        return None
    means = [float(side.mean()) for side in sides]
    spreads = [float(side.var(ddof=1)) if len(side) > 1 else math.nan for side in sides]
    if math.isnan(spreads[0]) or math.isnan(spreads[1]):
        known = spreads[1] if math.isnan(spreads[0]) else spreads[0]
        error2 = known * (1 / counts[0] + 1 / counts[1])
        degrees = float(max(counts) - 1)
    else:
        parts = [spread / count for spread, count in zip(spreads, counts, strict=True)]
        error2 = sum(parts)
        below = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
        degrees = error2**2 / below if below > 0 else float(sum(counts) - 2)
    return _around(means[1] - means[0], math.sqrt(error2), degrees, means[0] if relative else 1.0)


def _around(middle: float, error: float, degrees: float, unit: float) -> Interval | None:
    if unit == 0 or not math.isfinite(unit):
        return None
    half = t_quantile(degrees) * error / abs(unit)
    return Interval(middle / unit - half, middle / unit + half)


def block_count(owners: int) -> int:
    """Blocks of at least 100 units, from 8 to 64 of them; 0 when there are too few units."""
    if owners < LEAST_BLOCKS:
        return 0
    return min(MOST_BLOCKS, max(LEAST_BLOCKS, owners // BLOCK))


def of_blocks(
    golden: Sample, other: Sample, statistics: Sequence[str], *, relative: bool, same_work: bool
) -> dict[str, Interval]:
    """An interval for each statistic (mean, p50 ...). `same_work`: both sides answered the same
    requests, so the same blocks are drawn on both. What has too few units has no interval."""
    blocks = [block_count(golden.owners), block_count(other.owners)]
    if min(blocks) == 0:
        return {}
    paired = same_work and golden.owners == other.owners
    random = np.random.default_rng(SEED)
    weights = [_draws(random, count) for count in blocks]
    if paired:
        weights[1] = weights[0]
    found = {}
    degrees = min(blocks) - 1
    for statistic in statistics:
        if min(golden.owners, other.owners) * _tail(statistic) < LEAST_IN_TAIL:
            continue
        drawn = [
            _drawn(sample, weight, statistic, edges)
            for sample, weight, edges in zip(
                (golden, other), weights, _edges(golden, other, statistic), strict=True
            )
        ]
        change = drawn[1] / drawn[0] - 1 if relative else drawn[1] - drawn[0]
        change = change[np.isfinite(change)]
        point = _point(golden, other, statistic, relative)
        if len(change) > DRAWS // 2 and math.isfinite(point):
            error = float(change.std()) * math.sqrt(min(blocks) / degrees)
            half = t_quantile(degrees) * error
            found[statistic] = Interval(point - half, point + half)
    return found


def _tail(statistic: str) -> float:
    """The smaller share that lies on one side of the statistic; of a mean all of it does."""
    share = QUANTILES.get(statistic, 0) / 100
    return min(share, 1 - share) if share else 1.0


def _draws(random: np.random.Generator, blocks: int) -> Floats:
    """How often each block is drawn, in each of DRAWS draws of as many blocks as there are."""
    return random.multinomial(blocks, np.full(blocks, 1 / blocks), size=DRAWS).astype(np.float64)


def _point(golden: Sample, other: Sample, statistic: str, relative: bool) -> float:
    first, second = (
        float(np.percentile(sample.values, QUANTILES[statistic]))
        if statistic in QUANTILES
        else float(sample.values.mean())
        for sample in (golden, other)
    )
    if not relative:
        return second - first
    return second / first - 1 if first else math.nan


def _edges(golden: Sample, other: Sample, statistic: str) -> tuple[Floats, Floats]:
    """Of bins about the wanted quantile of each sample, dense where the draws will fall."""
    if statistic not in QUANTILES:
        return np.empty(0), np.empty(0)
    share = QUANTILES[statistic] / 100
    reach = min(share, 1 - share)
    # In steps of the share that lies above or below, so that a tail gets as many bins as a middle.
    grid = np.concatenate(
        [[0], share + reach * np.linspace(-1, 1, BINS - 2, endpoint=True), [1]]
    ).clip(0, 1)
    first, second = (
        np.unique(np.quantile(sample.values, np.unique(grid))) for sample in (golden, other)
    )
    return first, second


def _drawn(sample: Sample, weights: Floats, statistic: str, edges: Floats) -> Floats:
    blocks = weights.shape[1]
    block = sample.owner * blocks // sample.owners
    count = np.bincount(block, minlength=blocks).astype(np.float64)
    if statistic not in QUANTILES:
        total = np.bincount(block, weights=sample.values, minlength=blocks)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ total) / (weights @ count), np.float64)
    if len(edges) < 2:
        return np.full(len(weights), edges[0] if len(edges) else np.nan)
    return _quantiles(sample.values, block, weights, edges, QUANTILES[statistic] / 100)


def _quantiles(values: Floats, block: Ints, weights: Floats, edges: Floats, share: float) -> Floats:
    bins = len(edges) - 1
    place = np.searchsorted(edges, values, side="left").clip(1, bins) - 1
    blocks = weights.shape[1]
    counts = np.bincount(block * bins + place, minlength=blocks * bins)
    # Not `@`: the threads of a BLAS cost more than this product when the machine is busy.
    drawn = np.einsum("ib,bj->ij", weights, counts.reshape(blocks, bins).astype(np.float64))
    below = np.cumsum(drawn, axis=1)
    rank = share * below[:, -1]
    at = (below < rank[:, None]).sum(axis=1).clip(0, bins - 1)
    row = np.arange(len(weights))
    inside = drawn[row, at]
    into = np.divide(
        rank - below[row, at] + inside, inside, out=np.zeros(len(row)), where=inside > 0
    )
    return np.asarray(edges[at] + into.clip(0, 1) * (edges[at + 1] - edges[at]), np.float64)
