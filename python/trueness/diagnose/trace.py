"""What one run of a model left behind: its operators in execution order, as columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf, nan, prod, sqrt
from struct import Struct

from trueness.diagnose.edges import GraphEdges, parts_of
from trueness.diagnose.noise import DEQUANTISES, STEP, rounding, steps_of_a_byte
from trueness.model import REFERENCE_ERROR, Result

COLUMNS = (
    "relative_euclidean_distance",
    "norm_ratio",
    "golden_l2norm",
    "my_l2norm",
    "golden_mean_value",
    "my_mean_value",
    "golden_max_value",
    "golden_min_value",
    "my_max_value",
    "my_min_value",
    "finite_count",
    "golden_nan_count",
    "golden_inf_count",
    "my_nan_count",
    "my_inf_count",
    "mean_absolute_error",
    REFERENCE_ERROR,
)
ERROR, RATIO, GOLDEN_L2, MY_L2, GOLDEN_MEAN, MY_MEAN, MAX, MIN, MY_MAX, MY_MIN, COUNT = range(11)
MEAN_ERROR, THIRD_ERROR = 15, 16
WIDTH = len(COLUMNS)
_bytes_of = Struct(f"{WIDTH}d").pack
MATERIAL = 1.25
"""Times the rounding of a result that an operator must add to it before it is worth a word."""
KEPT = 20_000
"""Operators of a run whose worst row is kept whole; beyond, only where it scores more than it
would in a clean run."""


class Trace:
    """`add` takes the rows of one rank and token in execution order. Columns of rows: `values` of
    COLUMNS, `op_of` the place of the operator, `is_input`, `floors` what rounding explains and
    whether golden was rounded as well (`rounded_both`); of operators: the rest. `kinds` are the
    types, of fused ones those of all parts. `odd` has NaN or Inf that golden has not, `nonfinite`
    those that did not read it. `loud`: some row is off by more than rounding. `lost` counts rows
    that do not pass and have no error to follow."""

    def __init__(self, graph: GraphEdges) -> None:
        self.graph = graph
        self.values = array("d")
        self.op_of = array("l")
        self.is_input = bytearray()
        self.names: list[str] = []
        self.types: list[str] = []
        self.kinds: list[str] = []
        self.parts: list[Sequence[str]] = []
        self.output_of: dict[tuple[str, int], int] = {}
        self.floors = array("d")
        self.rounded_both = bytearray()
        self.worst = array("l")
        self.nonfinite: list[int] = []
        self.odd: set[int] = set()
        self.kept: dict[int, Result] = {}
        self.timed = False
        self.failed = 0
        self.lost = 0
        self.loud = False
        self._has_edges = bool(graph)
        self._name: str | None = None
        self._place = -1
        self._output = False
        self._squares = 0.0
        self._inputs = 0
        self._finite = True
        self._error = self._error_before = nan

    def add(self, result: Result) -> float:
        """How many times more error the row has than its operator's inputs and rounding account
        for; NaN for inputs and what was not compared."""
        ref = result.my or result.golden
        picked = result.metrics.pick(COLUMNS)
        error = picked[ERROR]
        if error != error or picked[COUNT] != picked[COUNT]:
            picked = _from_statistics(picked, result.golden_shape)
            error = picked[ERROR]
        odd = picked[13] + picked[14] > picked[11] + picked[12]
        if error != error and odd:
            # Not one finite pair is left: nothing could be further off.
            picked = (inf, *picked[1:])
            error = inf
        if ref is None or error != error:
            self.lost += result.passed is False
            return nan
        is_input = ref.io == "input"
        if ref.op_name != self._name or (is_input and self._output):
            self._open(ref.op_name, ref.op_type, result.pairing)
        floor, both = rounding(result.golden_dtype, result.my_dtype)
        if floor == 0.0 and picked[GOLDEN_L2] > 0:
            floor = STEP * sqrt(max(picked[COUNT], 0.0)) / picked[GOLDEN_L2]
        if ref.op_type == DEQUANTISES:
            of_values = picked[MIN], picked[MAX], picked[COUNT], picked[GOLDEN_L2]
            floor = max(floor, steps_of_a_byte(*of_values))
        row = len(self.is_input)
        # A quarter of the time that `extend` takes.
        self.values.frombytes(_bytes_of(*picked))
        self.op_of.append(self._place)
        self.is_input.append(is_input)
        self.floors.append(floor)
        self.rounded_both.append(both)
        if error > MATERIAL * floor or odd:
            self.loud = True
        if is_input:
            self._inputs += 1
            self._finite = self._finite and not odd
            if error < inf:
                self._squares += error * error
            return nan
        self._output = True
        if result.passed is False:
            self.failed += 1
        if ref.order > 0:
            self.timed = True
        if self._has_edges:
            self.output_of[self.parts[-1][-1], ref.index] = row
        return self._score(result, row, error, odd)

    def _open(self, name: str, kind: str, pairing: str) -> None:
        self._name, self._output = name, False
        self._squares, self._inputs, self._finite = 0.0, 0, True
        self._error_before, self._error = self._error, nan
        self._place += 1
        self.names.append(name)
        self.types.append(kind)
        self.worst.append(-1)
        parts = parts_of(name, pairing)
        self.parts.append(parts)
        self.kinds.append(kind if len(parts) == 1 else "+".join(map(self.graph.type_of, parts)))

    def _score(self, result: Result, row: int, error: float, odd: bool) -> float:
        place = self._place
        if odd:
            inherited = not self._finite or (not self._inputs and self._reads_odd(place))
            self.odd.add(place)
            if inherited:
                return nan
            self.nonfinite.append(place)
            score = inf
        elif error == 0.0:
            score = 0.0
        else:
            squares = self._squares if self._inputs else self._of_producers()
            floor = self.floors[row]
            score = error / (sqrt(squares + floor * floor) or error)
        if not error <= self._error:
            self._error = error
            self.worst[place] = row
            if place < KEPT or score > 1.5:
                self.kept[place] = result
        return score

    def _of_producers(self) -> float:
        """Sum of the squares of the errors of the tensors that the graph says are inputs; without
        a graph of the worst output of the operator before."""
        if not self._has_edges:
            before = self._error_before
            return before * before if before < inf else 0.0
        rows = self.graph.rows(self.parts[-1], self.output_of)
        errors = (self.values[row * WIDTH + ERROR] for row in rows)
        return sum(error * error for error in errors if error < inf)

    def _reads_odd(self, place: int) -> bool:
        """By the graph; without one by the operator before."""
        if not self._has_edges:
            return place - 1 in self.odd
        rows = self.graph.rows(self.parts[place], self.output_of)
        return any(self.op_of[row] in self.odd for row in rows)


def _from_statistics(picked: tuple[float, ...], shape: Sequence[int] | None) -> tuple[float, ...]:
    """The row of a tensor of which statistics are all there is, or all that was asked for: the
    error is at least what extremes and mean are off by, relative to the largest value."""
    values = list(picked)
    if values[COUNT] != values[COUNT]:
        values[COUNT] = float(prod(shape)) if shape else 1.0
    if values[ERROR] != values[ERROR]:
        sides = ((MY_MEAN, GOLDEN_MEAN), (MY_MAX, MAX), (MY_MIN, MIN))
        off = [d for my, golden in sides if (d := abs(values[my] - values[golden])) == d]
        largest = max(abs(values[MAX]), abs(values[MIN]))
        if off and largest > 0:
            values[ERROR] = max(off) / largest
        elif off and max(off) == 0:
            values[ERROR] = 0.0
    return tuple(values)
