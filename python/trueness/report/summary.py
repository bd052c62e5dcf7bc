"""What a comparison comes to: counts, the worst rows, the first that differs."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isnan

from trueness.model import REFERENCE_ERROR, STATISTICS_ONLY, Diagnosis, Result, State
from trueness.report.trend import Trend

KEPT = 1000
"""Rows kept of the worst and of those not compared; a report file has them all."""
_TREND = ("cosine_similarity", "relative_euclidean_distance")


@dataclass
class Summary:
    """`passed` + `failed` + `not_compared` + `not_needed` = `total`. `skipped` counts, by filter,
    what was left out as asked: files for rank and token, else rows. `with_reference` counts rows
    that a third dump stands beside. `recognised` says what each side was taken for."""

    standard: str = ""
    total: int = 0
    passed: int = 0
    failed: int = 0
    not_compared: int = 0
    not_needed: int = 0
    doubtful: int = 0
    statistics_only: int = 0
    with_reference: int = 0
    nbytes: int = 0
    states: Counter[str] = field(default_factory=Counter)
    skipped: Mapping[str, int] = field(default_factory=dict)
    first_failed: Result | None = None
    missing: list[Result] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    recognised: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    trend: Trend = field(default_factory=Trend)
    _worst: list[tuple[float, int, Result]] = field(default_factory=list)

    @classmethod
    def of(cls, results: Iterable[Result]) -> Summary:
        summary = cls()
        for result in results:
            summary.add(result)
        return summary

    def add(self, result: Result) -> None:
        self.total += 1
        self.standard = result.standard
        self.states[result.state._value_] += 1
        self.nbytes += result.nbytes
        cosine, distance = result.metrics.pick(_TREND)
        self.trend.add(cosine, distance)
        self.doubtful += "(doubtful: " in result.pairing
        self.statistics_only += result.reason.startswith(STATISTICS_ONLY)
        self.with_reference += result.metrics.get(REFERENCE_ERROR) is not None
        if result.passed is None:
            self.not_needed += 1
        elif result.passed:
            self.passed += 1
        elif result.state.compared:
            self._add_failed(result, inf if distance != distance else distance)
        else:
            self.not_compared += 1
            if len(self.missing) < KEPT:
                self.missing.append(result)

    def _add_failed(self, result: Result, severity: float) -> None:
        self.failed += 1
        self.first_failed = self.first_failed or result
        # Of equals the first stays: the negative count makes a later one the lesser.
        entry = (severity, -self.total, result)
        if len(self._worst) < KEPT:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)

    def worst(self, count: int) -> list[Result]:
        """The failed rows farthest from golden, the worst first."""
        return [entry[2] for entry in heapq.nlargest(count, self._worst)]

    @property
    def exit_code(self) -> int:
        """As diff: 0 all pairs pass, 1 something differs or could not be compared."""
        return 1 if self.failed or self.not_compared or not self.passed else 0

    @property
    def coverage(self) -> dict[str, int]:
        """What became of everything found, whether that was expected or not."""
        unmatched = [self.states[s.value] for s in (State.UNMATCHED_GOLDEN, State.UNMATCHED_MY)]
        beside = {"with_reference": self.with_reference} if "reference" in self.recognised else {}
        return {
            "pairs": self.total - sum(unmatched),
            **beside,
            "unmatched_golden": unmatched[0],
            "unmatched_my": unmatched[1],
            "not_dumped": self.states[State.NOT_DUMPED.value],
            "unreadable": self.states[State.UNREADABLE.value],
            "skipped_by_filter": sum(self.skipped.values()),
        }

    def as_dict(self) -> dict[str, object]:
        """Counts only, for machines."""
        return {
            "standard": self.standard,
            "total": self.total,
            "passed": self.passed,
            "failed": self.failed,
            "not_compared": self.not_compared,
            "not_needed": self.not_needed,
            "doubtful": self.doubtful,
            "statistics_only": self.statistics_only,
            "bytes": self.nbytes,
            "states": dict(self.states),
            "coverage": self.coverage,
            "skipped": dict(self.skipped),
            "exit_code": self.exit_code,
        }


def severity(result: Result) -> float:
    """The relative Euclidean distance; what has none is worse than anything."""
    distance = result.metrics.get("relative_euclidean_distance", inf)
    return inf if isnan(distance) else distance
