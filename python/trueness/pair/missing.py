"""Why a tensor has no partner."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from trueness.model import Dump, Graph, TensorRef, Unmatched
from trueness.pair.graphs import Model, Tokens, node_of

if TYPE_CHECKING:
    from trueness.pair.fx_folders import Folder, FxFolders
    from trueness.pair.operator import FxToken


def without_graph(model: Model, tokens: Tokens) -> Iterator[Unmatched]:
    """GE operators that nothing tells the origin of."""
    whose = "" if model.rank is None else f" of rank {model.rank}"
    reason = f"no graph file{whose} holds its operators"
    yield from (Unmatched(None, ref, reason) for refs in tokens.values() for ref in refs)


def token(
    model: Model,
    number: int | None,
    refs: Sequence[TensorRef],
    folder: Folder | None,
    fx: FxFolders,
) -> Iterator[Unmatched]:
    """GE operators of a token that the golden dump lacks."""
    if not fx.has_rank(model.rank):
        reason = f"rank {model.rank} is not in the golden dump"
    elif folder is None:
        reason = f"no golden folder is left that holds the nodes of model {model.name}"
    else:
        reason = f"token {number} is not in {folder} of the golden dump"
    yield from (Unmatched(None, ref, reason) for ref in refs)


def golden_tokens(
    fx: FxFolders,
    compared: Collection[tuple[Folder, int | None]],
    models: Collection[Model],
) -> Iterator[Unmatched]:
    """FX tensors of whole folders that nothing of mine was compared with."""
    ranks = {model.rank for model in models}
    used = {folder for folder, _ in compared}
    for folder, tokens in fx.tokens.items():
        for number, refs in tokens.items():
            if (folder, number) in compared:
                continue
            if folder.rank not in ranks and None not in ranks and folder.rank is not None:
                reason = f"rank {folder.rank} is not in my dump"
            elif folder in used:
                reason = f"token {number} of {folder} is not in my dump"
            else:
                reason = f"no token of my dump was compared with {folder}"
            yield from (Unmatched(ref, None, reason) for ref in refs)


def left_out(my: Dump) -> dict[tuple[Model, int | None], set[str]]:
    """The operators whose files take no part, though nothing better of them does."""
    found: dict[tuple[Model, int | None], set[str]] = {}
    for left in my.leftover:
        if not left.expected:
            model = Model(left.ref.rank, left.ref.device, left.ref.graph)
            found.setdefault((model, left.ref.token), set()).add(left.ref.op_name)
    return found


def leftover(golden: Dump, my: Dump) -> Iterator[Unmatched]:
    """What the layouts left out."""
    yield from (Unmatched(None, left.ref, left.reason, left.expected) for left in my.leftover)
    yield from (Unmatched(left.ref, None, left.reason, left.expected) for left in golden.leftover)


def fx_tensors(
    graph: Graph, refs: Sequence[TensorRef], fx: FxToken, left_out: Collection[str]
) -> Iterator[Unmatched]:
    """FX tensors of a compared token that no GE tensor was paired with."""
    unused = list(fx.unused())
    if all(reason for _, reason, _ in unused):
        yield from (Unmatched(ref, None, reason, expected) for ref, reason, expected in unused)
        return
    dumped = {ref.op_name for ref in refs}
    makers: dict[str, list[str]] = {}
    for op in graph.ops.values():
        for name in op.fx_names:
            makers.setdefault(node_of(name)[0], []).append(op.name)
    for ref, reason, expected in unused:
        if not reason:
            own = makers.get(ref.op_name, [])
            if not own:
                reason = "no GE operator of the graph was made from this node"
            elif not dumped.intersection(own):
                names = ", ".join(dict.fromkeys(own))
                what = "left out, see its row" if set(own) & set(left_out) else "not dumped"
                reason = f"GE operator {names} was {what}"
            else:
                reason = f"no tensor of GE operator {own[0]} was paired with it"
        yield Unmatched(ref, None, reason, expected)
