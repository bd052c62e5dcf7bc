"""How far the error of each operator is out of what its inputs, rounding and its peers explain."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trueness.diagnose.inputs import Floats, Ints, Reads, table
from trueness.diagnose.trace import COUNT, ERROR, GOLDEN_L2, GOLDEN_MEAN, MY_MEAN, RATIO, Trace

_SUM = re.compile(r"add|sub|residual|plus", re.IGNORECASE)
_SPREAD = 0.35
"""Of the logarithm of the amplification, for a type of which nothing is known."""
_LEAST = 0.04
_SHRINKS = -1.0
"""Less than this no type is believed to take from the error it inherits."""
_OTHER_ROLE = 0.1
"""What is added where peers do something else in the model."""
_FEW = 5
_RELATIVE, _ABSOLUTE, _BEHIND = 0, 1, 3
"""Places among the laws of `_predictions`."""
_NO_LAW = 1.5
"""A law that is off by more, as a logarithm, fits by accident."""
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
    the `rms` of the error, and `behind`, the larger of what it and its producers read."""

    relative: Floats
    absolute: Floats
    rms: Floats
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
    residuals = _residuals(ops, predictions)
    expected = np.full(len(ops.error), np.nan)
    by_error = np.full(len(ops.error), np.nan)
    noise = np.maximum(2 * ops.error / np.sqrt(np.maximum(ops.count, 1)), 1e-3 * ops.floor)
    drift, shift = _beyond(ops, inherited)
    by_norm, by_mean = np.abs(drift) / noise, np.abs(shift) / noise
    peers = np.zeros(len(ops.error), np.int64)
    for kind, members, peers_of in _groups(trace, reads, ops):
        which, centre, scale = _law(kind, residuals[:, peers_of])
        expected[members] = predictions[which, members] * np.exp(centre)
        if len(members) < _FEW:
            usual = predictions[_usual(kind), members]
            expected[members] = np.maximum(expected[members], usual)
            scale = float(np.hypot(scale, _OTHER_ROLE))
        by_error[members] = _residuals(ops, expected)[members] / scale
        peers[members] = len(peers_of) - 1
        if len(peers_of) >= _FEW:
            for values, score in ((drift, by_norm), (shift, by_mean)):
                spread = 1.4826 * np.median(np.abs(values[peers_of]))
                score[members] = np.abs(values[members]) / np.hypot(noise[members], spread)
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
        floor=np.frombuffer(trace.floors, np.float64),
        both=np.frombuffer(trace.rounded_both, np.bool_),
    )


def _logarithm(ratio: Floats) -> Floats:
    return np.log(np.clip(np.nan_to_num(ratio, nan=1.0), 1e-6, 1e6))


def _grown(trace: Trace, reads: Reads, ops: _Ops, inherited: _Inherited) -> Floats:
    """By how much the operators without a row have let the error of each read grow, as far as
    others of their type tell."""
    grown = np.ones(len(reads.op))
    kinds = np.array(trace.kinds)
    predicted = np.hypot(inherited.relative, _floor(ops.floor, ops.both, inherited.relative))
    error = table(trace)[reads.row, ERROR]
    for at, types in reads.through.items():
        for kind in types:
            known = (kinds == kind) & (ops.error > 0)
            if not known.any() or not error[at] > 0:
                continue
            growth = max(1.0, float(np.quantile(ops.error[known] / predicted[known], 0.75)))
            floor, both = np.median(ops.floor[known]), ops.both[known].mean() > 0.5
            before = grown[at] * error[at]
            grown[at] *= growth * np.hypot(before, _floor(floor, both, before)) / before
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
        rms=np.sqrt(total((error * rms) ** 2)),
        behind=behind,
        drift=total(np.abs(_logarithm(rows[:, RATIO]))),
        shift=total(np.abs(shift)),
    )


def _predictions(ops: _Ops, inherited: _Inherited) -> Floats:
    """What the error would be by several laws, a row each: what holds for an operator, its peers
    tell. The last is that of a copy, which does not round."""
    laws = [inherited.relative, inherited.absolute, inherited.rms, inherited.behind]
    found = [np.hypot(law, _floor(ops.floor, ops.both, law)) for law in laws]
    all_laws: Floats = np.array([*found, inherited.relative])
    least: Floats = 1e-3 * ops.floor + _TINY
    return np.maximum(all_laws, least)


def _residuals(ops: _Ops, predictions: Floats) -> Floats:
    """Logarithm of the error over what was predicted. What is well below the rounding of a result
    is all the same: half of it is added to both."""
    soft = 0.25 * ops.floor**2 + _TINY
    found: Floats = np.log((ops.error**2 + soft) / (predictions**2 + soft)) / 2
    return found


def _floor(floor: Floats, both: npt.NDArray[np.bool_], inherited: Floats) -> Floats:
    """What rounding adds. Where golden was rounded too only what falls to another side of a
    rounding boundary differs: of an error d far below a step q a share d / q moves by q, so that
    the square of the error is q d."""
    moved = 2.8 * floor * np.maximum(inherited, 1e-3 * floor)
    found: Floats = np.where(both, np.sqrt(np.minimum(moved, 2 * floor**2)), floor)
    return found


def _groups(trace: Trace, reads: Reads, ops: _Ops) -> Iterator[tuple[str, Ints, Ints]]:
    """Operators that should behave alike, and those they are held against: of one type whose
    inputs come from the same types, where these are enough, else all of one type. What is bit for
    bit equal tells nothing of how errors grow."""
    sources: defaultdict[int, set[str]] = defaultdict(set)
    wrong = table(trace)[reads.row, ERROR] > 0
    for op, producer in zip(reads.op[wrong].tolist(), reads.producer[wrong].tolist(), strict=True):
        sources[op].add(trace.kinds[producer] if producer >= 0 else _NOBODY)
    by_type: defaultdict[str, defaultdict[object, list[int]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for place in np.flatnonzero(ops.error > 0).tolist():
        role = frozenset(sources[place]) if place in sources else None
        by_type[trace.kinds[place]][role].append(place)
    for kind, roles in by_type.items():
        everyone = np.array([place for members in roles.values() for place in members])
        for members in roles.values():
            own = np.array(members)
            yield kind, own, own if len(own) >= _FEW else everyone


def _usual(kind: str) -> int:
    return _ABSOLUTE if _SUM.search(kind) else _RELATIVE


def _law(kind: str, residuals: Floats) -> tuple[int, float, float]:
    """The law that fits the peers best, and centre and spread of the logarithm of the error over
    what it says."""
    size = residuals.shape[1]
    if size < _FEW:
        return _ABSOLUTE if _SUM.search(kind) else _BEHIND, 0.0, _SPREAD * (1 + 1 / size)
    quarters = np.quantile(residuals, [0.25, 0.5, 0.75, 0.9], axis=1)
    spreads = np.maximum(quarters[2] - quarters[1], (quarters[1] - quarters[0]) / 2) / 0.6745
    if size >= 2 * _FEW:
        spreads = np.maximum(spreads, (quarters[3] - quarters[1]) / 1.2816)
    spreads[_usual(kind)] *= 0.8
    spreads[np.abs(quarters[1]) > _NO_LAW] += _NO_LAW
    which = int(np.argmin(spreads))
    spread = np.sqrt(spreads[which] ** 2 + 2 * (_SPREAD / size) ** 2 + _LEAST**2)
    centre = max(float(quarters[1, which]) * size / (size + 1), _SHRINKS)
    return which, centre, float(spread)


def _beyond(ops: _Ops, inherited: _Inherited) -> tuple[Floats, Floats]:
    """Norm ratio and mean beyond what those of the inputs allow. Operators that bend, such as an
    activation, may double a change of scale; noise adds its square to the norm."""
    allowed = 2 * inherited.drift * inherited.amplification + ops.error**2
    drift = np.sign(ops.drift) * np.maximum(np.abs(ops.drift) - allowed, 0)
    allowed = 2 * inherited.shift * inherited.amplification
    return drift, np.sign(ops.shift) * np.maximum(np.abs(ops.shift) - allowed, 0)
