"""GE against FX: the graph names, on each output of an operator, the FX tensor it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueness.model import Describe, Dump, Graph, Pair, Unmatched
from trueness.pair import fx_folders, missing
from trueness.pair.alike import Operators
from trueness.pair.fusion import FusedNames
from trueness.pair.fx_folders import Folder, FxFolders
from trueness.pair.graphs import graph_of, models_of
from trueness.pair.operator import FxToken

Row = Pair | Unmatched


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Row]:
    """`golden` is FX, `my` GE. In the order of ranks, tokens and execution; what has no partner
    comes where it would have stood, golden tensors behind their token."""
    fx = FxFolders(golden.tensors)
    models = models_of(my.tensors)
    found = {model: graph_of(model, tokens, my.graphs) for model, tokens in models.items()}
    graphs = {model: graph for model, (graph, _) in found.items() if graph}
    operators = _operators_of(graphs.values(), describe)
    folders = fx_folders.choose(graphs, fx)
    left_out = missing.left_out(my)
    compared: set[tuple[Folder, int | None]] = set()
    for model, tokens in models.items():
        graph = graphs.get(model)
        if graph is None:
            yield from missing.without_graph(model, tokens)
            continue
        folder, doubt = folders.get(model, (None, ""))
        doubt = "; ".join(filter(None, (found[model][1], doubt)))
        for token, refs in tokens.items():
            fx_refs = fx.tokens[folder].get(token) if folder else None
            if folder is None or fx_refs is None:
                yield from missing.token(model, token, refs, folder, fx)
                continue
            compared.add((folder, token))
            token_fx = FxToken(fx_refs)
            rows = operators[graph.path].rows(refs, token_fx)
            yield from _doubted(rows, doubt) if doubt else rows
            yield from missing.fx_tensors(graph, refs, token_fx, left_out.get((model, token), ()))
    yield from missing.golden_tokens(fx, compared, models)
    yield from missing.leftover(golden, my)


def _operators_of(graphs: Iterable[Graph], describe: Describe) -> dict[str, Operators]:
    """By the path of the graph. All ranks have the same one more often than not; these share what
    is found out about its operators."""
    known: list[tuple[Graph, Operators]] = []
    found = {}
    for graph in graphs:
        shared = next((operators for other, operators in known if other.ops == graph.ops), None)
        if shared is None:
            shared = Operators(FusedNames(graph.ops), describe)
            known.append((graph, shared))
        found[graph.path] = shared
    return found


def _doubted(rows: Iterator[Row], doubt: str) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Pair) and row.golden.path != row.my.path:
            both = f"{row.doubt}; {doubt}" if row.doubt else doubt
            row = Pair(row.golden, row.my, row.pairing, both)
        yield row
