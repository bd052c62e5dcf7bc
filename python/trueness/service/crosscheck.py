"""Our numbers beside those the source states of itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trueness.service.catalogue import BY_KEY, VALUE
from trueness.service.run import Note, Run
from trueness.service.samples import (
    sample_of,
    service_samples,
    statistics,
    totals_of,
    value_of,
)

CLOSE = 2e-3
WHOLE_MS = 1.0
WHY = {
    "prefill_size": "the source counts different sets of requests, not steps",
    "decode_size": "the source counts different sets of requests, not steps",
    "ttft": "without queue events the source's summary leaves the time in the queue out",
    "queue_wait": "without queue events the source states 0",
}


@dataclass(frozen=True)
class Check:
    """`agrees` within 0.2 %, or one millisecond where the source keeps whole ones."""

    side: str
    run: str
    metric: str
    statistic: str
    stated: float
    ours: float
    agrees: bool
    reason: str


def checks_of(side: str, run: Run) -> Iterator[Check]:
    """One check for each number the source states and we compute too."""
    own: dict[str, dict[str, float]] = {}
    for (key, statistic), stated in run.stated.items():
        if key not in BY_KEY or run.requests is None:
            continue
        if key not in own:
            own[key] = _own(run, key)
        ours = own[key].get(statistic, math.nan)
        if not math.isfinite(ours):
            continue
        agrees = math.isclose(stated, ours, rel_tol=CLOSE, abs_tol=_slack(run, key))
        reason = "" if agrees else WHY.get(key, "computed from other rows, or in another way")
        yield Check(side, run.name, BY_KEY[key].name, statistic, stated, ours, agrees, reason)


def disagreements(checks: Sequence[Check]) -> Iterator[Note]:
    """One note for each metric of a run whose mean or value the source states otherwise."""
    for check in checks:
        if not check.agrees and check.statistic in ("mean", VALUE):
            message = (
                f"its own summary says {check.stated:.6g} for {check.metric}, its rows "
                f"{check.ours:.6g}: {check.reason}"
            )
            yield Note("warning", check.run, message)


def _slack(run: Run, key: str) -> float:
    return WHOLE_MS if run.truncated_e2e and key in ("e2e", "tpot") else 1e-4


def _own(run: Run, key: str) -> dict[str, float]:
    if BY_KEY[key].dimension == "service":
        totals = totals_of(run)
        if key in totals:
            return {VALUE: totals[key]}
        sample = service_samples(run, {}).get(key)
        return {} if sample is None else value_of(sample)
    sample = sample_of(run, key)
    return {} if sample is None else statistics(sample)
