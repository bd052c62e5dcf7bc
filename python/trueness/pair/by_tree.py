"""Operators inside operators: equal parts of equal parents belong together, where one side may have
parts the other has not, such as what quantisation puts in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import partners
from trueness.pair.outline import Node, tree_of
from trueness.pair.partners import Operators, Partner

MAX_CELLS = 1_000_000
"""Of the table that aligns two lists of parts; longer ones only match by equal name."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what has no partner is a row. `describe` is not called."""
    yield from partners.rows(golden, my, _partners, _why, spread=True)


def _partners(golden: Operators, my: Operators) -> dict[str, Partner]:
    found: dict[str, Partner] = {}
    waiting: list[tuple[Node, Node, str]] = [(tree_of(golden), tree_of(my), "")]
    while waiting:
        theirs, mine, above = waiting.pop()
        for match in aligned(list(theirs.parts.values()), list(mine.parts.values())):
            doubt = match.doubt or above
            found[match.my.path] = Partner(match.golden.path, match.how, doubt)
            waiting.append((match.golden, match.my, doubt))
    return {name: p for name, p in found.items() if name in my and p.golden in golden}


@dataclass(frozen=True)
class Match:
    golden: Node
    my: Node
    how: str
    doubt: str = ""


def aligned(golden: Sequence[Node], my: Sequence[Node]) -> Iterator[Match]:
    """The most alike pairing of two lists of parts that keeps both orders."""
    if [node.name for node in golden] == [node.name for node in my]:
        yield from (Match(g, m, "name") for g, m in zip(golden, my, strict=True))
        return
    theirs, mine = (Counter(node.kind for node in nodes) for nodes in (golden, my))
    for i, j in _longest(golden, my):
        g, m = golden[i], my[j]
        how = "name" if g.name == m.name else f"type and order: {g.name} and {m.name}"
        doubt = ""
        if theirs[m.kind] != mine[m.kind]:
            where = m.path.rpartition("/")[0] or "the model"
            doubt = f"{theirs[m.kind]} golden and {mine[m.kind]} of my {m.kind} in {where}"
        yield Match(g, m, how, doubt)


def _longest(golden: Sequence[Node], my: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """A longest common subsequence of kinds, equal names counting more."""
    rows, columns = len(golden), len(my)
    if rows * columns > MAX_CELLS:
        places = {node.name: i for i, node in enumerate(golden)}
        yield from ((places[m.name], j) for j, m in enumerate(my) if m.name in places)
        return
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            likeness = _likeness(golden[i], my[j])
            together = likeness + best[i + 1][j + 1] if likeness else 0
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < rows and j < columns:
        likeness = _likeness(golden[i], my[j])
        if likeness and best[i][j] == likeness + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _likeness(golden: Node, my: Node) -> int:
    """A longer pairing is better than one of equal names."""
    if golden.kind != my.kind:
        return 0
    return 5 if golden.name == my.name else 4


def _why(others: Operators, side: str) -> Callable[[str], str]:
    def reason(name: str) -> str:
        above = name.rpartition("/")[0]
        where = f"the operator that belongs to {above}" if above else "the model"
        return f"{where} has no such part left in the {side} dump"

    return reason
