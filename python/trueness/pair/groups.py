"""Ranks and tokens of two dumps brought together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trueness.model import Dump, TensorRef, Unmatched

Key = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Meeting:
    """The tensors of one rank and token; `doubt` when they were not called the same."""

    golden: list[TensorRef]
    my: list[TensorRef]
    doubt: str = ""


def meet(golden: Dump, my: Dump) -> Iterator[Meeting | Unmatched]:
    """In the order of my dump, what golden has alone behind it. Where each side has a single group
    they meet whatever they are called, since somebody chose to compare them."""
    left, right = _groups(golden), _groups(my)
    if len(left) == len(right) == 1 and left.keys() != right.keys():
        ((key, refs),), ((own, mine),) = left.items(), right.items()
        yield Meeting(refs, mine, f"golden {_named(key)} against my {_named(own)}")
        return
    for key, refs in right.items():
        if key in left:
            yield Meeting(left[key], refs)
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


def _named(key: Key) -> str:
    parts = [f"{name} {n}" for name, n in zip(("rank", "token"), key, strict=True) if n is not None]
    return ", ".join(parts) or "the folder without rank and token"
