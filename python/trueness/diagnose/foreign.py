"""Inputs that are not what their producer wrote."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from trueness.diagnose.inputs import Reads, table
from trueness.diagnose.laws import rounding_of
from trueness.diagnose.surprise import Surprise
from trueness.diagnose.trace import ERROR, MY_L2, MY_MEAN, Trace

_SPREAD = 0.1
_FACTOR = 8.0
"""Times the rounding of a result, or the largest error so far, that an input must be off by."""


def foreign_inputs(trace: Trace, reads: Reads, surprise: Surprise) -> dict[int, tuple[float, str]]:
    """Score and kind by operator. "overwritten": the input equals an earlier output on the golden
    side, and on my side it does not. "inputs differ": nothing that was dumped made the input, and
    it is farther from golden than anything before it, such as a wrong weight. An input whose
    operator has a right result was overwritten only after it was read: that is the dump's fault."""
    rows = table(trace)
    worst = np.frombuffer(trace.worst, np.dtype("l"))
    floors = np.frombuffer(trace.floors, np.float64)
    both = np.frombuffer(trace.rounded_both, np.bool_)
    found: dict[int, tuple[float, str]] = {}
    largest, seen = 0.0, -1
    for at in np.argsort(reads.op, kind="stable").tolist():
        op, row, producer = int(reads.op[at]), int(reads.row[at]), int(reads.producer[at])
        if seen < op:
            before = surprise.error[max(seen, 0) : op]
            largest, seen = max(largest, np.nanmax(before, initial=0.0)), op
        if not trace.is_input[row]:
            continue
        error, floor = rows[row, ERROR], surprise.floor[op]
        if producer >= 0:
            made = int(worst[producer])
            same = np.array_equal(rows[row, [MY_L2, MY_MEAN]], rows[made, [MY_L2, MY_MEAN]])
            known, kind = rows[made, ERROR], "overwritten"
            differs = not same and sqrt(abs(error**2 - known**2)) > _FACTOR * max(floor, 1e-7)
            differs = differs and surprise.error[op] > 3 * known
        else:
            known, kind = (
                largest + float(rounding_of(floors[row], both[row], largest)),
                "inputs differ",
            )
            differs = error > _FACTOR * max(known, floor)
        if differs:
            score = log(error / max(known, floor, 1e-7)) / _SPREAD
            if score > found.get(op, (0.0, ""))[0]:
                found[op] = score, kind
    return found
