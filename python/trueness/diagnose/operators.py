"""What was paired of each operator; where its inputs were not dumped, the outputs that the graph
says it was given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trueness.diagnose.edges import parts_of
from trueness.model import GraphOp, Pair, TensorRef, Unmatched

Ops = Mapping[str, GraphOp]
Key = tuple[int | None, int | None, str, str]
"""Rank, token, graph and name of an operator, as on my side."""
Read = tuple[Sequence[Pair | Unmatched], Sequence[str]]
"""What was paired of an operator, and the operators of whose outputs its inputs were taken."""
Made = Mapping[tuple[int | None, int | None, str, int], Pair]
"""Outputs by rank, token, operator and index."""


@dataclass(frozen=True)
class Operators:
    """What was paired of each operator, by `key_of`."""

    paired: Mapping[Key, Sequence[Pair | Unmatched]]
    made: Made
    ops: Ops

    @classmethod
    def of(cls, items: Iterable[Pair | Unmatched], ops: Ops) -> Operators:
        """All items of a rank and token, or of all of them: what only golden has, and what others
        made, belongs to an operator too."""
        items = list(items)
        return cls(by_operator(items), outputs_by_name(items), ops)

    def read(self, key: Key) -> Read:
        return with_inputs(self.paired.get(key, ()), self.made, self.ops)


def by_operator(items: Iterable[Pair | Unmatched]) -> dict[Key, list[Pair | Unmatched]]:
    """What was paired of each operator, by (rank, token, graph, name), names as on my side."""
    found: defaultdict[Key, list[Pair | Unmatched]] = defaultdict(list)
    mine: dict[Key, Key] = {}
    alone: list[Unmatched] = []
    for item in items:
        if item.my is None:
            alone.append(item)
            continue
        found[key_of(item.my)].append(item)
        if item.golden:
            mine[key_of(item.golden)] = key_of(item.my)
    for item in alone:
        if item.golden and key_of(item.golden) in mine:
            found[mine[key_of(item.golden)]].append(item)
    return dict(found)


def key_of(ref: TensorRef) -> Key:
    """What the tensors of one operator have in common."""
    return ref.rank, ref.token, ref.graph, ref.op_name


def has_inputs(group: Iterable[Pair | Unmatched]) -> bool:
    return any(isinstance(item, Pair) and item.golden.io == "input" for item in group)


def outputs_by_name(items: Iterable[Pair | Unmatched]) -> Made:
    """Those that were paired, by what either side calls them."""
    found: dict[tuple[int | None, int | None, str, int], Pair] = {}
    for item in items:
        if isinstance(item, Pair) and item.golden.io != "input":
            place = item.my.rank, item.my.token
            found.setdefault((*place, item.golden.op_name, item.golden.index), item)
            found[(*place, item.my.op_name, item.my.index)] = item
    return found


def with_inputs(group: Sequence[Pair | Unmatched], made: Made, ops: Ops) -> Read:
    """What was paired of one operator, with outputs of its producers as its inputs where none of
    its own was, and whose they are. Places of constants stay empty; what an operator made that is
    not among them is not known, and then nothing is."""
    own = next((item for item in group if isinstance(item, Pair)), None)
    parts = _parts(own, group, ops) if own and not has_inputs(group) else []
    inner = {op.name for op, _ in parts}
    found: list[Pair | Unmatched] = []
    names: dict[str, None] = {}
    for op, golden in parts:
        assert own is not None
        for at, edge in enumerate(op.inputs):
            name, _, index = edge.rpartition(":")
            if name in inner:
                continue
            output = int(index) if index.isdecimal() else 0
            pair = made.get((own.my.rank, own.my.token, name, output))
            place = _place(op.places[at] if at < len(op.places) else "", at)
            if pair is None and name in ops and ops[name].inputs:
                # Not a constant: what it was in my run nobody knows.
                return list(group), ()
            if pair is None or place is None:
                continue
            names[pair.my.op_name] = None
            theirs, mine = _input(pair.golden, golden, place), _input(pair.my, own.my, place)
            found.append(Pair(theirs, mine, "graph"))
    kept = [item for item in group if not found or isinstance(item, Pair) or item.expected]
    return [*found, *kept], tuple(names)


def _parts(
    own: Pair, group: Sequence[Pair | Unmatched], ops: Ops
) -> Sequence[tuple[GraphOp, TensorRef]]:
    """Operators of the graph, of which a fused one has several, with a golden tensor of each; none
    where that is not certain."""
    names = parts_of(own.my.op_name, own.pairing)
    if len(names) == 1:
        known = [ops[name] for name in (own.my.op_name, own.golden.op_name) if name in ops]
        return [(op, own.golden) for op in known[:1]]
    lone = [item.golden for item in group if isinstance(item, Unmatched) and item.golden]
    inner = {ref.op_name: ref for ref in lone if ref.io != "input"}
    golden = [*(ref for name, ref in inner.items() if name != own.golden.op_name), own.golden]
    if len(golden) != len(names) or not all(name in ops for name in names):
        return []
    return [(ops[name], ref) for name, ref in zip(names, golden, strict=True)]


def _place(told: str, at: int) -> tuple[int, ...] | None:
    """Index and places inside lists; None for an argument that goes by a name."""
    parts = told.split(".") if told else [str(at)]
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def _input(output: TensorRef, own: TensorRef, place: tuple[int, ...]) -> TensorRef:
    return replace(
        output,
        op_name=own.op_name,
        op_type=own.op_type,
        io="input",
        index=place[0],
        nested=place[1:],
    )
