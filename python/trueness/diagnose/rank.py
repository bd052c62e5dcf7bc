"""Which operators of a run the error came in by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, nan

import numpy as np

from trueness.diagnose.foreign import foreign_inputs
from trueness.diagnose.inputs import Floats, Ints, Reads, reads_of
from trueness.diagnose.surprise import Surprise, surprise_of
from trueness.diagnose.trace import MATERIAL, Trace
from trueness.model import Neighbour, Result

GATE = 4.3
"""Robust standard deviations that clean runs do not reach."""
KEPT = 12
LOOKED = 96
"""Operators that may be run again where no suspect is wrong by itself."""
_YIELDS = 0.6
_MOST = 15.0
_NEIGHBOURS = 8


@dataclass(frozen=True)
class Suspect:
    """An operator where values part; numbers as of Surprise. `weight` ranks it among the suspects
    of its run, after what it may inherit from them; `later` counts the operators behind it that
    are off by half as much or more; `third` is the error of a third implementation, NaN without."""

    kind: str
    name: str
    type: str
    score: float
    weight: float
    result: Result
    error: float
    inherited: float
    expected: float
    drift: float
    shift: float
    peers: int
    peer_error: float
    later: int
    producers: Sequence[Neighbour]
    consumers: Sequence[Neighbour]
    third: float = nan


@dataclass(frozen=True)
class Verdict:
    """What a run comes to, its suspects the likeliest first. `failed` counts outputs that fail the
    standard; where there are any, `faint` has operators that are too little out of what is usual
    to be suspect."""

    suspects: Sequence[Suspect]
    order: str
    edges: str
    noise: float
    failed: int
    faint: Sequence[Suspect] = ()


def judge(trace: Trace, looked: int = LOOKED) -> Verdict:
    """`looked`: as many operators are named as faint."""
    order_of = "dump timestamps" if trace.timed else "names"
    if not trace.loud:
        return Verdict((), order_of, "", max(trace.floors), trace.failed)
    reads = reads_of(trace)
    with np.errstate(all="ignore"):
        surprise = surprise_of(trace, reads)
        scores, faint = _scores(surprise)
        foreign = foreign_inputs(trace, reads, surprise)
    for place, (score, _) in foreign.items():
        scores[place] = max(scores[place], score)
    weights = _explained(scores, reads)
    order = [int(place) for place in np.argsort(-weights, kind="stable") if weights[place] > 0]
    nonfinite = dict.fromkeys(trace.nonfinite)
    found = [(inf, inf, "nonfinite", place) for place in nonfinite]
    for place in [place for place in order if place not in nonfinite][:KEPT]:
        kind = foreign[place][1] if place in foreign else "introduced"
        found.append((float(scores[place]), float(weights[place]), kind, place))
    alike = _by_type(trace)
    suspects = [
        _suspect(trace, reads, surprise, alike, *entry) for entry in found if entry[3] in trace.kept
    ]
    noise = np.nanmedian(surprise.expected) if np.isfinite(surprise.expected).any() else 0.0
    # What has no type cannot be run again.
    asked = (scores == 0) & (surprise.error > 0) & np.fromiter(map(bool, trace.types), np.bool_)
    nearest = np.lexsort((-np.nan_to_num(surprise.by_error), -faint, ~asked))
    likely = nearest[: min(looked, int(asked.sum())) if trace.failed else 0]
    less = [
        _suspect(trace, reads, surprise, alike, faint[place], faint[place], "faint", place)
        for place in likely.tolist()
        if place in trace.kept and place not in nonfinite
    ]
    return Verdict(suspects, order_of, reads.how, float(noise), trace.failed, less)


def _scores(surprise: Surprise) -> tuple[Floats, Floats]:
    """What is above the gate, from error, norm and mean together; and what there is of each
    operator at all."""
    added = np.sqrt(np.maximum(surprise.error**2 - surprise.expected**2, 0))
    least = MATERIAL * surprise.floor
    total = np.where(added > least, np.fmax(surprise.by_error, 0), 0) ** 2
    for change, score in (
        (surprise.drift, surprise.by_norm),
        (surprise.shift, surprise.by_mean),
    ):
        total += np.where(np.abs(change) > least, np.minimum(score, _MOST), 0) ** 2
    scores = np.sqrt(total)
    every = np.fmax(surprise.by_error, 0), surprise.by_norm, surprise.by_mean
    faint = np.sqrt(sum(np.minimum(np.nan_to_num(score), _MOST) ** 2 for score in every))
    # Of what there is nothing to hold it against little is known: it may as well be that.
    faint = np.where(np.isnan(surprise.by_error), np.hypot(faint, 1.0), faint)
    return np.nan_to_num(np.where(scores > GATE, scores, 0)), faint


def _explained(scores: Floats, reads: Reads) -> Floats:
    """Scores after what inherits from a suspect has given way to it: error that has a structure
    behaves unlike the noise of the peers also in the operators behind."""
    suspect = np.flatnonzero(scores)
    if not len(suspect):
        return scores
    first = int(suspect[0])
    ranked, behind = scores.tolist(), [0.0] * len(scores)
    known = np.flatnonzero((reads.producer >= 0) & (reads.op >= first))
    known = known[np.argsort(reads.op[known], kind="stable")]
    producers = reads.producer[known].tolist()
    starts = np.searchsorted(reads.op[known], np.arange(first, len(scores) + 1)).tolist()
    for place, (start, stop) in enumerate(pairwise(starts), first):
        score = ranked[place]
        before = 0.0
        for producer in producers[start:stop]:
            if behind[producer] > before:
                before = behind[producer]
        if before > _YIELDS * score:
            ranked[place] = score / 100
        behind[place] = max(before, score)
    return np.array(ranked)


def _by_type(trace: Trace) -> Mapping[str, Ints]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(trace.types):
        places[name].append(place)
    return {name: np.array(found) for name, found in places.items()}


def _suspect(
    trace: Trace,
    reads: Reads,
    surprise: Surprise,
    alike: Mapping[str, Ints],
    score: float,
    weight: float,
    kind: str,
    place: int,
) -> Suspect:
    error = float(surprise.error[place])
    same = alike[trace.types[place]]
    others = surprise.error[same[same != place]]
    others = others[np.isfinite(others)]
    return Suspect(
        kind,
        trace.names[place],
        trace.types[place],
        score,
        weight,
        trace.kept[place],
        error,
        float(surprise.inherited[place]),
        float(surprise.expected[place]),
        float(surprise.drift[place]) if surprise.by_norm[place] > GATE else 0.0,
        float(surprise.shift[place]) if surprise.by_mean[place] > GATE else 0.0,
        len(others),
        float(np.median(others)) if len(others) else 0.0,
        int((surprise.error[place + 1 :] > error / 2).sum()),
        _neighbours(trace, surprise, reads.producer[reads.op == place].tolist()),
        _neighbours(trace, surprise, reads.op[reads.producer == place].tolist()),
        float(surprise.third[place]),
    )


def _neighbours(trace: Trace, surprise: Surprise, places: Sequence[int]) -> Sequence[Neighbour]:
    known = dict.fromkeys(place for place in places if place >= 0)
    return tuple(
        Neighbour(trace.names[place], trace.types[place], float(surprise.error[place]))
        for place in list(known)[:_NEIGHBOURS]
    )
