"""Why a tensor has no partner."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from trueness.model import Dump, Graph, TensorRef, Unmatched
from trueness.pair.graphs import node_of

if TYPE_CHECKING:
    from trueness.pair.by_graph import Folders
    from trueness.pair.operator import FxToken


def token(
    refs: Sequence[TensorRef],
    group: tuple[int | None, int | None, str],
    folder: str | None,
    number: int | None,
    folders: Folders,
) -> Iterator[Unmatched]:
    """GE operators of a token that the golden dump lacks."""
    rank = group[0]
    if all(key[0] != rank for key in folders):
        reason = f"rank {rank} is not in the golden dump"
    elif folder is None:
        reason = f"no golden folder holds the nodes of model {group[2]}"
    else:
        reason = f"token {number} is not in {folder} of rank {rank} of the golden dump"
    yield from (Unmatched(None, ref, reason) for ref in refs)


def golden_tokens(
    folders: Folders, matched: Collection[tuple[int | None, str, int | None]], my: Dump
) -> Iterator[Unmatched]:
    """FX tensors of whole folders that nothing of mine was compared with."""
    ranks = {ref.rank for ref in my.tensors}
    for key, refs in folders.items():
        if key in matched:
            continue
        rank, folder, number = key
        if rank not in ranks:
            reason = f"rank {rank} is not in my dump"
        else:
            reason = f"token {number} of {folder} is not in my dump of rank {rank}"
        yield from (Unmatched(ref, None, reason) for ref in refs)


def fx_tensors(graph: Graph, refs: Sequence[TensorRef], fx: FxToken) -> Iterator[Unmatched]:
    """FX tensors of a compared token that no GE tensor was paired with."""
    dumped = {ref.op_name for ref in refs}
    makers: dict[str, list[str]] = {}
    for op in graph.ops.values():
        for name in op.fx_names:
            makers.setdefault(node_of(name)[0], []).append(op.name)
    for ref, reason, expected in fx.unused():
        if not reason:
            own = makers.get(ref.op_name, [])
            if not own:
                reason = "no GE operator of the graph was made from this node"
            elif not dumped.intersection(own):
                reason = f"GE operator {', '.join(dict.fromkeys(own))} was not dumped"
            else:
                reason = f"no tensor of GE operator {own[0]} was paired with it"
        yield Unmatched(ref, None, reason, expected)
