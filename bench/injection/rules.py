"""What others use to name the operator that is wrong, and the plain rule that ours started from.
Each takes the rows and returns names of operators, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from trueness.diagnose.noise import rounding
from trueness.model import GraphOp, Result


@dataclass(frozen=True)
class Output:
    """An operator as a simple rule sees it. `inherited` is the root of the sum of squares of its
    inputs' relative L2."""

    name: str
    cosine: float
    error: float
    inherited: float
    noise: float


def outputs(rows: Sequence[Result], ops: Mapping[str, GraphOp]) -> list[Output]:
    """With the inputs as dumped, else of the producers that the graph knows, else of the operator
    before."""
    errors: dict[str, float] = {}
    found: list[Output] = []
    squares = 0.0
    for row in rows:
        assert row.my is not None
        error = row.metrics["relative_euclidean_distance"]
        if row.my.io == "input":
            squares += error**2
            continue
        name = row.my.op_name
        if not squares:
            op = ops.get(name)
            before = [errors[p] for e in (op.inputs if op else ()) if (p := e[:-2]) in errors]
            if op is None and found:
                before = [found[-1].error]
            squares = sum(e**2 for e in before)
        noise = rounding(row.golden_dtype, row.my_dtype)[0] or 2.0**-9
        cosine = row.metrics["cosine_similarity"]
        found.append(Output(name, cosine, error, sqrt(squares), noise))
        errors[name] = error
        squares = 0.0
    return found


Rule = Callable[[list[Output]], list[str]]


def _above(test: Callable[[Output], bool]) -> Rule:
    return lambda found: [out.name for out in found if test(out)]


def _most(score: Callable[[Output], float], least: float = 0.0) -> Rule:
    def names(found: list[Output]) -> list[str]:
        ranked = sorted((out for out in found if score(out) > least), key=score, reverse=True)
        return [out.name for out in ranked]

    return names


def _floored(out: Output) -> float:
    return out.error / sqrt(out.inherited**2 + out.noise**2)


RULES: Mapping[str, Rule] = {
    "first cosine < 0.99": _above(lambda out: out.cosine < 0.99),
    "first rel L2 > 8u": _above(lambda out: out.error > 8 * out.noise),
    "out / in": _most(lambda out: out.error / out.inherited if out.inherited else 0.0),
    "floored": _most(_floored),
    "floored > 1.58": _most(_floored, 1.58),
}
ALWAYS = ("out / in", "floored")
"""Rules that name an operator whatever they see, so that an alarm says nothing."""
