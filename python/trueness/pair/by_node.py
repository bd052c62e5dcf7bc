"""FX against FX: the same node of the same graph, in two runs of one model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from trueness.model import Describe, Dump, Pair, State, TensorRef, Unmatched
from trueness.pair import partners
from trueness.pair.partners import Operators, Partner

_Node = tuple[str, str]
"""Graph and operator."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what has no partner is a row. `describe` is not called."""
    declared = [
        {(graph.name, name) for graph in side.graphs for name in graph.ops} for side in (my, golden)
    ]
    for row in partners.rows(_by_graph(golden), _by_graph(my), _partners, _why):
        plain = _plain(row)
        yield plain if isinstance(plain, Pair) else _not_dumped(plain, *declared)


def _by_graph(dump: Dump) -> Dump:
    """Nodes of two graphs of a token may have one name. Folders that are called by the time of a
    run are told apart by their order."""
    timed = sorted({ref.graph for ref in dump.tensors if ref.graph.startswith("gm_")})
    names = {graph: f"graph {place}" for place, graph in enumerate(timed, 1)}
    tensors = [
        replace(ref, op_name=f"{names.get(ref.graph, ref.graph)}/{ref.op_name}")
        for ref in dump.tensors
    ]
    return replace(dump, tensors=tensors)


def _not_dumped(row: Unmatched, mine: set[_Node], theirs: set[_Node]) -> Unmatched:
    """The graph of the other side tells an operator that it has not from a tensor that was not
    written, because the run was cut off or was told to leave it out."""
    ref = row.golden or row.my
    side, declared = ("my", mine) if row.golden else ("golden", theirs)
    if ref is None or (ref.graph, ref.op_name) not in declared:
        return row
    reason = f"the {side} graph has this operator, but the tensor was not dumped"
    return replace(row, reason=reason, state=State.NOT_DUMPED)


def _plain(row: Pair | Unmatched) -> Pair | Unmatched:
    if isinstance(row, Pair):
        return replace(row, golden=_ref(row.golden), my=_ref(row.my))
    return replace(row, golden=row.golden and _ref(row.golden), my=row.my and _ref(row.my))


def _ref(ref: TensorRef) -> TensorRef:
    return replace(ref, op_name=ref.op_name.partition("/")[2] or ref.op_name)


def _partners(golden: Operators, my: Operators) -> dict[str, Partner]:
    return {name: Partner(name, "node") for name in my if name in golden}


def _why(others: Operators, side: str) -> Callable[[str], str]:
    return lambda name: f"the {side} dump has no node {name.rpartition('/')[2]} in this graph"
