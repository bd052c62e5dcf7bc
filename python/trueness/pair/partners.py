"""Whole operators brought together by name or structure; then their tensors meet by place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueness.model import Dump, Pair, TensorRef, Unmatched
from trueness.pair.groups import Meeting, leftovers, meet

Operators = Mapping[str, list[TensorRef]]
"""Tensors of one rank and token by operator, in the order of execution."""


@dataclass(frozen=True, slots=True)
class Partner:
    """The golden operator that belongs to one of mine, and how that is known."""

    golden: str
    how: str
    doubt: str = ""


Match = Callable[[Operators, Operators], Mapping[str, Partner]]
"""(golden, my) to partners by the name of my operator; no golden one twice."""

Why = Callable[[Operators, str], Callable[[str], str]]
"""(operators of the other side, what that side is called) to why the operator of this name, which
has no partner there, has none."""


def rows(
    golden: Dump, my: Dump, match: Match, why: Why, *, spread: bool = False
) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what golden has alone behind its rank and token. `spread` as for
    `meet`."""
    for met in meet(golden, my, spread=spread):
        if isinstance(met, Meeting):
            yield from _meeting(met, match, why)
        else:
            yield met
    yield from leftovers(golden, my)


def _meeting(met: Meeting, match: Match, why: Why) -> Iterator[Pair | Unmatched]:
    theirs, mine = _by_name(met.golden), _by_name(met.my)
    partners = match(theirs, mine)
    no_golden, no_my = why(theirs, "golden"), why(mine, "my")
    left = {name: {_place(ref): ref for ref in refs} for name, refs in theirs.items()}
    for ref in met.my:
        partner = partners.get(ref.op_name)
        if partner is None:
            yield Unmatched(None, ref, no_golden(ref.op_name))
            continue
        own = left[partner.golden].pop(_place(ref), None)
        if own is None:
            yield Unmatched(None, ref, f"golden {partner.golden} has no such tensor")
        else:
            doubt = "; ".join(filter(None, (partner.doubt, met.doubt)))
            yield Pair(own, ref, partner.how, doubt)
    owners = {partner.golden: name for name, partner in partners.items()}
    for name, places in left.items():
        for ref in places.values():
            owner = owners.get(name)
            reason = f"my {owner} has no such tensor" if owner else no_my(name)
            yield Unmatched(ref, None, reason)


def _place(ref: TensorRef) -> tuple[str, str, int, tuple[int, ...]]:
    return ref.io, ref.argument, ref.index, ref.nested


def _by_name(refs: Sequence[TensorRef]) -> dict[str, list[TensorRef]]:
    found: dict[str, list[TensorRef]] = {}
    for ref in refs:
        found.setdefault(ref.op_name, []).append(ref)
    return found
