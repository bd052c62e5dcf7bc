"""How far the error of each operator is out of what its inputs, rounding and its peers explain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from trueness.diagnose.change import Change, unlike_noise
from trueness.diagnose.inputs import Floats, Ints, Reads, table
from trueness.diagnose.laws import (
    FEW,
    RELATIVE,
    Bools,
    adds_nothing,
    fits,
    groups_of,
    jumps,
    residuals,
    rounding_of,
)
from trueness.diagnose.trace import (
    COUNT,
    ERROR,
    GOLDEN_L2,
    GOLDEN_MEAN,
    MEAN_ERROR,
    MY_MEAN,
    RATIO,
    THIRD_ERROR,
    Trace,
)

_NOBODY = ""
_TINY = 1e-300
_LARGE = 1e3
_TURNED = 3.0
"""Times what it inherits that the error of a choice is when it has fallen otherwise."""
_MIXED = 3 / 16
"""Of n errors that were mixed n to the power of 1 - 2 * this are independent in their mean."""
_ONE = 0.3
"""The least that one element that is chosen in place of another makes in the error, over the root
of the number of elements."""


@dataclass(frozen=True)
class Surprise:
    """By operator, NaN where there is nothing to judge. `expected` is the relative L2 error that
    inputs, rounding and peers explain, `inherited` what inputs alone do, `floor` what rounding
    does. `by_error`, `by_norm` and `by_mean` are in robust standard deviations; `drift` is the
    unexplained part of the logarithm of the norm ratio, `shift` that of the mean in units of the
    root mean square. `jumped` are choices that may have fallen otherwise, and what reads them;
    `third` is the error of a third implementation, where one was given."""

    error: Floats
    inherited: Floats
    expected: Floats
    floor: Floats
    by_error: Floats
    by_norm: Floats
    by_mean: Floats
    drift: Floats
    shift: Floats
    jumped: Ints
    third: Floats


@dataclass(frozen=True)
class _Ops:
    """The worst output of each operator. `third`: how far the third implementation is off there."""

    error: Floats
    norm: Floats
    count: Floats
    drift: Floats
    shift: Floats
    floor: Floats
    both: Bools
    carriers: Floats
    third: Floats


@dataclass(frozen=True)
class _Inherited:
    """What operators read: `relative` errors added, `absolute` ones over the norm of the output,
    and `behind`, the larger of what it and its producers read. `carriers`: how many elements carry
    the errors; `scale` and `offset` are what norm and mean of the output are predicted to be
    off, which holds for sure where the output `sums` up what is read. `third`: relative errors of
    what the third implementation reads."""

    relative: Floats
    absolute: Floats
    behind: Floats
    drift: Floats
    shift: Floats
    carriers: Floats
    scale: Floats
    offset: Floats
    sums: Bools
    third: Floats


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
    noise = np.maximum(ops.error / np.sqrt(ops.carriers), 1e-3 * ops.floor)
    roles = _roles(trace, reads)
    explained = _jumped(trace, reads, ops, inherited)
    # What is bit for bit equal tells nothing of how errors grow, and what jumped neither.
    telling = np.setdiff1d(np.flatnonzero(ops.error > 0), explained)
    groups = groups_of(trace.kinds, roles, telling)
    for group in groups:
        asked, members = group.peers, group.members
        found = fits(
            group, by_law[:, asked], predictions[RELATIVE, asked], inherited.carriers[asked]
        )
        expected[members] = predictions[found.law, members] * np.exp(found.centre)
        by_error[members] = found.score
    norm, mean = _changes(trace, reads, ops, inherited)
    drift, by_norm = unlike_noise(norm, noise, groups)
    # What mixes elements, as a product of matrices does, makes one error of many.
    mixed = np.where(mean.sums, noise, noise * ops.carriers**_MIXED)
    shift, by_mean = unlike_noise(mean, mixed, groups)
    expected[explained] = np.fmax(expected[explained], ops.error[explained])
    by_error[explained] = 0.0
    # What a choice moves sits in a few rows; an error that sits everywhere is none of it.
    everywhere = (ops.carriers > 0.5 * ops.count) & (ops.norm > 0)
    in_rows = explained[~everywhere[explained]]
    by_norm[in_rows] = by_mean[in_rows] = 0.0
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
        explained,
        ops.third,
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
        carriers=_carriers(out),
        third=np.minimum(out[:, THIRD_ERROR], _LARGE),
    )


def _carriers(rows: Floats) -> Floats:
    """How many elements carry the error, as the mean of its amount beside its root mean square
    tells: all of them if it is noise, a few if it sits in a row or in what was cut off."""
    count = np.maximum(np.nan_to_num(rows[:, COUNT], nan=1.0), 1)
    root = rows[:, ERROR] * rows[:, GOLDEN_L2] / np.sqrt(count)
    share = np.nan_to_num(np.pi / 2 * (rows[:, MEAN_ERROR] / root) ** 2, nan=1.0, posinf=1.0)
    found: Floats = np.clip(share * count, 1, count)
    return found


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
    squares = np.nan_to_num((error * norm) ** 2)
    absolute = np.sqrt(total(squares)) / np.maximum(ops.norm, _TINY)
    carriers = total(squares) / total(squares / _carriers(rows))
    scale, offset, sums = _handed_on(trace, reads, ops, norm)
    return _Inherited(
        relative=relative,
        absolute=np.where(np.isnan(absolute), relative, absolute),
        behind=behind,
        drift=total(np.abs(_logarithm(rows[:, RATIO]))),
        shift=total(np.abs(shift)),
        scale=scale,
        offset=offset,
        sums=sums,
        carriers=np.where(carriers >= 1, carriers, np.maximum(ops.count, 1)),
        third=np.sqrt(total(np.minimum(rows[:, THIRD_ERROR], _LARGE) ** 2)),
    )


def _handed_on(trace: Trace, reads: Reads, ops: _Ops, norm: Floats) -> tuple[Floats, Floats, Bools]:
    """What norm ratio, as a logarithm, and mean of the output should be off by where all that is
    read were added up or put together, and whether it is. `norm` is that of each read, spread over
    the output."""
    size = len(ops.error)
    rows = table(trace)[reads.row]

    def total(values: Floats) -> Floats:
        weights = np.nan_to_num(values)
        return np.bincount(reads.op, weights=weights, minlength=size).astype(np.float64)

    quiet = np.fromiter(map(adds_nothing, trace.kinds), np.bool_, len(trace.kinds))
    sums = quiet & _adds_up(reads, ops.norm, norm)
    # Of a sum the products of its parts belong to each of them alike; what only moves has one part.
    number = np.maximum(np.bincount(reads.op, minlength=size), 1)
    mixed = (ops.norm**2 - total(norm**2)) / number
    share = (norm**2 + mixed[reads.op]) / np.maximum(ops.norm[reads.op] ** 2, _TINY)
    together = (number > 1) & (total(rows[:, COUNT]) == ops.count)
    part = np.where(together[reads.op], rows[:, COUNT] / ops.count[reads.op], 1.0)
    root = ops.norm / np.sqrt(np.maximum(ops.count, 1))
    whole = sums[reads.op]
    weight = np.where(whole, np.clip(share, -2, 2), 1.0)
    moved = rows[:, MY_MEAN] - rows[:, GOLDEN_MEAN]
    own = rows[:, GOLDEN_L2] / np.sqrt(np.maximum(rows[:, COUNT], 1))
    offset = total(moved * part / np.maximum(np.where(whole, root[reads.op], own), _TINY))
    return total(_logarithm(rows[:, RATIO]) * weight), offset, sums


def _adds_up(reads: Reads, out: Floats, norm: Floats) -> Bools:
    """Whether the norms of what is read can make that of the output: what a graph does not tell of,
    such as a constant, is missing in them."""
    size = len(out)
    whole = np.bincount(reads.op, weights=np.nan_to_num(norm), minlength=size)
    largest = np.zeros(size)
    np.maximum.at(largest, reads.op, norm)
    found: Bools = (out <= 1.01 * whole) & (out >= 0.99 * (2 * largest - whole))
    found[reads.op[np.fromiter(reads.through, np.int64, len(reads.through))]] = False
    return found


def _jumped(trace: Trace, reads: Reads, ops: _Ops, inherited: _Inherited) -> Ints:
    """Choices that have fallen otherwise, and what reads them: there the error sits in the few rows
    of a choice, of which an operator may take any part. Of a choice without a row it is not known
    whether it did."""
    chosen = np.fromiter(map(jumps, trace.kinds), np.bool_, len(trace.kinds))
    chosen &= inherited.behind > 0
    usual = np.hypot(inherited.behind, rounding_of(ops.floor, ops.both, inherited.behind))
    turned = chosen & ~(ops.error <= np.minimum(_TURNED * usual, _ONE / np.sqrt(ops.count)))
    made = (reads.producer >= 0) & turned[reads.producer]
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
    # What the operator makes of the errors of a third implementation it makes of mine.
    grown = ops.third / np.hypot(inherited.third, ops.floor)
    told = grown * np.hypot(inherited.relative, ops.floor)
    by_law = np.where(np.isnan(told), by_law, told)
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


def _changes(trace: Trace, reads: Reads, ops: _Ops, inherited: _Inherited) -> tuple[Change, Change]:
    """Norm ratio, as a logarithm, and mean, with what those of the inputs allow. Operators that
    bend, such as an activation, may double a change of scale; noise adds its square to the norm."""
    grows = _amplification(trace, ops, inherited)
    guessed = np.zeros(len(ops.error), np.bool_)
    guessed[reads.op[np.fromiter(reads.through, np.int64, len(reads.through))]] = True
    noise = ops.error**2
    drift = np.sign(ops.drift) * np.maximum(np.abs(ops.drift) - noise, 0)
    return (
        Change(drift, inherited.scale, 2 * inherited.drift * grows, inherited.sums, guessed),
        Change(ops.shift, inherited.offset, 2 * inherited.shift * grows, inherited.sums, guessed),
    )


def _amplification(trace: Trace, ops: _Ops, inherited: _Inherited) -> Floats:
    """How much an operator makes of errors when what it adds cancels, beside others of its type,
    which may give a result another unit. No more than its own error has grown."""
    ratio = inherited.absolute / np.maximum(inherited.relative, _TINY)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place in np.flatnonzero(inherited.relative > 0).tolist():
        places[trace.kinds[place]].append(place)
    for kind, same in places.items():
        if len(same) > FEW and not adds_nothing(kind):
            ratio[same] /= np.median(ratio[same])
    grown = ops.error / np.maximum(inherited.relative, _TINY)
    found: Floats = np.clip(np.fmin(np.nan_to_num(ratio, nan=1.0), grown), 1.0, 100.0)
    return found
