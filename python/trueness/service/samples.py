"""A run as samples: for each metric its values in order, and what one value of the run it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trueness.service.catalogue import BY_KEY, VALUE
from trueness.service.run import (
    DECODE,
    EXECUTION,
    KINDS,
    MIXED,
    PREFILL,
    SCHEDULING,
    Bools,
    Floats,
    Ints,
    Requests,
    Run,
    Steps,
)

WINDOWS = 64
QUANTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}
Slo = Mapping[str, float]
"""Limits in ms by metric key: ttft, tpot, itl, e2e."""
SLO_KEYS = ("ttft", "tpot", "itl", "e2e")


@dataclass(frozen=True)
class Sample:
    """Finite `values`; `owner` says which of `owners` units in order of time (requests, steps,
    windows of time) each belongs to. Neighbours share a queue and are not independent."""

    values: Floats
    owner: Ints
    owners: int


def _finite(values: Floats, owner: Ints | None = None, owners: int | None = None) -> Sample | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    place = np.arange(len(values)) if owner is None else owner
    return Sample(values[known], place[known], len(values) if owners is None else owners)


def tpot_of(requests: Requests) -> Floats:
    """(E2E - TTFT) / (output tokens - 1) in ms, as vLLM defines it; NaN for fewer than 2 tokens."""
    rest = requests.output_tokens - 1
    return _ratio(requests.e2e - requests.ttft, rest)


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    out: Floats = np.full(len(below), np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def sample_of(run: Run, key: str) -> Sample | None:
    """The values of a metric of requests or batches, None where the run has none."""
    if BY_KEY[key].dimension == "batch":
        return _of_steps(run, key)
    requests = run.requests
    if key == "itl":
        if run.gaps is None or requests is None:
            return None
        return _finite(run.gaps.itl, run.gaps.request, len(requests))
    if requests is None:
        return None
    return _finite(tpot_of(requests) if key == "tpot" else getattr(requests, key))


def _of_steps(run: Run, key: str) -> Sample | None:
    if key == "kv_usage":
        return _finite(run.kv_usage)
    if run.steps is None:
        return None
    step = execution_of(run.steps)
    if key == "scheduled_tokens":
        return _finite(run.steps.tokens[step])
    kind, what = key.split("_")
    wanted = {"prefill": PREFILL, "decode": DECODE, "mixed": MIXED}[kind]
    step = step & (run.steps.kind == KINDS.index(wanted))
    return _finite((run.steps.size if what == "size" else run.steps.duration)[step])


def execution_of(steps: Steps) -> Bools:
    """The execution spans; the scheduling spans where there are no others."""
    return steps.of(steps.named(EXECUTION) or steps.named(SCHEDULING))


def service_samples(run: Run, slo: Slo) -> dict[str, Sample]:
    """What the service metrics are the means of: rates of windows of time, shares of requests."""
    requests = run.requests
    if requests is None or not len(requests):
        return {}
    found = {"error_rate": _finite(np.where(requests.failed, 100.0, 0.0))}
    duration = duration_of(requests)
    if duration is not None:
        good = within(run, slo) if slo else None
        amounts = {
            "output_rate": requests.output_tokens,
            "token_rate": requests.input_tokens + requests.output_tokens,
            "request_rate": np.ones(len(requests)),
        }
        if good is not None:
            amounts["goodput"] = good.astype(np.float64)
            found["slo_attainment"] = _finite(np.where(good, 100.0, 0.0))
        for key, amount in amounts.items():
            found[key] = _rate(requests, amount, duration)
    return {key: sample for key, sample in found.items() if sample is not None}


def duration_of(requests: Requests) -> float | None:
    """Seconds from the first arrival to the last end."""
    ends = requests.start + requests.e2e / 1e3
    if not np.isfinite(ends).any():
        return None
    duration = float(np.nanmax(ends) - np.nanmin(requests.start))
    return duration if duration > 0 else None


def _rate(requests: Requests, amount: Floats, duration: float) -> Sample | None:
    """Amount a second by windows of the end of requests; the mean is the total over the run."""
    ends = requests.start + requests.e2e / 1e3 - np.nanmin(requests.start)
    known = np.isfinite(ends) & np.isfinite(amount) & ~requests.failed
    if not known.any():
        return None
    window = np.minimum((ends[known] / duration * WINDOWS).astype(np.int64), WINDOWS - 1)
    total = np.bincount(np.maximum(window, 0), weights=amount[known], minlength=WINDOWS)
    return _finite(total / (duration / WINDOWS))


def within(run: Run, slo: Slo) -> Bools:
    """Which requests ended and keep every limit; an answer of one token has no TPOT to miss."""
    requests = run.requests
    assert requests is not None
    good = ~requests.failed
    for key, limit in slo.items():
        if key == "itl":
            values = _mean_gap(run, len(requests))
        else:
            values = tpot_of(requests) if key == "tpot" else getattr(requests, key)
        free = (requests.output_tokens <= 1) if key in ("tpot", "itl") else np.False_
        good = good & (free | (values <= limit))
    return good


def _mean_gap(run: Run, count: int) -> Floats:
    if run.gaps is None:
        return np.full(count, np.nan)
    gaps = np.bincount(run.gaps.request, minlength=count)
    total = np.bincount(run.gaps.request, weights=run.gaps.itl, minlength=count)
    return _ratio(np.asarray(total, np.float64), np.asarray(gaps, np.float64))


def totals_of(run: Run) -> dict[str, float]:
    """The service values that are no means of a sample."""
    requests = run.requests
    if requests is None:
        return {}
    ended = ~requests.failed
    found = {
        "input_total": float(np.nansum(requests.input_tokens[ended])),
        "output_total": float(np.nansum(requests.output_tokens[ended])),
        "request_count": float(len(requests)),
    }
    duration = duration_of(requests)
    if duration is not None:
        found["duration"] = duration
    return found


def statistics(sample: Sample) -> dict[str, float]:
    """mean, max, min, p50, p90, p99, p95 (linear between neighbours, as pandas does), the sample
    standard deviation, count."""
    values = sample.values
    quantiles = np.percentile(values, list(QUANTILES.values()))
    return {
        "mean": float(values.mean()),
        "max": float(values.max()),
        "min": float(values.min()),
        **dict(zip(QUANTILES, map(float, quantiles), strict=True)),
        "std": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
        "count": float(len(values)),
    }


def value_of(sample: Sample) -> dict[str, float]:
    return {VALUE: float(sample.values.mean())}
