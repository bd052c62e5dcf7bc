"""Where the inputs of an operator come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueness.model import GraphOp

_FAR = 64
"""Operators without a row that are looked through on the way to a producer, for each operator."""


class GraphEdges:
    """The edges that graphs tell. What has no row, because it was not dumped or was fused away, is
    looked through to what it reads."""

    def __init__(self, ops: Mapping[str, GraphOp]) -> None:
        self._ops = ops

    def __bool__(self) -> bool:
        return bool(self._ops)

    def type_of(self, name: str) -> str:
        """The type of an operator; of one that is in no graph its name without the number."""
        op = self._ops.get(name)
        return op.type if op else name.rstrip("0123456789").rstrip("_")

    def rows(
        self, parts: Sequence[str], output_of: Mapping[tuple[str, int], int]
    ) -> Mapping[int, frozenset[str]]:
        """Rows of the outputs that operators read, those that they hand to each other left out,
        each with the types of what was looked through to find it."""
        inner = set(parts)
        found: dict[int, frozenset[str]] = {}
        none: frozenset[str] = frozenset()
        waiting = [
            (edge, none) for part in parts if part in self._ops for edge in self._ops[part].inputs
        ]
        for _ in range(_FAR):
            if not waiting:
                break
            edge, through = waiting.pop()
            name, _, index = edge.rpartition(":")
            if name in inner or edge in inner:
                continue
            inner.add(edge)
            row = output_of.get((name, int(index) if index.isdecimal() else 0))
            if row is not None:
                found[row] = through
            elif name in self._ops:
                inner.add(name)
                beyond = through | {self._ops[name].type}
                waiting.extend((further, beyond) for further in self._ops[name].inputs)
        return found


def parts_of(name: str, pairing: str) -> Sequence[str]:
    """The operators of the graph that a fused one was made from."""
    if "fused from " not in pairing:
        return (name,)
    fused = pairing.partition("fused from ")[2]
    return fused.partition(" (doubtful")[0].split(" + ") if fused else (name,)
