"""Inputs that are not what their producer wrote."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from trueness.diagnose.inputs import Reads, table
from trueness.diagnose.laws import rounding_of
from trueness.diagnose.surprise import Surprise
from trueness.diagnose.trace import ERROR, MY_L2, MY_MEAN, Trace

_SPREAD = 0.1
_LEAST = 1e-7
_LARGE = 1e3
_FACTOR = 8.0
"""Times the rounding of a result, or the largest error so far, that an input must be off by."""


def foreign_inputs(trace: Trace, reads: Reads, surprise: Surprise) -> dict[int, tuple[float, str]]:
    """Score and kind by operator. "overwritten": the input equals an earlier output on the golden
    side, and on my side it does not. "inputs differ": nothing that was dumped made the input, and
    it is farther from golden than anything before it, such as a wrong weight. An input whose
    operator has a right result was overwritten only after it was read: that is the dump's fault."""
    rows = table(trace)
    floors = np.frombuffer(trace.floors, np.float64)
    both = np.frombuffer(trace.rounded_both, np.bool_)
    # By operator, the largest error of any output before it.
    before = np.concatenate([[0.0], np.fmax.accumulate(np.nan_to_num(surprise.error))])
    found: dict[int, tuple[float, str]] = {}
    for at in np.flatnonzero(np.frombuffer(trace.is_input, np.bool_)[reads.row]).tolist():
        op, row, made = int(reads.op[at]), int(reads.row[at]), int(reads.made[at])
        error, floor = min(rows[row, ERROR], _LARGE), max(surprise.floor[op], _LEAST)
        if made >= 0:
            known, kind = rows[made, ERROR], "overwritten"
            same = np.array_equal(rows[row, [MY_L2, MY_MEAN]], rows[made, [MY_L2, MY_MEAN]])
            off = 0.0 if same else sqrt(abs(error**2 - min(known, _LARGE) ** 2))
            differs = off > _FACTOR * floor and surprise.error[op] > 3 * known
        else:
            largest = before[op : op + 1]
            known = float((largest + rounding_of(floors[row : row + 1], both[row], largest))[0])
            kind, differs = "inputs differ", error > _FACTOR * max(known, floor)
        if differs:
            score = log(error / max(known, floor)) / _SPREAD
            if score > found.get(op, (0.0, ""))[0]:
                found[op] = score, kind
    return found
