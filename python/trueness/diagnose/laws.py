"""How errors grow through an operator: several laws, and which of them its peers follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from trueness.diagnose.inputs import Floats, Ints

RELATIVE, ABSOLUTE, BEHIND, COPY = range(4)
FEW = 4
"""Peers from which on they are asked alone."""
_SOME = 8
_MANY = 16
"""From which on one more or less does not matter, so that an operator may be its own peer."""
_NO_GROWTH = re.compile(
    r"add|sub|residual|plus|relu|pool|clip|transpose|transdata|reshape|cast|concat|slice|split|"
    r"squeeze|gather|expand|identity|pad",
    re.IGNORECASE,
)
"""Types that add or move what they read: no absolute error grows in them."""
_CHOOSES = re.compile(
    r"top_?k|arg_?(max|min)|sort|gating|nonzero|unique|multinomial|one_?hot|equal|greater|less|sign|"
    r"bucket|nonmax|where|select",
    re.IGNORECASE,
)
"""Types that choose or compare: of two close calls rounding may turn one, and the result jumps."""
_PRIOR = 0.3
"""Spread of the logarithm of the growth, for a type of which nothing is known."""
_LEAST = 0.03
_OTHER_ROLE = 0.1
"""What is added where peers do something else in the model."""
_OFF = 0.5
"""What a law is off by beyond this, as a logarithm, speaks against it as three times the spread."""
_ALIKE = 2.0
"""Laws whose spreads differ by less fit equally well: an error has to be odd under all of them."""
_SHRINKS = -0.5
"""Less than this no type is believed to take from the error it inherits."""
_FARTHER = 0.2
"""What is added for each factor of e that more error comes in than peers have been seen with."""
_CANCELS = 0.25
"""What is added for each factor of e by which an operator makes less of its signal than peers do:
an error that is no part of the signal is then larger beside it."""
_SINGLE = 1.0
"""Square of the spread of an error that a single element carries: how it grows is chance, of many
it is the mean."""
_WIDEST = 0.7
"""However far peers differ, nothing is excused by more than this."""
_TINY = 1e-300

Bools = npt.NDArray[np.bool_]


@lru_cache(1024)
def jumps(kind: str) -> bool:
    """Whether any error of the inputs explains any error of the result."""
    return any(_CHOOSES.search(part) for part in kind.split("+"))


@lru_cache(1024)
def adds_nothing(kind: str) -> bool:
    """Whether no absolute error grows in the type."""
    return all(_NO_GROWTH.search(part) for part in kind.split("+"))


@dataclass(frozen=True)
class Fits:
    """Of each member under the law that explains its error best: the logarithm of what peers add to
    the law, and how far its error is out of that in robust standard deviations."""

    law: Ints
    centre: Floats
    score: Floats


@dataclass(frozen=True)
class Group:
    """Operators of one type, and those that they are held against."""

    kind: str
    members: Ints
    peers: Ints
    same_role: bool


def rounding_of(floor: Floats, both: Bools, inherited: Floats) -> Floats:
    """What rounding adds. Where golden was rounded too only what falls to another side of a
    rounding boundary differs: of an error d far below a step q a share d / q moves by q, so that
    the square of the error is q d."""
    moved = 2.8 * floor * np.maximum(inherited, 1e-3 * floor)
    found: Floats = np.where(both, np.sqrt(np.minimum(moved, 2 * floor**2)), floor)
    return found


def residuals(error: Floats, predictions: Floats, floor: Floats) -> Floats:
    """Logarithm of the error over what was predicted. What is well below the rounding of a result
    is all the same: half of it is added to both."""
    soft = 0.25 * floor**2 + _TINY
    found: Floats = np.log((error**2 + soft) / (predictions**2 + soft)) / 2
    return found


def fits(group: Group, values: Floats, levels: Floats, carriers: Floats) -> Fits:
    """Of all members. `values` has the residuals of the peers, a row a law, `levels` what they are
    predicted by the first law, and `carriers` by how many elements the errors they inherit are
    carried."""
    size = len(group.peers)
    quiet = adds_nothing(group.kind)
    own = np.flatnonzero(np.isin(group.peers, group.members))
    if size < 2:
        law = np.full(1, ABSOLUTE if quiet else BEHIND)
        return Fits(law, np.zeros(1), values[law, 0] / (2 * _PRIOR))
    if size >= _MANY:
        others, highest = values[:, None], np.quantile(levels, 0.9, keepdims=True)
    else:
        rest = np.array([[at for at in range(size) if at != out] for out in own.tolist()])
        others, highest = values[:, rest], levels[rest].max(axis=1)
    centres, spreads = _centre_and_spread(others)
    # An error has to be odd under every law that peers follow. In a type that is quiet only what
    # is beyond the absolute errors is odd, whatever peers do.
    factor = _ALIKE if size >= _MANY else 2 * _ALIKE
    alike = spreads <= factor * spreads.min(axis=0)
    if quiet:
        alike = np.arange(len(alike))[:, None] == ABSOLUTE
    away = values[:, own] - centres
    farther = _FARTHER * np.clip(np.log(levels[own] / highest), 0, 1.5)
    cancels = _CANCELS * np.clip(away[RELATIVE] - away[ABSOLUTE], 0, 1)
    role = 0.0 if group.same_role else _OTHER_ROLE
    more = farther**2 + cancels**2 + role**2 + _SINGLE / carriers[own]
    spreads = np.sqrt(np.minimum(spreads, _WIDEST) ** 2 + more)
    scores = np.where(alike, away / spreads, np.inf)
    law = np.argmin(scores, axis=0)
    at = np.arange(len(own))
    return Fits(law, np.broadcast_to(centres, scores.shape)[law, at], scores[law, at])


def _centre_and_spread(values: Floats) -> tuple[Floats, Floats]:
    """Over the last axis, of many operators as quantiles, of few as the largest deviation but
    one."""
    size = values.shape[-1]
    centres = np.median(values, axis=-1)
    if size >= _SOME:
        low, high, higher = np.quantile(values, [0.25, 0.75, 0.9], axis=-1)
        middle = np.maximum(high - centres, (centres - low) / 2) / 0.6745
        spreads = np.maximum(middle, (higher - centres) / 1.2816)
    else:
        away = np.sort(np.abs(values - centres[..., None]), axis=-1)
        spreads = away[..., -2] * 1.3 if size > FEW else away[..., -1]
    spreads = np.sqrt(spreads**2 + (_PRIOR / size) ** 2 + _LEAST**2)
    spreads += 3 * np.maximum(np.abs(centres) - _OFF, 0)
    return np.maximum(centres * size / (size + 1), _SHRINKS), spreads


def groups_of(kinds: Sequence[str], roles: Sequence[object], known: Ints) -> list[Group]:
    """What is known, by type and role in the model. Of roles that few have, all of the type are
    peers."""
    by_type: dict[str, dict[object, list[int]]] = {}
    for place in known.tolist():
        by_type.setdefault(kinds[place], {}).setdefault(roles[place], []).append(place)
    found = []
    for kind, members in by_type.items():
        everyone = [place for places in members.values() for place in places]
        for places in members.values():
            same_role = len(places) >= FEW
            peers = places if same_role else everyone
            found.append(Group(kind, np.array(places), np.array(sorted(peers)), same_role))
    return found
