"""A third dump beside two that are paired: its tensors found by the golden they belong to."""

from __future__ import annotations

from collections import Counter
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


def same_names(golden: Iterable[TensorRef], other: Iterable[TensorRef]) -> Iterator[Pair]:
    """Tensors of two dumps of one layout that have all names and numbers in common; of several
    that do, the first belongs to the first."""
    partners = dict(_named(other))
    for name, ref in _named(golden):
        if name in partners:
            yield Pair(ref, partners[name], "same names")


def _named(refs: Iterable[TensorRef]) -> Iterator[tuple[tuple[object, ...], TensorRef]]:
    seen: Counter[tuple[object, ...]] = Counter()
    for ref in refs:
        place = ref.io, ref.index, ref.nested, ref.argument, ref.member
        name = ref.rank, ref.device, ref.graph, ref.token, ref.scope, ref.op_name, ref.label, *place
        yield (*name, seen[name]), ref
        seen[name] += 1


def _key(golden: TensorRef) -> _Key:
    return golden.path, golden.member
