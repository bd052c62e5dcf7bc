"""Which graph a folder of a dump was made from: prefill and decode are two graphs of one model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from trueness.model import Graph

NO_GRAPH = "no graph file of this rank"


def graph_of(
    model: str, op_names: Collection[str], graphs: Sequence[Graph], rank: int | None
) -> tuple[Graph | None, str]:
    """The graph of a GE model folder and a doubt. By its name, else the one that knows most of the
    operators dumped there."""
    name = model.partition("/")[0]
    own = [graph for graph in graphs if graph.rank == rank] or list(graphs)
    named = [g for g in own if name in (g.name, f"graph_{g.number}")]
    if len(named) == 1:
        return named[0], ""
    return _most_known(named or own, op_names, f"model {name} is named by no one graph file")


def fx_folder_of(graph: Graph, nodes_by_folder: dict[str, set[str]]) -> tuple[str | None, str]:
    """The FX `graph_{N}` folder of a graph and a doubt; the number is the graph's, where given."""
    own = f"graph_{graph.number}"
    if own in nodes_by_folder:
        return own, ""
    named = {node_of(name)[0] for op in graph.ops.values() for name in op.fx_names}
    counts = {folder: len(nodes & named) for folder, nodes in nodes_by_folder.items()}
    best = max(counts, key=lambda folder: counts[folder], default=None)
    if best is None or not counts[best]:
        return None, ""
    return best, f"no golden folder {own}; {best} holds most of its nodes"


def node_of(fx_name: str) -> tuple[str, int]:
    """`{node}-{target}.OUTPUT.{k}` taken apart; ("", 0) for a name of another form."""
    node, dot, index = fx_name.rpartition(".OUTPUT.")
    return (node, int(index)) if dot and index.isdecimal() and len(index) < 10 else ("", 0)


def _most_known(
    graphs: Iterable[Graph], op_names: Collection[str], why: str
) -> tuple[Graph | None, str]:
    ranked = sorted(
        ((sum(name in graph.ops for name in op_names), graph) for graph in graphs),
        key=lambda item: -item[0],
    )
    if not ranked or not ranked[0][0]:
        return None, ""
    if len(ranked) == 1:
        return ranked[0][1], ""
    return ranked[0][1], f"{why}; taken is {ranked[0][1].path}, which knows most of its operators"
