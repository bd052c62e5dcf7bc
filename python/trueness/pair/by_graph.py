"""GE against FX: the graph names, on each output of an operator, the FX tensor it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trueness.model import Describe, Dump, Graph, Pair, TensorRef, Unmatched
from trueness.pair import fx_folders, missing
from trueness.pair.fusion import FusedNames
from trueness.pair.fx_folders import Folder, FxFolders
from trueness.pair.graphs import graph_of, models_of
from trueness.pair.operator import FxToken, pair_operator

Row = Pair | Unmatched


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Row]:
    """`golden` is FX, `my` GE. In the order of ranks, tokens and execution; what has no partner
    comes where it would have stood, golden tensors behind their token."""
    fx = FxFolders(golden.tensors)
    models = models_of(my.tensors)
    found = {model: graph_of(model, tokens, my.graphs) for model, tokens in models.items()}
    graphs = {model: graph for model, (graph, _) in found.items() if graph}
    names = {graph.path: FusedNames(graph.ops) for graph in graphs.values()}
    folders = fx_folders.choose(graphs, fx)
    compared: set[tuple[Folder, int | None]] = set()
    for model, tokens in models.items():
        graph = graphs.get(model)
        if graph is None:
            yield from missing.without_graph(model, tokens)
            continue
        folder, doubt = folders.get(model, (None, ""))
        for token, refs in tokens.items():
            fx_refs = fx.tokens[folder].get(token) if folder else None
            if folder is None or fx_refs is None:
                yield from missing.token(model, token, refs, folder, fx)
                continue
            compared.add((folder, token))
            both = "; ".join(filter(None, (found[model][1], doubt)))
            yield from _token(graph, names[graph.path], refs, fx_refs, describe, both)
    yield from missing.golden_tokens(fx, compared, models)
    yield from missing.leftover(golden, my)


def _token(
    graph: Graph,
    names: FusedNames,
    refs: list[TensorRef],
    fx_refs: list[TensorRef],
    describe: Describe,
    doubt: str,
) -> Iterator[Row]:
    fx = FxToken(fx_refs)
    for ref in refs:
        for row in pair_operator(names, ref, fx, describe):
            if doubt and isinstance(row, Pair) and row.golden.path != row.my.path:
                row = replace(row, doubt=f"{row.doubt}; {doubt}" if row.doubt else doubt)
            yield row
    yield from missing.fx_tensors(graph, refs, fx)
