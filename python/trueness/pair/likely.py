"""Which folders of two dumps belong together, by what is in them, where names do not tell."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

Mine = TypeVar("Mine", bound=Hashable)
Theirs = TypeVar("Theirs", bound=Hashable)
Likeness = Mapping[Mine, Mapping[Theirs, float]]


def likeness(names: Collection[str], others: Collection[str]) -> float:
    """Share of the names that are on both sides: decode's are often all among prefill's."""
    return 2 * len(set(names) & set(others)) / max(1, len(names) + len(others))


def choose(
    mine: Sequence[Mine], alike: Likeness[Mine, Theirs], taken: Collection[Theirs]
) -> dict[Mine, tuple[Theirs, str]]:
    """A golden folder and a doubt for each of mine that has one. The most alike first, of equally
    alike ones the first to the first; one is shared only by those it is equally alike to."""
    offers = sorted(
        (-score, place, number)
        for place, own in enumerate(mine)
        for number, score in enumerate(alike[own].values())
        if score
    )
    chosen: dict[Mine, tuple[Theirs, str]] = {}
    used: dict[Theirs, float] = dict.fromkeys(taken, 0.0)
    for loss, place, number in offers:
        own = mine[place]
        folder = list(alike[own])[number]
        if own not in chosen and folder not in used:
            used[folder] = -loss
            chosen[own] = folder, _why(own, mine, folder, alike)
    for loss, place, number in offers:
        own = mine[place]
        folder = list(alike[own])[number]
        if own not in chosen and used[folder] == -loss:
            chosen[own] = folder, f"{folder} is also compared with another model"
    return chosen


def _why(own: Mine, mine: Sequence[Mine], folder: Theirs, alike: Likeness[Mine, Theirs]) -> str:
    score = alike[own][folder]
    folders = sum(other == score for other in alike[own].values())
    rivals = sum(alike[other].get(folder) == score for other in mine)
    if folders > 1 or rivals > 1:
        return (
            f"{folders} golden folders are alike for {rivals} of my models and no name tells them "
            "apart; taken in their order"
        )
    if score < max(alike[own].values()):
        return f"the golden folder most alike is that of another model; taken is {folder}"
    return ""
