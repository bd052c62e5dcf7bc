"""Better, worse, same or unclear: a change counts when it is larger than the tolerance and its
interval leaves no doubt of its direction; it is the same when the whole interval is within."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trueness.service.catalogue import Metric
from trueness.service.interval import Interval

BETTER, WORSE, SAME, UNCLEAR = "better", "worse", "same", "unclear"
VERDICTS = (WORSE, UNCLEAR, BETTER, SAME)
NOT_JUDGED = ""


@dataclass(frozen=True)
class Row:
    """One statistic of one metric, on both sides. `relative`, `low`, `high` and `tolerance` are
    shares of golden (of 100 points where the metric is a percentage); NaN where undefined."""

    metric: Metric
    statistic: str
    golden: float
    input: float
    relative: float
    low: float = math.nan
    high: float = math.nan
    tolerance: float = math.nan
    verdict: str = NOT_JUDGED
    reason: str = ""

    @property
    def difference(self) -> float:
        return self.input - self.golden


def is_relative(metric: Metric) -> bool:
    """A percentage is compared by points: one failure more than none is no ratio."""
    return metric.unit != "%"


def change_of(metric: Metric, golden: float, other: float) -> float:
    if not is_relative(metric):
        return (other - golden) / 100
    if golden == other:
        return 0.0 if math.isfinite(golden) else math.nan
    return (other - golden) / abs(golden) if golden else math.nan


def judge(
    metric: Metric, change: float, interval: Interval | None, tolerance: float
) -> tuple[str, str]:
    """Verdict and reason for a change that is a share of golden."""
    if not metric.better:
        return NOT_JUDGED, "describes the work, not the server"
    if math.isnan(change):
        return UNCLEAR, "golden is 0, so there is no relative change"
    limit = f"{tolerance * 100:.3g} " + ("%" if is_relative(metric) else "points")
    if interval is None:
        beyond = "beyond" if abs(change) > tolerance else "within"
        return UNCLEAR, f"{beyond} {limit}, but there are too few requests or runs for an interval"
    sign = 1 if metric.better == "lower" else -1
    bad, low, high = sign * change, *sorted((sign * interval.low, sign * interval.high))
    if bad > tolerance and low > 0:
        return WORSE, f"more than {limit} worse, and surely worse"
    if bad < -tolerance and high < 0:
        return BETTER, f"more than {limit} better, and surely better"
    if low >= -tolerance and high <= tolerance:
        return SAME, f"surely within {limit}"
    if abs(bad) > tolerance:
        return UNCLEAR, f"beyond {limit}, but the interval reaches the other direction"
    return UNCLEAR, f"within {limit}, but the interval reaches beyond it"


def of_metric(rows: Iterable[Row]) -> tuple[str, str]:
    """The verdict over the statistics of one metric: the worst news counts. A tail without an
    interval says nothing beside a statistic that has one."""
    judged = [row for row in rows if row.verdict]
    judged = [row for row in judged if not math.isnan(row.low)] or judged
    for verdict in (WORSE, BETTER, UNCLEAR, SAME):
        having = [row for row in judged if row.verdict == verdict]
        if having:
            return verdict, "; ".join(f"{row.statistic}: {row.reason}" for row in having)
    return NOT_JUDGED, ""
