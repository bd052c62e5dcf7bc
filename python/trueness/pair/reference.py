"""A third dump beside two that are paired: its tensors found by the golden they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from trueness.model import Member, Pair, TensorRef, Unmatched

_Key = tuple[str, Member | None]


def with_reference(
    items: Iterable[Pair | Unmatched], reference: Iterable[Pair | Unmatched]
) -> Iterator[Pair | Unmatched]:
    """`items` with the partner that their golden has among `reference`, pairs of the same golden
    with the third dump; of several for one golden the first."""
    partners: dict[_Key, TensorRef] = {}
    for item in reference:
        if isinstance(item, Pair):
            partners.setdefault(_key(item.golden), item.my)
    for item in items:
        if isinstance(item, Pair):
            item = replace(item, reference=partners.get(_key(item.golden)))
        yield item


def _key(golden: TensorRef) -> _Key:
    return golden.path, golden.member
