"""Which graph a folder of a dump was made from: prefill and decode are two graphs of one model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from trueness.model import Graph, TensorRef
from trueness.pair.likely import likeness

Tokens = dict[int | None, list[TensorRef]]


class Model(NamedTuple):
    """A GE model of a device: what one graph was compiled to."""

    rank: int | None
    device: int | None
    name: str

    def __str__(self) -> str:
        rank = "" if self.rank is None else f" of rank {self.rank}"
        return f"{self.name} on device {self.device}{rank}"


def models_of(refs: Sequence[TensorRef]) -> dict[Model, Tokens]:
    """The tensors of each model by token, in their order."""
    found: dict[Model, Tokens] = {}
    for (*model, token), some in groupby(refs, attrgetter("rank", "device", "graph", "token")):
        found.setdefault(Model(*model), {}).setdefault(token, []).extend(some)
    return found


def graph_of(model: Model, tokens: Tokens, graphs: Sequence[Graph]) -> tuple[Graph | None, str]:
    """The graph of a model and a doubt. By its name, else the one most alike the operators dumped.
    Layouts without ranks have the graphs of all ranks in one place: those of one name are the same
    more often than not, and else the device tells the rank."""
    own, doubt = [graph for graph in graphs if graph.rank == model.rank], ""
    if not own:
        own = list(graphs)
        if model.rank is not None:
            doubt = f"no graph file of rank {model.rank}"
    name = model.name.partition("/")[0]
    named = [graph for graph in own if name in (graph.name, f"graph_{graph.number}")]
    if not named:
        return _most_alike(own, tokens, doubt or f"model {name} is named by no graph file")
    chosen = next((graph for graph in named if graph.rank == model.device), named[0])
    if all(graph.ops == chosen.ops for graph in named):
        return chosen, doubt
    if model.rank is None and chosen.rank is not None and chosen.rank == model.device:
        return chosen, f"device {model.device} is taken for rank {model.device}"
    return _most_alike(named, tokens, doubt or f"model {name} is named by several graph files")


@lru_cache(maxsize=1 << 16)
def node_of(fx_name: str) -> tuple[str, int]:
    """`{node}-{target}.OUTPUT.{k}` taken apart; ("", 0) for a name of another form."""
    node, dot, index = fx_name.rpartition(".OUTPUT.")
    return (node, int(index)) if dot and index.isdecimal() and len(index) < 10 else ("", 0)


def _most_alike(graphs: Sequence[Graph], tokens: Tokens, why: str) -> tuple[Graph | None, str]:
    names = {ref.op_name for refs in tokens.values() for ref in refs}
    best = max(graphs, key=lambda graph: likeness(names, graph.ops), default=None)
    if best is None or not likeness(names, best.ops):
        return None, ""
    return best, f"{why}; taken is {best.path}, which is most alike"
