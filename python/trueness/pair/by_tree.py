"""Operators inside operators: equal parts of equal parents belong together, where one side may have
parts the other has not, such as what quantisation puts in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import partners
from trueness.pair.outline import Node, tree_of
from trueness.pair.partners import Operators, Partner

ONE_MODEL = 0.5
"""Share of operators that have the same name on both sides, from which on others are missing rather
than called otherwise."""
MAX_CELLS = 1_000_000
"""Of the table that aligns two lists of parts; longer ones only match by equal name."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what has no partner is a row. `describe` is not called."""
    yield from partners.rows(golden, my, _partners, _why, spread=True)


def _partners(golden: Operators, my: Operators) -> dict[str, Partner]:
    found: dict[str, Partner] = {}
    common = len(golden.keys() & my.keys())
    one_model = common >= ONE_MODEL * min(len(golden), len(my))
    waiting: list[tuple[Node, Node, str]] = [(tree_of(golden), tree_of(my), "")]
    while waiting:
        theirs, mine, above = waiting.pop()
        for match in aligned(list(theirs.parts.values()), list(mine.parts.values()), one_model):
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


def aligned(golden: Sequence[Node], my: Sequence[Node], one_model: bool) -> Iterator[Match]:
    """The parts that belong together, by name where both lists are numbered alike in dumps of
    `one_model`. Else the most alike pairing that keeps both orders."""
    theirs, mine = _numbers(golden), _numbers(my)
    places = _by_name if one_model and _numbered_alike(golden, my) else _longest
    for i, j in places(golden, my):
        g, m = golden[i], my[j]
        how = "name" if g.name == m.name else f"type and order: {g.name} and {m.name}"
        yield Match(g, m, how, _doubt(m, theirs[m.kind], mine[m.kind], g.name == m.name))


def _doubt(my: Node, golden_names: set[str], my_names: set[str], same_name: bool) -> str:
    where = my.path.rpartition("/")[0] or "the model"
    if len(golden_names) != len(my_names):
        return f"{len(golden_names)} golden and {len(my_names)} of my {my.kind} in {where}"
    if same_name and golden_names != my_names:
        return f"the {my.kind} in {where} have other numbers in golden than in my"
    return ""


def _numbers(nodes: Sequence[Node]) -> defaultdict[str, set[str]]:
    """Names by kind."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for node in nodes:
        found[node.kind].add(node.name)
    return found


def _numbered_alike(golden: Sequence[Node], my: Sequence[Node]) -> bool:
    """Whether no number stands for two types, as in dumps of one model of which files are missing:
    order would then bring the neighbours of what is missing together. Quantising one side puts
    operators in, dumped or not."""
    theirs, mine = (dict(node.name.partition("_")[::2] for node in side) for side in (golden, my))
    quantised = [any(not n.name.endswith(n.kind) for n in side) for side in (golden, my)]
    return quantised[0] == quantised[1] and all(mine.get(k, op) == op for k, op in theirs.items())


def _by_name(golden: Sequence[Node], my: Sequence[Node]) -> Iterator[tuple[int, int]]:
    places = {node.name: i for i, node in enumerate(golden)}
    yield from ((places[node.name], j) for j, node in enumerate(my) if node.name in places)


def _longest(golden: Sequence[Node], my: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """A longest common subsequence of kinds, equal names counting more."""
    rows, columns = len(golden), len(my)
    if rows * columns > MAX_CELLS:
        yield from _by_name(golden, my)
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
