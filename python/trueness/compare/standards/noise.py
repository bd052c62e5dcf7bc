"""How much error rounding alone has left in a tensor, by where it is in the execution order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, sqrt

from trueness.model import Result, TensorRef

METRIC = "relative_euclidean_distance"
LowerPrecision = Callable[[str, str], str]


@dataclass(frozen=True)
class Noise:
    """Errors of independent roundings add up like a random walk: after i operators the relative
    Euclidean distance is near u sqrt(2 + i), u being the rounding error of the coarsest dtype that
    any row up to here has. `room` times that is let pass, but never more than `most`. Of tensors
    without a known place in the order nothing is said."""

    rounding: Mapping[str, float]
    room: float
    most: float

    def limit(self, rounding: float, operators: int) -> float:
        return min(self.most, self.room * rounding * sqrt(2 + operators))

    def follow(self, results: Iterator[Result], lower: LowerPrecision) -> Iterator[Result]:
        """Judges rows in execution order. What a row is judged by comes from rows before it only,
        so that it does not depend on where a comparison ends."""
        places: dict[tuple[object, ...], _Place] = {}
        for result in results:
            ref = result.my or result.golden
            if ref is None or not (ref.order and ref.op_name and ref.io and result.state.compared):
                yield result
                continue
            place = places.setdefault((ref.rank, ref.device, ref.token), _Place())
            yield self._judged(result, ref, place, lower)

    def _judged(
        self, result: Result, ref: TensorRef, place: _Place, lower: LowerPrecision
    ) -> Result:
        dtype = lower(result.golden_dtype, result.my_dtype)
        place.enter(ref.op_name)
        place.rounding = max(place.rounding, self.rounding.get(dtype, 0.0))
        distance = result.metrics.get(METRIC, inf)
        first, _, note = result.reason.partition("; ")
        by_distance = result.passed or first.startswith(METRIC)
        if dtype not in FLOATS or not place.rounding or not by_distance or distance == inf:
            return result
        limit = self.limit(place.rounding, place.operators)
        if result.passed:
            note = result.reason
        if distance <= limit:
            return result if result.passed else replace(result, passed=True, reason=note)
        why = f"{METRIC} {distance:.6g} > {limit:.6g} (rounding after {place.operators} operators)"
        return replace(result, passed=False, reason="; ".join(filter(None, (why, note))))


FLOATS = frozenset(
    ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "hifloat8")
)


@dataclass
class _Place:
    """Where in the order of one rank, device and token the rows are."""

    operators: int = 0
    rounding: float = 0.0
    _op_name: str = ""

    def enter(self, op_name: str) -> None:
        if op_name != self._op_name:
            self.operators += bool(self._op_name)
            self._op_name = op_name
