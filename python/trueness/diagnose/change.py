"""Norm and mean of a result that are off by more than noise does and inputs explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trueness.diagnose.inputs import Floats, Ints
from trueness.diagnose.laws import FEW, Bools, Group, adds_nothing

_ALONE = 4.0
"""Times the noise that an operator without peers may change; of errors that are not independent
more is left in a sum than of independent ones."""
_SOME = 3.0
_MANY = 16
_SUMS = 2.5
_FOLLOWED = 3.0
"""A prediction that peers are off from by no more times the noise is one that they follow."""
_HIGH = 1.5
"""Standard deviations that the largest of a few is expected at."""


@dataclass(frozen=True)
class Change:
    """By operator. `predicted` is what its inputs hand on, with sign, `allowed` what they explain
    at most. `sums`: the output adds up what is read, so that the prediction holds for sure;
    `guessed`: not all that is read is known."""

    found: Floats
    predicted: Floats
    allowed: Floats
    sums: Bools
    guessed: Bools

    def beyond(self) -> tuple[Floats, Floats]:
        """What the prediction and what the allowance leave unexplained. What does not sum up may
        turn the sign."""
        size = np.abs(self.found)
        strict = np.where(
            self.sums,
            self.found - self.predicted,
            np.sign(self.found) * np.maximum(size - np.abs(self.predicted), 0),
        )
        return strict, np.sign(self.found) * np.maximum(size - self.allowed, 0)


def unlike_noise(change: Change, noise: Floats, groups: Sequence[Group]) -> tuple[Floats, Floats]:
    """What is unexplained of each operator, and how many times what is usual: what peers show, or
    noise where there are few of them. The prediction counts for operators that sum up their inputs,
    and in types that do not where peers follow it."""
    strict, loose = change.beyond()
    sharp, blunt = np.abs(strict) / noise, np.abs(loose) / noise
    left = np.where(change.sums, strict, loose)
    score = np.where(change.sums, sharp / _SUMS, blunt / _ALONE)
    for group in groups:
        if len(group.peers) <= FEW:
            continue
        members, peers = group.members, group.peers
        if adds_nothing(group.kind):
            usual = _usual(sharp, members, peers[change.sums[peers]])
            followed = change.sums[members]
        else:
            usual = _usual(sharp, members, peers)
            followed = (usual <= _FOLLOWED) & ~change.guessed[members]
        left[members] = np.where(followed, strict[members], loose[members])
        usual = np.where(followed, usual, _usual(blunt, members, peers))
        times = np.where(followed, sharp[members], blunt[members])
        least = np.where(change.sums[members], _SUMS, _SOME)
        score[members] = times / np.maximum(usual, least)
    return left, score


def _usual(times: Floats, members: Ints, peers: Ints) -> Floats:
    """The standard deviation of the peers of each member, in units of the noise."""
    found = times[peers]
    if len(found) >= _MANY:
        return np.full(len(members), np.quantile(found, 0.9) / 1.2816)
    if len(found) < FEW:
        return np.full(len(members), _SUMS)
    second, first = np.sort(found)[-2:]
    own = np.isin(members, peers[found == first])
    usual: Floats = np.where(own, second, first) / _HIGH
    return usual
