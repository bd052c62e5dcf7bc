"""GE against FX: the graph names, on each output of an operator, the FX tensor it was made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from trueness.model import Describe, Dump, Graph, Pair, TensorRef, Unmatched
from trueness.pair import graphs, missing
from trueness.pair.operator import FxToken, pair_operator

Row = Pair | Unmatched
_Group = tuple[int | None, int | None, str]


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Row]:
    """`golden` is FX, `my` GE. In the order of ranks, tokens and execution; what has no partner
    comes where it would have stood, golden tensors behind their token."""
    folders = _fx_folders(golden)
    matched: dict[tuple[int | None, str, int | None], TensorRef] = {}
    for group, by_token in _ge_groups(my).items():
        names = {ref.op_name for refs in by_token.values() for ref in refs}
        graph, doubt = graphs.graph_of(group[2], names, my.graphs, group[0])
        if graph is None:
            reason = f"no graph file of rank {group[0]} holds its operators"
            yield from (Unmatched(None, r, reason) for refs in by_token.values() for r in refs)
            continue
        nodes = {name: set(tokens_nodes) for name, tokens_nodes in _nodes(folders, group[0])}
        folder, fx_doubt = graphs.fx_folder_of(graph, nodes)
        for token, refs in by_token.items():
            key = (group[0], folder or "", token)
            fx_refs = folders.get(key)
            if fx_refs is None:
                yield from missing.token(refs, group, folder, token, folders)
                continue
            if key in matched:
                fx_doubt = f"also compared with model {matched[key].graph}"
            matched[key] = refs[0]
            yield from _token(graph, refs, fx_refs, describe, doubt or fx_doubt)
    yield from missing.golden_tokens(folders, matched.keys(), my)
    yield from (Unmatched(None, left.ref, left.reason, left.expected) for left in my.leftover)
    yield from (Unmatched(left.ref, None, left.reason, left.expected) for left in golden.leftover)


def _token(
    graph: Graph, refs: list[TensorRef], fx_refs: list[TensorRef], describe: Describe, doubt: str
) -> Iterator[Row]:
    fx = FxToken(fx_refs)
    for ref in refs:
        for row in pair_operator(graph, ref, fx, describe):
            if doubt and isinstance(row, Pair):
                row = replace(row, doubt=f"{row.doubt}; {doubt}" if row.doubt else doubt)
            yield row
    yield from missing.fx_tensors(graph, refs, fx)


def _ge_groups(my: Dump) -> dict[_Group, dict[int | None, list[TensorRef]]]:
    groups: dict[_Group, dict[int | None, list[TensorRef]]] = {}
    for ref in my.tensors:
        tokens = groups.setdefault((ref.rank, ref.device, ref.graph), {})
        tokens.setdefault(ref.token, []).append(ref)
    return groups


Folders = dict[tuple[int | None, str, int | None], list[TensorRef]]
"""FX tensors by rank, graph folder and token."""


def _fx_folders(golden: Dump) -> Folders:
    folders: Folders = defaultdict(list)
    for ref in golden.tensors:
        folders[ref.rank, ref.graph, ref.token].append(ref)
    return dict(folders)


def _nodes(folders: Folders, rank: int | None) -> Iterator[tuple[str, set[str]]]:
    nodes: defaultdict[str, set[str]] = defaultdict(set)
    for (folder_rank, name, _), refs in folders.items():
        if folder_rank == rank:
            nodes[name].update(ref.op_name for ref in refs)
    yield from nodes.items()
