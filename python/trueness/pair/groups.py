"""Ranks and tokens of two dumps brought together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trueness.model import Dump, TensorRef, Unmatched

Key = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """The tensors of one rank and token; `doubt` when they were not called the same."""

    golden: list[TensorRef]
    my: list[TensorRef]
    doubt: str = ""


def meet(golden: Dump, my: Dump, *, spread: bool = False) -> Iterator[Meeting | Unmatched]:
    """In the order of my dump, what golden has alone behind it. Where each side has a single rank,
    or a single group, these meet whatever they are called: somebody chose to compare them. With
    `spread` ranks are cards that a tensor may be cut across: unless both sides have as many, a
    reference is to its parts on all of them."""
    left, right = _groups(golden), _groups(my)
    ranks = {key[0] for key in left}, {key[0] for key in right}
    doubt = ""
    counts = len(ranks[0]), len(ranks[1])
    if spread and all(counts) and counts[0] != counts[1]:
        left, right = _gathered(left), _gathered(right)
    elif counts == (1, 1) and ranks[0] != ranks[1]:
        ((theirs,), (mine,)) = ranks
        left = {(mine, token): refs for (_, token), refs in left.items()}
        if None not in (theirs, mine):
            doubt = f"golden rank {theirs} against my rank {mine}"
    if len(left) == len(right) == 1 and left.keys() != right.keys():
        ((key, refs),), ((own, others),) = left.items(), right.items()
        tokens = f"golden {_named((None, key[1]))} against my {_named((None, own[1]))}"
        yield Meeting(refs, others, "; ".join(filter(None, (doubt, tokens))))
        return
    for key, refs in right.items():
        if key in left:
            yield Meeting(left[key], refs, doubt)
        else:
            reason = f"{_named(key)} is not in the golden dump"
            yield from (Unmatched(None, ref, reason) for ref in refs)
    for key, refs in left.items():
        if key not in right:
            reason = f"{_named(key)} is not in my dump"
            yield from (Unmatched(ref, None, reason) for ref in refs)


def leftovers(golden: Dump, my: Dump) -> Iterator[Unmatched]:
    """Files that take no part."""
    yield from (Unmatched(None, left.ref, left.reason, left.expected) for left in my.leftover)
    yield from (Unmatched(left.ref, None, left.reason, left.expected) for left in golden.leftover)


def _groups(dump: Dump) -> Mapping[Key, list[TensorRef]]:
    groups: dict[Key, list[TensorRef]] = {}
    for ref in dump.tensors:
        groups.setdefault((ref.rank, ref.token), []).append(ref)
    return groups


def _gathered(groups: Mapping[Key, list[TensorRef]]) -> dict[Key, list[TensorRef]]:
    """By token alone, in the order of the first card that has the tensor."""
    tokens: dict[Key, dict[object, list[TensorRef]]] = {}
    for (_, token), refs in sorted(groups.items(), key=lambda item: item[0][0] or 0):
        parts = tokens.setdefault((None, token), {})
        for ref in refs:
            place = ref.op_name, ref.io, ref.argument, ref.index, ref.nested
            parts.setdefault(place, []).append(ref)
    return {
        key: [
            replace(first, rank=None, device=None, shards=tuple(ref.path for ref in others))
            for first, *others in parts.values()
        ]
        for key, parts in tokens.items()
    }


def _named(key: Key) -> str:
    parts = [f"{name} {n}" for name, n in zip(("rank", "token"), key, strict=True) if n is not None]
    return ", ".join(parts) or "the folder without rank and token"
