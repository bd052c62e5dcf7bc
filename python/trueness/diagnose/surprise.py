"""How far the error of each operator is out of what its inputs, rounding and its peers explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trueness.diagnose.inputs import Floats, Ints, Reads, table
from trueness.diagnose.laws import FEW, RELATIVE, fits, groups_of, jumps, residuals, rounding_of
from trueness.diagnose.trace import COUNT, ERROR, GOLDEN_L2, GOLDEN_MEAN, MY_MEAN, RATIO, Trace

_NOBODY = ""
_TINY = 1e-300
_LARGE = 1e3


@dataclass(frozen=True)
class Surprise:
    """By operator, NaN where there is nothing to judge. `expected` is the relative L2 error that
    inputs, rounding and peers explain, `inherited` what inputs alone do, `floor` what rounding
    does. `by_error`, `by_norm` and `by_mean` are in robust standard deviations; `drift` is the
    unexplained part of the logarithm of the norm ratio, `shift` that of the mean in units of the
    root mean square. `peers` counts the operators it was held against."""

    error: Floats
    inherited: Floats
    expected: Floats
    floor: Floats
    by_error: Floats
    by_norm: Floats
    by_mean: Floats
    drift: Floats
    shift: Floats
    peers: Ints


@dataclass(frozen=True)
class _Ops:
    """The worst output of each operator."""

    error: Floats
    norm: Floats
    count: Floats
    drift: Floats
    shift: Floats
    floor: Floats
    both: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Inherited:
    """What operators read: `relative` errors added, `absolute` ones over the norm of the output,
    and `behind`, the larger of what it and its producers read."""

    relative: Floats
    absolute: Floats
    behind: Floats
    drift: Floats
    shift: Floats

    @property
    def amplification(self) -> Floats:
        """How much a sum makes of errors when what it adds cancels."""
        least = np.maximum(self.relative, _TINY)
        return np.clip(self.absolute / least, 1.0, 100.0)


def surprise_of(trace: Trace, reads: Reads) -> Surprise:
    ops = _ops(trace)
    inherited = _inherited(trace, reads, ops, np.ones(len(reads.op)))
    if reads.through:
        grown = _grown(trace, reads, ops, inherited)
        inherited = _inherited(trace, reads, ops, grown)
    predictions = _predictions(ops, inherited)
    by_law = residuals(ops.error, predictions, ops.floor)
    expected = np.full(len(ops.error), np.nan)
    by_error = np.full(len(ops.error), np.nan)
    noise = np.maximum(2 * ops.error / np.sqrt(np.maximum(ops.count, 1)), 1e-3 * ops.floor)
    drift, shift = _beyond(ops, inherited)
    by_norm, by_mean = np.abs(drift) / noise, np.abs(shift) / noise
    peers = np.zeros(len(ops.error), np.int64)
    roles = _roles(trace, reads)
    # What is bit for bit equal tells nothing of how errors grow.
    for group in groups_of(trace.kinds, roles, np.flatnonzero(ops.error > 0)):
        found = fits(group, by_law[:, group.peers], predictions[RELATIVE, group.peers])
        expected[group.members] = predictions[found.law, group.members] * np.exp(found.centre)
        by_error[group.members] = found.score
        peers[group.members] = len(group.peers) - 1
        if len(group.peers) > FEW:
            for values, score in ((drift, by_norm), (shift, by_mean)):
                spread = 1.4826 * np.median(np.abs(values[group.peers]))
                members = group.members
                score[members] = np.abs(values[members]) / np.hypot(noise[members], spread)
    explained = _jumped(trace, reads, inherited)
    expected[explained] = np.fmax(expected[explained], ops.error[explained])
    by_error[explained] = by_norm[explained] = by_mean[explained] = 0.0
    return Surprise(
        ops.error,
        inherited.relative,
        expected,
        ops.floor,
        by_error,
        by_norm,
        by_mean,
        drift,
        shift,
        peers,
    )


def _ops(trace: Trace) -> _Ops:
    worst = np.frombuffer(trace.worst, np.dtype("l"))
    out = np.where((worst >= 0)[:, None], table(trace)[np.maximum(worst, 0)], np.nan)
    norm = out[:, GOLDEN_L2]
    rms = norm / np.sqrt(np.maximum(out[:, COUNT], 1))
    return _Ops(
        error=np.minimum(out[:, ERROR], _LARGE),
        norm=norm,
        count=out[:, COUNT],
        drift=_logarithm(out[:, RATIO]),
        shift=np.nan_to_num((out[:, MY_MEAN] - out[:, GOLDEN_MEAN]) / np.maximum(rms, _TINY)),
        floor=np.frombuffer(trace.floors, np.float64)[np.maximum(worst, 0)],
        both=np.frombuffer(trace.rounded_both, np.bool_)[np.maximum(worst, 0)],
    )


def _logarithm(ratio: Floats) -> Floats:
    return np.log(np.clip(np.nan_to_num(ratio, nan=1.0), 1e-6, 1e6))


def _grown(trace: Trace, reads: Reads, ops: _Ops, inherited: _Inherited) -> Floats:
    """By how much the operators without a row have let the error of each read grow, as far as
    others of their type tell."""
    grown = np.ones(len(reads.op))
    kinds = np.array(trace.kinds)
    predicted = np.hypot(inherited.relative, rounding_of(ops.floor, ops.both, inherited.relative))
    error = table(trace)[reads.row, ERROR]
    for at, types in reads.through.items():
        # Sorted: the order of a set of names is another in each process, and so would the bits be.
        for kind in sorted(types):
            known = (kinds == kind) & (ops.error > 0)
            if not known.any() or not error[at] > 0:
                continue
            growth = max(1.0, float(np.quantile(ops.error[known] / predicted[known], 0.75)))
            floor, both = np.median(ops.floor[known]), ops.both[known].mean() > 0.5
            before = grown[at] * error[at]
            grown[at] *= growth * np.hypot(before, rounding_of(floor, both, before)) / before
    return np.minimum(grown, _LARGE)


def _inherited(trace: Trace, reads: Reads, ops: _Ops, grown: Floats) -> _Inherited:
    size = len(ops.error)
    rows = table(trace)[reads.row]

    def total(values: Floats) -> Floats:
        weights = np.nan_to_num(values)
        return np.bincount(reads.op, weights=weights, minlength=size).astype(np.float64)

    error = np.minimum(np.nan_to_num(rows[:, ERROR]) * grown, _LARGE)
    count = np.maximum(rows[:, COUNT], 1)
    spread = np.maximum(ops.count[reads.op] / count, 1)
    norm = rows[:, GOLDEN_L2] * np.sqrt(spread)
    # What comes through an operator without a row may have another unit.
    far = np.fromiter(reads.through, np.int64, len(reads.through))
    norm[far] = ops.norm[reads.op[far]]
    relative = np.sqrt(total(error**2))
    behind = relative.copy()
    known = reads.producer >= 0
    np.maximum.at(behind, reads.op[known], relative[reads.producer[known]])
    # Of an input that nobody is known to have made the operator before is the best guess.
    alone = np.unique(reads.op[~known & (error > 0) & (reads.op > 0)])
    behind[alone] = np.fmax(behind[alone], np.fmax(ops.error[alone - 1], relative[alone - 1]))
    rms = rows[:, GOLDEN_L2] / np.sqrt(count)
    shift = (rows[:, MY_MEAN] - rows[:, GOLDEN_MEAN]) / np.maximum(rms, _TINY)
    absolute = np.sqrt(total((error * norm) ** 2)) / np.maximum(ops.norm, _TINY)
    return _Inherited(
        relative=relative,
        absolute=np.where(np.isnan(absolute), relative, absolute),
        behind=behind,
        drift=total(np.abs(_logarithm(rows[:, RATIO]))),
        shift=total(np.abs(shift)),
    )


def _jumped(trace: Trace, reads: Reads, inherited: _Inherited) -> Ints:
    """Choices that may have fallen otherwise, and what reads them: there the error sits in the few
    rows of a choice, of which an operator may take any part."""
    chosen = np.fromiter(map(jumps, trace.kinds), np.bool_, len(trace.kinds))
    chosen &= inherited.behind > 0
    made = (reads.producer >= 0) & chosen[reads.producer]
    for at, types in reads.through.items():
        made[at] |= any(map(jumps, types))
    made &= table(trace)[reads.row, ERROR] > 0
    return np.union1d(np.flatnonzero(chosen), reads.op[made])


def _predictions(ops: _Ops, inherited: _Inherited) -> Floats:
    """What the error would be by each law: relative errors add, absolute ones do, what producers
    read still counts, and a copy adds nothing of its own."""
    laws = [inherited.relative, inherited.absolute, inherited.behind]
    found = [np.hypot(law, rounding_of(ops.floor, ops.both, law)) for law in laws]
    by_law: Floats = np.array([*found, inherited.relative])
    least: Floats = 1e-3 * ops.floor + _TINY
    return np.maximum(by_law, least)


def _roles(trace: Trace, reads: Reads) -> list[frozenset[str]]:
    """By operator, the types that its inputs come from, of those that carry an error."""
    joined: dict[tuple[frozenset[str], str], frozenset[str]] = {}
    roles: list[frozenset[str]] = [frozenset()] * len(trace.names)
    wrong = table(trace)[reads.row, ERROR] > 0
    for op, producer in zip(reads.op[wrong].tolist(), reads.producer[wrong].tolist(), strict=True):
        # Few are different: a set of its own for each operator would cost more than the rest.
        key = roles[op], trace.kinds[producer] if producer >= 0 else _NOBODY
        if key not in joined:
            joined[key] = key[0] | {key[1]}
        roles[op] = joined[key]
    return roles


def _beyond(ops: _Ops, inherited: _Inherited) -> tuple[Floats, Floats]:
    """Norm ratio and mean beyond what those of the inputs allow. Operators that bend, such as an
    activation, may double a change of scale; noise adds its square to the norm."""
    allowed = 2 * inherited.drift * inherited.amplification + ops.error**2
    drift = np.sign(ops.drift) * np.maximum(np.abs(ops.drift) - allowed, 0)
    allowed = 2 * inherited.shift * inherited.amplification
    return drift, np.sign(ops.shift) * np.maximum(np.abs(ops.shift) - allowed, 0)
