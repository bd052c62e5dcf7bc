"""The course of a metric over any number of rows, in a bounded number of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, log10

POINTS = 2000
BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
PLAIN = ".:-=+*#@"


@dataclass(slots=True)
class Point:
    """Neighbouring rows: the number of the first, and the worst of each metric; what none of them
    has stays at inf and -inf."""

    row: int
    cosine: float = inf
    distance: float = -inf

    def add(self, cosine: float, distance: float) -> None:
        # A NaN is neither less nor greater, so it changes nothing.
        if cosine < self.cosine:
            self.cosine = cosine
        if distance > self.distance:
            self.distance = distance


@dataclass(slots=True)
class Trend:
    """Points of equally many rows each. When there are too many, neighbours become one."""

    points: list[Point] = field(default_factory=list)
    _rows: int = 0
    _rows_a_point: int = 1

    def add(self, cosine: float, distance: float) -> None:
        if self._rows % self._rows_a_point == 0:
            if len(self.points) == POINTS:
                self.points = merged(self.points, POINTS // 2)
                self._rows_a_point *= 2
            self.points.append(Point(self._rows))
        self.points[-1].add(cosine, distance)
        self._rows += 1


def merged(points: Sequence[Point], count: int) -> list[Point]:
    """At most `count` points, which keep the worst of what they stand for."""
    size = -(-len(points) // count) or 1
    found = []
    for start in range(0, len(points), size):
        point = Point(points[start].row)
        for part in points[start : start + size]:
            point.add(part.cosine, part.distance)
        found.append(point)
    return found


def sparkline(trend: Trend, width: int, bars: str) -> str:
    """The relative Euclidean distance on a logarithmic scale from 1e-8 to 1, a blank where nothing
    was compared."""
    return "".join(_bar(point.distance, bars) for point in merged(trend.points, width))


def _bar(distance: float, bars: str) -> str:
    if distance == -inf:
        return " "
    height = (log10(min(max(distance, 1e-8), 1.0)) + 8) / 8
    return bars[min(int(height * len(bars)), len(bars) - 1)]
