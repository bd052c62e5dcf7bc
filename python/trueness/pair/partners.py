"""Whole operators brought together by name or structure; then their tensors meet by place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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

Made = Callable[[Operators, Operators], Mapping[str, Pair]]
"""(golden, my) to pairs that are made already, by the path of my tensor; a golden tensor may be in
several of them."""

Why = Callable[[Operators, str], Callable[[str], str]]
"""(operators of the other side, what that side is called) to why the operator of this name, which
has no partner there, has none."""


def rows(
    golden: Dump,
    my: Dump,
    match: Match,
    why: Why,
    *,
    spread: bool = False,
    made: Made | None = None,
) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what golden has alone behind its rank and token. `spread` as for
    `meet`; pairs of `made` come before those of `match`."""
    for met in meet(golden, my, spread=spread):
        if isinstance(met, Meeting):
            yield from _meeting(met, match, why, made)
        else:
            yield met
    yield from leftovers(golden, my)


def _meeting(met: Meeting, match: Match, why: Why, made: Made | None) -> Iterator[Pair | Unmatched]:
    theirs, mine = _by_name(met.golden), _by_name(met.my)
    partners = match(theirs, mine)
    pairs = made(theirs, mine) if made else {}
    used = {path for pair in pairs.values() for path in (pair.golden.path, *pair.golden.shards)}
    no_golden, no_my = why(theirs, "golden"), why(mine, "my")
    left = {name: {_place(ref): ref for ref in refs} for name, refs in theirs.items()}
    for ref in met.my:
        if ref.path in pairs:
            pair = pairs[ref.path]
            yield replace(pair, doubt="; ".join(filter(None, (pair.doubt, met.doubt))))
            continue
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
            if ref.path in used:
                continue
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
