"""What one run of a model left behind: its operators in execution order, as columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from heapq import heappush, heappushpop
from math import inf, nan, sqrt
from typing import NamedTuple

from trueness.diagnose.noise import rounding
from trueness.model import GraphOp, Result

KEPT = 200
"""Rows of a run that are kept whole, as what a finding may be about."""

_PICKED = (
    "relative_euclidean_distance",
    "golden_nan_count",
    "golden_inf_count",
    "my_nan_count",
    "my_inf_count",
)


class Suspect(NamedTuple):
    """An output row that may be where the error came in. `place` counts its run's operators."""

    score: float
    place: int
    inherited: float
    result: Result


class Trace:
    """`add` takes the rows of one rank and token in execution order."""

    def __init__(self, ops: Mapping[str, GraphOp]) -> None:
        self._ops = ops
        self.names: list[str] = []
        self.types: list[str] = []
        self.errors = array("d")
        self.suspects: list[tuple[float, int, Suspect]] = []
        self.noise = 0.0
        self.rows = 0
        self._place: dict[str, int] = {}
        self._name = ""
        self._inherited = 0.0
        self._inputs = 0
        self._finite = True

    def add(self, result: Result) -> float:
        """How many times more error the row has than its operator's inputs and rounding account
        for; NaN for inputs and what was not compared."""
        ref = result.my or result.golden
        error, *counts = result.metrics.pick(_PICKED)
        if ref is None or not result.state.compared or not counts:
            return nan
        odd = counts[2] + counts[3] > counts[0] + counts[1]
        if ref.op_name != self._name or (ref.io == "input" and self._inputs < 0):
            self._open(ref.op_name, ref.op_type)
        self.rows += 1
        if ref.io == "input":
            self._inputs += 1
            self._finite = self._finite and not odd
            if error == error:
                self._inherited = sqrt(self._inherited**2 + min(error, 1e150) ** 2)
            return nan
        return self._output(result, error, odd)

    def _open(self, name: str, kind: str) -> None:
        before = self.errors[-1] if self.errors else 0.0
        self._place[name] = len(self.names)
        self.names.append(name)
        self.types.append(kind)
        self.errors.append(0.0)
        self._name = name
        self._inherited, self._inputs, self._finite = 0.0, 0, before < inf
        op = self._ops.get(name)
        edges = op.inputs if op else ()
        known = [self._place[p] for edge in edges if (p := edge.rpartition(":")[0]) in self._place]
        errors = [self.errors[place] for place in known] if known else [before]
        self._from_producers = sqrt(sum(min(e, 1e150) ** 2 for e in errors))

    def _output(self, result: Result, error: float, odd: bool) -> float:
        place = len(self.names) - 1
        inherited = self._inherited if self._inputs else self._from_producers
        floor = rounding(result.golden_dtype, result.my_dtype)
        self.noise = max(self.noise, floor)
        if odd:
            score = inf if self._finite else nan
            error = inf
        elif error == error:
            score = error / (sqrt(inherited**2 + floor**2) or 1e-30) if error else 0.0
        else:
            return nan
        self.errors[place] = max(self.errors[place], error)
        if score == score:
            entry = score, -self.rows, Suspect(score, place, inherited, result)
            if len(self.suspects) < KEPT:
                heappush(self.suspects, entry)
            else:
                heappushpop(self.suspects, entry)
        return score
