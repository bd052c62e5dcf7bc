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
    """A golden folder and a doubt for each of mine that has one. Mine that are equally alike to
    everything are of one kind, such as the devices of one graph; a folder goes to the kind that it
    is most alike to, so that a lost file does not move it, and within a kind order decides."""
    kinds: dict[Hashable, list[Mine]] = {}
    for own in mine:
        kinds.setdefault(tuple(alike[own].items()), []).append(own)
    folders = dict.fromkeys(f for own in mine for f in alike[own] if f not in set(taken))
    won: dict[Hashable, list[Theirs]] = {kind: [] for kind in kinds}
    for folder in folders:
        best = max(kinds, key=lambda kind: alike[kinds[kind][0]].get(folder, 0))
        if alike[kinds[best][0]].get(folder, 0):
            won[best].append(folder)
    chosen: dict[Mine, tuple[Theirs, str]] = {}
    for kind, owners in kinds.items():
        # A single folder may serve all: golden ran on one device only.
        given = won[kind] * len(owners) if len(won[kind]) == 1 else won[kind]
        doubt = _doubt(len(won[kind]), len(owners))
        for own, folder in zip(owners, given, strict=False):
            scores = alike[own]
            other = "" if scores[folder] == max(scores.values()) else _OTHER.format(folder)
            chosen[own] = folder, doubt or other
    return chosen


_OTHER = "the golden folder most alike is that of another model; taken is {}"


def _doubt(folders: int, models: int) -> str:
    if folders <= 1 and models <= 1:
        return ""
    if folders == 1:
        return f"1 golden folder is alike for {models} of my models; it is taken for each"
    return (
        f"{folders} golden folders are alike for {models} of my models and no name tells them "
        "apart; taken in their order"
    )
