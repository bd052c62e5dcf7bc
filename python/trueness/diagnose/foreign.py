"""Inputs that are not what their producer wrote."""

from __future__ import annotations

from math import inf, log

import numpy as np

from trueness.diagnose.inputs import Floats, Ints, Reads, table
from trueness.diagnose.laws import Bools, rounding_of
from trueness.diagnose.surprise import Surprise
from trueness.diagnose.trace import ERROR, MY_L2, MY_MEAN, Trace

_SPREAD = 0.1
_LEAST = 1e-7
_PEERS = 3
_LARGE = 1e3
_TURNED = 1.5
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
    entries = np.flatnonzero(np.frombuffer(trace.is_input, np.bool_)[reads.row])
    op, row, made = reads.op[entries], reads.row[entries], reads.made[entries]
    error = np.minimum(np.nan_to_num(rows[row, ERROR]), _LARGE)
    floor = np.maximum(surprise.floor[op], _LEAST)
    # Of each operator, the largest error of any output before it.
    before = np.concatenate([[0.0], np.fmax.accumulate(np.nan_to_num(surprise.error))])[op]
    before = before + rounding_of(floors[row], both[row], before)
    # Behind a choice that fell otherwise, what was not dumped may be off by any amount.
    jumped = surprise.jumped
    turned = jumped[surprise.error[jumped] > _TURNED * surprise.inherited[jumped]]
    before = np.where(op > turned.min(initial=len(trace.names)), inf, before)
    before = np.where(_always_equal(trace, op, row, error, made), 0.0, before)
    known = np.where(made >= 0, np.minimum(rows[made, ERROR], _LARGE), before)
    same = (rows[row][:, [MY_L2, MY_MEAN]] == rows[made][:, [MY_L2, MY_MEAN]]).all(axis=1)
    off = np.sqrt(np.abs(error**2 - known**2))
    overwritten = ~same & (off > _FACTOR * floor) & (surprise.error[op] > 3 * known)
    differs = np.where(made >= 0, overwritten, error > _FACTOR * np.maximum(known, floor))
    found: dict[int, tuple[float, str]] = {}
    for at in np.flatnonzero(differs).tolist():
        score = log(error[at] / max(known[at], floor[at])) / _SPREAD
        if score > found.get(int(op[at]), (0.0, ""))[0]:
            found[int(op[at])] = score, "overwritten" if made[at] >= 0 else "inputs differ"
    return found


def _always_equal(trace: Trace, op: Ints, row: Ints, error: Floats, made: Ints) -> Bools:
    """Whether an input that nothing made is in most operators of the type one that nothing made,
    and the same on both sides, as weights are."""
    first = np.full(len(trace.names), len(trace.is_input), np.int64)
    np.minimum.at(first, op, row)
    kinds = (trace.kinds[place] for place in op.tolist())
    places = list(zip(kinds, (row - first[op]).tolist(), strict=True))
    errors: dict[tuple[str, int], list[float]] = {}
    for place, off, source in zip(places, error.tolist(), made.tolist(), strict=True):
        errors.setdefault(place, []).append(off if source < 0 else inf)
    equal = {
        place: len(found) > _PEERS and sorted(found)[len(found) * 3 // 4] == 0.0
        for place, found in errors.items()
    }
    return np.array([equal.get(place, False) for place in places], np.bool_) & (made < 0)
