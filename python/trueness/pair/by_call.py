"""Calls of the same name, `Functional.linear.3.forward`. The number counts the calls of one
function, so a call more on one side shifts all that follow: what called them helps then."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueness.model import Describe, Dump, Pair, TensorRef, Unmatched
from trueness.pair.groups import Meeting, leftovers, meet

_COUNT = re.compile(r"\.\d+(\.(?:forward|backward))?\Z")

Calls = Mapping[str, list[TensorRef]]


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my calls; what has no partner is a row. `describe` is not called."""
    for met in meet(golden, my):
        if isinstance(met, Meeting):
            yield from _calls(met)
        else:
            yield met
    yield from leftovers(golden, my)


@dataclass(frozen=True, slots=True)
class _Partner:
    golden: str
    how: str
    doubt: str = ""


def _calls(met: Meeting) -> Iterator[Pair | Unmatched]:
    golden, my = _by_op(met.golden), _by_op(met.my)
    partners = _partners(golden, my)
    taken = {partner.golden for partner in partners.values()}
    families = {_family(name) for name in golden}
    for name, refs in my.items():
        partner = partners.get(name)
        if partner is not None:
            doubt = "; ".join(filter(None, (partner.doubt, met.doubt)))
            yield from _tensors(golden[partner.golden], refs, partner.how, doubt)
        else:
            reason = _why(_family(name) in families, "golden")
            yield from (Unmatched(None, ref, reason) for ref in refs)
    own = {_family(name) for name in my}
    for name, refs in golden.items():
        if name not in taken:
            reason = _why(_family(name) in own, "my")
            yield from (Unmatched(ref, None, reason) for ref in refs)


def _why(called: bool, side: str) -> str:
    if called:
        return f"the {side} dump has other calls of this function, none of them clearly this one"
    return f"the {side} dump has nothing of this name"


def _partners(golden: Calls, my: Calls) -> dict[str, _Partner]:
    """By the name of my call."""
    found: dict[str, _Partner] = {}
    theirs, mine = _families(golden), _families(my)
    for family, names in mine.items():
        others = theirs.get(family, [])
        if len(names) == len(others):
            found.update(_in_order(others, names, golden, my, "name"))
        elif others:
            found.update(_by_scope(others, names, golden, my))
    return found


def _by_scope(
    others: Sequence[str], names: Sequence[str], golden: Calls, my: Calls
) -> Iterator[tuple[str, _Partner]]:
    """Unequal numbers of calls: those made from one place as often on both sides belong together,
    of the others only equal names, which may be shifted."""
    theirs, mine = _scopes(others, golden), _scopes(names, my)
    taken: set[str] = set()
    for scope, own in mine.items():
        known = theirs.get(scope, [])
        if scope and len(known) == len(own):
            taken.update(known, own)
            yield from _in_order(known, own, golden, my, "name and caller")
    doubt = f"called {len(others)} times in golden and {len(names)} in my: counts may be shifted"
    left = set(others) - taken
    yield from ((n, _Partner(n, "name", doubt)) for n in names if n in left and n not in taken)


def _in_order(
    others: Sequence[str], names: Sequence[str], golden: Calls, my: Calls, how: str
) -> Iterator[tuple[str, _Partner]]:
    same = set(others) == set(names)
    for theirs, own in zip(names if same else others, names, strict=True):
        doubt = "" if theirs == own else f"in the order of calls: {theirs} against {own}"
        callers = golden[theirs][0].scope, my[own][0].scope
        if not doubt and all(callers) and _family(callers[0]) != _family(callers[1]):
            doubt = f"called from {callers[0]} and {callers[1]}"
        yield own, _Partner(theirs, how, doubt)


def _tensors(
    golden: Sequence[TensorRef], my: Sequence[TensorRef], how: str, doubt: str
) -> Iterator[Pair | Unmatched]:
    theirs = {_place(ref): ref for ref in golden}
    for ref in my:
        partner = theirs.pop(_place(ref), None)
        if partner is not None:
            yield Pair(partner, ref, how, doubt)
        else:
            yield Unmatched(None, ref, f"golden {golden[0].op_name} has no such tensor")
    reason = f"my {my[0].op_name} has no such tensor"
    yield from (Unmatched(ref, None, reason) for ref in theirs.values())


def _place(ref: TensorRef) -> tuple[str, str, int, tuple[int, ...]]:
    return ref.io, ref.argument, ref.index, ref.nested


def _by_op(refs: Sequence[TensorRef]) -> dict[str, list[TensorRef]]:
    found: defaultdict[str, list[TensorRef]] = defaultdict(list)
    for ref in refs:
        found[ref.op_name].append(ref)
    return dict(found)


def _families(calls: Calls) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in calls:
        found[_family(name)].append(name)
    return dict(found)


def _scopes(names: Sequence[str], calls: Calls) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        found[_family(calls[name][0].scope)].append(name)
    return dict(found)


def _family(name: str) -> str:
    """The name without the count of the call."""
    return _COUNT.sub(r"\1", name)
