"""Which operators of the graph a fused operator was made from, told by its name: GE writes the
names of the parts one after the other, without anything between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trueness.model import GraphOp

MAX_SPLITS = 16
"""Ways to cut one name that are looked at before it is called ambiguous."""


class FusedNames:
    """The names of one graph. Asking for a name costs as much as it is long, whatever the size of
    the graph, and nothing when it was asked for before: every token has the same operators."""

    def __init__(self, ops: Mapping[str, GraphOp]) -> None:
        self.ops = ops
        self._lengths = _lengths(ops)
        self._known: dict[str, tuple[tuple[str, ...], str]] = {}

    def parts_of(self, name: str) -> tuple[tuple[str, ...], str]:
        """The parts and a doubt, "" when the name can be read in one way only. The parts use up the
        whole name: `MatMul_TransData_0` is not `MatMul`. No parts: not made of operators."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._read(name)
        return found

    def _read(self, name: str) -> tuple[tuple[str, ...], str]:
        if name in self.ops:
            return (name,), ""
        ways = splits(name, self.ops, self._lengths)
        if not ways:
            return (), ""
        linked = [way for way in ways if _linked(way, self.ops)]
        best = (linked or ways)[0]
        if len(linked) == 1 or len(ways) == 1:
            return best, ""
        return best, f"the fused name {name} can be read in {len(linked or ways)} ways"


def splits(
    name: str, known: Collection[str], lengths: Sequence[int] | None = None
) -> list[tuple[str, ...]]:
    """Every way to cut `name` into known names, long first parts first, at most MAX_SPLITS."""
    lengths = _lengths(known) if lengths is None else lengths
    size = len(name)
    ends: list[list[int]] = [[] for _ in range(size)] + [[size]]
    for start in range(size - 1, -1, -1):
        for length in lengths:
            end = start + length
            if end <= size and ends[end] and name[start:end] in known:
                ends[start].append(end)
    ways: list[tuple[str, ...]] = []
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())] if size else []
    while waiting and len(ways) < MAX_SPLITS:
        start, done = waiting.pop()
        if start == size:
            ways.append(done)
            continue
        waiting += [(end, (*done, name[start:end])) for end in reversed(ends[start])]
    return ways


def _lengths(known: Collection[str]) -> list[int]:
    return sorted({len(word) for word in known if word}, reverse=True)


def producer(edge: str) -> str:
    """The operator a "producer:output" edge comes from."""
    return edge.rpartition(":")[0] or edge


def _linked(way: tuple[str, ...], ops: Mapping[str, GraphOp]) -> bool:
    """GE fuses neighbours: every part but the first reads an earlier one."""
    earlier = {way[0]}
    for part in way[1:]:
        if not any(producer(edge) in earlier for edge in ops[part].inputs):
            return False
        earlier.add(part)
    return True
