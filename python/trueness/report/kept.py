"""Rows for the reports that cannot take any number of them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from trueness.model import Result
from trueness.report.summary import severity


class Kept:
    """Of all rows the `worst`, and of the rest every n-th, at most `thinned`; n, the `step`, grows
    with them."""

    def __init__(self, worst: int, thinned: int = 0) -> None:
        self._most = worst
        self._worst: list[tuple[tuple[int, float], int, Result]] = []
        self._thinned: list[tuple[int, Result]] = []
        self._most_thinned = thinned
        self.step = 1
        self.total = 0

    def add(self, result: Result) -> None:
        number = self.total
        self.total += 1
        entry = (_gravity(result), -number, result)
        if len(self._worst) < self._most:
            heapq.heappush(self._worst, entry)
            return
        _, number, result = heapq.heappushpop(self._worst, entry)
        if self._most_thinned and -number % self.step == 0:
            self._thinned.append((-number, result))
            if len(self._thinned) > self._most_thinned:
                self.step *= 2
                self._thinned = [kept for kept in self._thinned if kept[0] % self.step == 0]

    def rows(self) -> Sequence[tuple[int, Result]]:
        """The rows with their numbers, in execution order."""
        worst = [(-number, result) for _, number, result in self._worst]
        return sorted(worst + self._thinned, key=lambda row: row[0])


def _gravity(result: Result) -> tuple[int, float]:
    if result.passed is not False:
        return 0, severity(result) if result.metrics else 0.0
    return (2, severity(result)) if result.state.compared else (1, 0.0)
