"""What an operator read where its inputs were not dumped: the outputs that the graph says it was
given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trueness.model import Finding, GraphOp, Pair, TensorRef, Unmatched

Ops = Mapping[str, GraphOp]
Made = Mapping[tuple[int | None, int | None, str, int], Pair]
"""Outputs by rank, token, operator and index."""


def producers_of(findings: Iterable[Finding], ops: Ops) -> set[str]:
    """The names of the operators whose outputs theirs are made from."""
    refs = [(finding.result.my, finding.result.golden) for finding in findings]
    asked = [_op_of(ops, *(ref.op_name for ref in both if ref)) for both in refs]
    return {edge.rpartition(":")[0] for op in asked if op for edge in op.inputs}


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


def with_inputs(
    group: Sequence[Pair | Unmatched], made: Made, ops: Ops
) -> tuple[list[Pair | Unmatched], Sequence[str]]:
    """What was paired of one operator, with outputs of its producers as its inputs where none of
    its own was, and whose they are. Places of constants stay empty; what an operator made that is
    not among them is not known, and then nothing is."""
    own = next((item for item in group if isinstance(item, Pair)), None)
    op = _op_of(ops, own.my.op_name, own.golden.op_name) if own else None
    if own is None or op is None or has_inputs(group):
        return list(group), ()
    found: list[Pair | Unmatched] = []
    names: dict[str, None] = {}
    for at, edge in enumerate(op.inputs):
        name, _, index = edge.rpartition(":")
        output = int(index) if index.isdecimal() else 0
        pair = made.get((own.my.rank, own.my.token, name, output))
        place = _place(op.places[at] if at < len(op.places) else "", at)
        if pair is None and name in ops and ops[name].inputs:
            # Not a constant: what it was in my run nobody knows.
            return list(group), ()
        if pair is None or place is None:
            continue
        names[pair.my.op_name] = None
        theirs, mine = _input(pair.golden, own.golden, place), _input(pair.my, own.my, place)
        found.append(Pair(theirs, mine, "graph"))
    kept = [item for item in group if isinstance(item, Pair) or item.expected]
    return [*found, *kept], tuple(names)


def _op_of(ops: Ops, *names: str) -> GraphOp | None:
    return next((ops[name] for name in names if name in ops), None)


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
