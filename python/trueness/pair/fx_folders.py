"""Which folder of an FX dump holds the tensors of a GE model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from trueness.model import Graph, TensorRef
from trueness.pair import likely
from trueness.pair.graphs import Model, Tokens, node_of
from trueness.pair.likely import likeness

MOSTLY = 0.5
"""Of the best likeness: what a folder of the right number needs not to be doubted."""


class Folder(NamedTuple):
    """`graph_{N}` of a rank, or a gm folder, which says neither graph nor rank."""

    rank: int | None
    name: str

    def __str__(self) -> str:
        return self.name if self.rank is None else f"{self.name} of rank {self.rank}"


class FxFolders:
    """The FX tensors of a dump by folder and token."""

    def __init__(self, refs: Sequence[TensorRef]) -> None:
        self.tokens: dict[Folder, Tokens] = {}
        for (*folder, token), some in groupby(refs, attrgetter("rank", "graph", "token")):
            self.tokens.setdefault(Folder(*folder), {}).setdefault(token, []).extend(some)
        self._ranks = {folder.rank for folder in self.tokens}
        self._nodes: dict[Folder, set[str]] = {}

    def has_rank(self, rank: int | None) -> bool:
        """Whether it may hold tensors of the rank; a side that names no ranks may hold any."""
        return bool(self._ranks) and (rank in self._ranks or rank is None or None in self._ranks)

    def of_rank(self, rank: int | None) -> list[Folder]:
        everywhere = rank is None or None in self._ranks
        return [folder for folder in self.tokens if everywhere or folder.rank == rank]

    def nodes(self, folder: Folder) -> set[str]:
        found = self._nodes.get(folder)
        if found is None:
            tokens = self.tokens[folder].values()
            found = self._nodes[folder] = {ref.op_name for refs in tokens for ref in refs}
        return found


Choice = tuple[Folder, str]
"""A folder and a doubt."""


def choose(graphs: Mapping[Model, Graph], fx: FxFolders) -> dict[Model, Choice]:
    """A folder for every model that has one: by the number of its graph, unless its nodes tell
    another, else by its nodes. Models share a folder only where there are too few."""
    chosen: dict[Model, Choice] = {}
    unnamed: dict[int | None, list[Model]] = {}
    named_by = {graph.path: _fx_nodes(graph) for graph in graphs.values()}
    alike = {
        model: {f: likeness(named_by[graph.path], fx.nodes(f)) for f in fx.of_rank(model.rank)}
        for model, graph in graphs.items()
    }
    for model, graph in graphs.items():
        own = Folder(model.rank, f"graph_{graph.number}")
        scores = alike[model]
        if scores.get(own, 0) and scores[own] >= MOSTLY * max(scores.values()):
            chosen[model] = own, ""
        else:
            scope = None if None in (f.rank for f in scores) else model.rank
            unnamed.setdefault(scope, []).append(model)
    for models in unnamed.values():
        taken = {folder for folder, _ in chosen.values()}
        for model, (folder, doubt) in likely.choose(models, alike, taken).items():
            if not doubt and folder.rank is not None:
                doubt = f"no golden folder of its graph number; {folder} is most alike"
            chosen[model] = folder, doubt
    return chosen


def _fx_nodes(graph: Graph) -> set[str]:
    names = (name for op in graph.ops.values() for name in op.fx_names)
    return {node for node, _ in map(node_of, names) if node}
