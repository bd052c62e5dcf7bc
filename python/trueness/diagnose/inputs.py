"""What each operator of a run read, as far as rows tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trueness.diagnose.trace import COUNT, GOLDEN_L2, GOLDEN_MEAN, MAX, MIN, MY_L2, WIDTH, Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reads:
    """One entry for each tensor that an operator reads: `op` is the place of the operator, `row`
    the row that tells of the tensor, `made` the row of the output that it is, -1 when not known,
    and `producer` the operator of that.
    `through` has the types of the operators without a row that lie between, by entry. `how` says
    where that is from."""

    op: Ints
    row: Ints
    made: Ints
    producer: Ints
    through: Mapping[int, frozenset[str]]
    how: str


def table(trace: Trace) -> Floats:
    """A view of the values, a row each."""
    return np.frombuffer(trace.values, np.float64).reshape(-1, WIDTH)


def reads_of(trace: Trace) -> Reads:
    """Inputs as they were dumped and the outputs they equal on the golden side; of operators that
    were dumped without inputs the outputs that the graph names, else the operator before."""
    op_of = np.frombuffer(trace.op_of, np.dtype("l")).astype(np.int64)
    is_input = np.frombuffer(trace.is_input, np.bool_)
    dumped = np.flatnonzero(is_input)
    equal = _by_fingerprint(trace, op_of) if len(dumped) else np.full(0, -1, np.int64)
    told, between = _told(trace, np.bincount(op_of[dumped], minlength=len(trace.names)))
    op = np.concatenate([op_of[dumped], told[:, 0]])
    row = np.concatenate([dumped, told[:, 1]])
    how = []
    if len(dumped):
        how.append("inputs as dumped, matched to the outputs they equal")
    if len(told):
        how.append("graph" if trace.graph else "the operator before in execution order")
    made = np.concatenate([equal, told[:, 1]])
    producer = np.where(made >= 0, op_of[made], -1)
    through = {len(dumped) + at: types for at, types in enumerate(between) if types}
    return Reads(op, row, made, producer, through, "; else ".join(how) or "none")


def _told(trace: Trace, dumped: Ints) -> tuple[Ints, list[frozenset[str]]]:
    """Operator and row of what operators without dumped inputs read, and what was looked
    through."""
    if not trace.graph:
        before = np.frombuffer(trace.worst, np.dtype("l"))[:-1]
        places = np.flatnonzero((dumped[1:] == 0) & (before >= 0))
        return np.stack([places + 1, before[places]], axis=1).astype(np.int64), []
    found: list[tuple[int, int]] = []
    between: list[frozenset[str]] = []
    for place, parts in enumerate(trace.parts):
        if dumped[place]:
            continue
        for row, through in trace.graph.rows(parts, trace.output_of).items():
            if trace.op_of[row] < place:
                found.append((place, row))
                between.append(through)
    return np.array(found, np.int64).reshape(-1, 2), between


def _by_fingerprint(trace: Trace, op_of: Ints) -> Ints:
    """Of each dumped input the last output of another operator with the same golden values: the
    statistics of two equal tensors are the same bits. Constant tensors are equal by accident."""
    rows = table(trace)
    keys = rows[:, [GOLDEN_L2, GOLDEN_MEAN, MAX, COUNT]].copy().view(np.void(32).dtype).ravel()
    telling = (rows[:, MAX] > rows[:, MIN]) & (rows[:, COUNT] > 1)
    last: defaultdict[bytes, list[int]] = defaultdict(list)
    found: list[int] = []
    same_my = rows[:, MY_L2]
    for row, is_input in enumerate(trace.is_input):
        key = keys[row].tobytes() if telling[row] else b""
        if not is_input:
            if key:
                last[key].append(row)
            continue
        made = [r for r in last.get(key, ()) if op_of[r] != op_of[row]]
        equal = [r for r in made if same_my[r] == same_my[row]]
        chosen = (equal or made)[-1:]
        found.append(chosen[0] if chosen else -1)
    return np.array(found, np.int64)
