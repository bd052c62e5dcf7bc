"""GE against GE, as compiled with and without operator fusion: operators have their names from one
graph, and a fused one the names of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trueness.model import Describe, Dump, Pair, ReadsAhead, TensorRef, Unmatched
from trueness.pair import likely, missing
from trueness.pair.fused_operator import pair_operator
from trueness.pair.fusion import FusedNames
from trueness.pair.ge_token import GeToken
from trueness.pair.graphs import Model, Tokens, graph_of, models_of

Row = Pair | Unmatched


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Row]:
    """`golden` was compiled without fusion, or with less. In the order of ranks, tokens and
    execution of `my`; golden tensors without a partner come behind their token."""
    theirs, mine = models_of(golden.tensors), models_of(my.tensors)
    partners = _partners(mine, theirs)
    compared: set[tuple[Model, int | None]] = set()
    known: dict[str, FusedNames] = {}
    for model, tokens in mine.items():
        graph, doubt = graph_of(model, tokens, my.graphs or golden.graphs)
        names = known.setdefault(graph.path, FusedNames(graph.ops)) if graph else FusedNames({})
        partner, other_doubt = partners.get(model, (None, ""))
        both = "; ".join(filter(None, (doubt, other_doubt)))
        for token, refs in tokens.items():
            golden_refs = theirs[partner].get(token) if partner else None
            if golden_refs is None:
                yield from _absent(model, partner, token, refs, theirs)
                continue
            compared.add((partner or model, token))
            if isinstance(describe, ReadsAhead):
                describe.ahead([*refs, *golden_refs])
            yield from _token(names, refs, GeToken(golden_refs, describe), describe, both)
    for model, tokens in theirs.items():
        for token, refs in tokens.items():
            if (model, token) not in compared:
                reason = f"token {token} of {model} is not in my dump"
                yield from (Unmatched(ref, None, reason) for ref in refs)
    yield from missing.leftover(golden, my)


def _partners(
    mine: Mapping[Model, Tokens], theirs: Mapping[Model, Tokens]
) -> dict[Model, tuple[Model, str]]:
    """The same model of the same rank and device, else the one whose operators are most alike."""
    chosen = {model: (model, "") for model in mine if model in theirs}
    left = [model for model in mine if model not in chosen]
    free = [model for model in theirs if model not in chosen]
    own_names = {model: _names(mine[model]) for model in left}
    their_names = {model: _names(theirs[model]) for model in free}
    alike = {
        model: {
            other: likely.likeness(own_names[model], their_names[other])
            for other in free
            if model.rank is None or other.rank is None or other.rank == model.rank
        }
        for model in left
    }
    return chosen | likely.choose(left, alike, ())


def _names(tokens: Tokens) -> set[str]:
    return {ref.op_name for refs in tokens.values() for ref in refs}


def _absent(
    model: Model,
    partner: Model | None,
    token: int | None,
    refs: list[TensorRef],
    theirs: Mapping[Model, Tokens],
) -> Iterator[Unmatched]:
    if partner is not None:
        reason = f"token {token} of {partner} is not in the golden dump"
    elif model.rank is not None and all(other.rank != model.rank for other in theirs):
        reason = f"rank {model.rank} is not in the golden dump"
    else:
        reason = f"no model of the golden dump is left that is like {model}"
    yield from (Unmatched(None, ref, reason) for ref in refs)


def _token(
    names: FusedNames, refs: list[TensorRef], golden: GeToken, describe: Describe, doubt: str
) -> Iterator[Row]:
    for ref in refs:
        for row in pair_operator(names, ref, golden, describe):
            if doubt and isinstance(row, Pair) and row.golden.path != row.my.path:
                row = replace(row, doubt="; ".join(filter(None, (row.doubt, doubt))))
            yield row
    yield from golden.unused(names.ops)
