"""GE against FX: the graph names, on each output of an operator, the FX tensor it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trueness.model import Describe, Dump, Pair, TensorRef, Unmatched
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
    left_out = missing.left_out(my)
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
            token_fx = FxToken(fx_refs)
            yield from _token(names[graph.path], refs, token_fx, describe, both)
            yield from missing.fx_tensors(graph, refs, token_fx, left_out.get((model, token), ()))
    yield from missing.golden_tokens(fx, compared, models)
    yield from missing.leftover(golden, my)


def _token(
    names: FusedNames,
    refs: list[TensorRef],
    fx: FxToken,
    describe: Describe,
    doubt: str,
) -> Iterator[Row]:
    for ref in refs:
        for row in pair_operator(names, ref, fx, describe):
            if doubt and isinstance(row, Pair) and row.golden.path != row.my.path:
                row = replace(row, doubt=f"{row.doubt}; {doubt}" if row.doubt else doubt)
            yield row
