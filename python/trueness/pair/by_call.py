"""Calls of the same name, `Functional.linear.3.forward`. The number counts the calls of one
function, so a call more on one side shifts all that follow: what called them helps then."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import partners
from trueness.pair.partners import Operators as Calls
from trueness.pair.partners import Partner

_MODULE = re.compile(r"(?:Module|Cell)\.")
_COUNT = re.compile(r"\.\d+(\.(?:forward|backward))?\Z")


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my calls; what has no partner is a row. `describe` is not called."""
    yield from partners.rows(golden, my, _partners, _why)


def _why(others: Calls, side: str) -> Callable[[str], str]:
    families = {_family(name) for name in others}

    def reason(name: str) -> str:
        if _family(name) in families:
            return f"the {side} dump has other calls of this function, none clearly this one"
        return f"the {side} dump has nothing of this name"

    return reason


def _partners(golden: Calls, my: Calls) -> dict[str, Partner]:
    """By the name of my call."""
    found: dict[str, Partner] = {}
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
) -> Iterator[tuple[str, Partner]]:
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
    yield from ((n, Partner(n, "name", doubt)) for n in names if n in left and n not in taken)


def _in_order(
    others: Sequence[str], names: Sequence[str], golden: Calls, my: Calls, how: str
) -> Iterator[tuple[str, Partner]]:
    same = set(others) == set(names)
    for theirs, own in zip(names if same else others, names, strict=True):
        doubt = "" if theirs == own else f"in the order of calls: {theirs} against {own}"
        callers = golden[theirs][0].scope, my[own][0].scope
        if not doubt and _differ(*callers):
            doubt = f"called from {callers[0]} and {callers[1]}"
        yield own, Partner(theirs, how, doubt)


def _differ(golden: str, my: str) -> bool:
    """Where only one side tells the module, the other a place in the code, nothing is known."""
    if not golden or not my or bool(_MODULE.match(golden)) != bool(_MODULE.match(my)):
        return False
    return _family(golden) != _family(my)


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
