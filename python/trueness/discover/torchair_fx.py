"""FX dumps as torchair makes them: `{node}-{target}.INPUT|OUTPUT.{i}[.{j}].{time}.npy` below
`worldsize{W}_global_rank{R}/graph_{N}/{token}/`, or up to PTA 7.1.0 below
`data_dump/{token + 1}/gm_{time}_dump/`, one gm folder for every graph of every rank. Dumps of
`trueness.dump.fx` have a `graph.json` beside their tokens, and may keep statistics in place of
values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from sys import intern
from typing import NamedTuple

from trueness.discover import fx_graph, tree
from trueness.discover.flat import is_document
from trueness.discover.selection import Selection
from trueness.errors import FormatError
from trueness.model import Dump, Graph, Leftover, TensorRef

GRAPH_FOLDER = re.compile(r"graph_\d+")
GM_FOLDER = re.compile(r"gm_\d+(?:_dump)?")
TOKEN_FOLDER = re.compile(r"\d{1,11}")
_STEM = re.compile(
    r"(?P<node>.+)\.(?P<io>INPUT|OUTPUT)\.(?P<index>\d{1,9})(?P<nested>(?:\.\d{1,9})*)"
)
_STATISTICS = {".npy": None, "_min_max.npy": "min_max", "_statistics.csv": "cann_csv"}
"""What may follow the time, and the kind of statistics that such a file holds."""
_TIME = re.compile(r"(\d{14,20})(\D.*)")


class TorchairFx:
    name = "torchair_fx"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if next(tree.bases(root, _holds_tokens), None) is None:
            return (
                "neither worldsize{W}_global_rank{R}/graph_{N} folders nor, as of PTA 7.1.0 and "
                "older, {token + 1}/gm_{time}_dump ones in it"
            )
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """Raises LayoutError when two folders claim the same rank."""
        found = _Found()
        selection = Selection(rank, token)
        for base in tree.one_a_rank(root, _holds_tokens, rank is not None):
            if not selection.takes_rank(*base):
                continue
            _read_graphs(found, base)
            for place in _token_folders(base):
                if selection.takes_token(place.token, place.path):
                    _read_token(found, place)
        return Dump(
            self.name,
            str(root),
            tree.in_order(found.tensors, attrgetter("order", "io", "index", "nested")),
            found.graphs,
            found.leftover,
            skipped=selection.skipped,
        )


@dataclass
class _Found:
    tensors: dict[tree.Group, list[TensorRef]] = field(default_factory=dict)
    graphs: list[Graph] = field(default_factory=list)
    scopes: dict[tuple[int | None, str], dict[str, str]] = field(default_factory=dict)
    leftover: list[Leftover] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    path: str
    rank: int | None
    graph: str
    token: int


def _holds_tokens(base: tree.Base) -> bool:
    rank, folder = base
    if rank is not None:
        return any(GRAPH_FOLDER.fullmatch(entry.name) for entry in tree.folders(folder))
    return any(
        GM_FOLDER.fullmatch(entry.name)
        for token in tree.folders(folder)
        if TOKEN_FOLDER.fullmatch(token.name)
        for entry in tree.folders(token.path)
    )


def _read_graphs(found: _Found, base: tree.Base) -> None:
    """A graph that cannot be read is left over: without it the tensors can still be compared."""
    rank, folder = base
    for entry in tree.folders(folder):
        path = Path(entry.path, fx_graph.FILE_NAME)
        if rank is None or not GRAPH_FOLDER.fullmatch(entry.name) or not path.is_file():
            continue
        try:
            graph, scopes = fx_graph.read_graph(path, rank)
        except (FormatError, OSError) as error:
            reason = f"this graph cannot be read: {error}"
            found.leftover.append(Leftover(TensorRef(str(path), rank=rank), reason))
            continue
        found.graphs.append(graph)
        found.scopes[rank, entry.name] = scopes


def _token_folders(base: tree.Base) -> Iterator[_Place]:
    rank, folder = base
    for outer in tree.folders(folder):
        if rank is not None and GRAPH_FOLDER.fullmatch(outer.name):
            for token in tree.folders(outer.path):
                if TOKEN_FOLDER.fullmatch(token.name):
                    yield _Place(token.path, rank, outer.name, int(token.name))
        elif rank is None and TOKEN_FOLDER.fullmatch(outer.name):
            for gm in tree.folders(outer.path):
                if GM_FOLDER.fullmatch(gm.name):
                    # The step was counted before the run, so the first token is in folder 1.
                    yield _Place(gm.path, rank, gm.name, int(outer.name) - 1)


def _read_token(found: _Found, place: _Place) -> None:
    """A node that ran twice in a token leaves two files a tensor; the last is compared, as in the
    graph, where later results take the place of earlier ones."""
    try:
        entries = tree.files(place.path)
    except OSError as error:
        found.leftover.append(Leftover(_whole(place.path, place), str(error)))
        return
    last: dict[_Tensor, TensorRef] = {}
    scopes = found.scopes.get((place.rank, place.graph), {})
    for entry in entries:
        name = _parsed(entry.name)
        if name is None:
            reason = "its name is not {node}-{target}.INPUT|OUTPUT.{i}.{time}.npy"
            left = Leftover(_whole(entry.path, place), reason, is_document(entry.name))
            found.leftover.append(left)
            continue
        ref = _ref(entry.path, place, *name, scopes)
        held = last.setdefault(name[0], ref)
        if held is not ref:
            held, last[name[0]] = sorted((held, ref), key=lambda r: (r.order, r.statistics is None))
            reason = f"the node ran again; compared is the run of {last[name[0]].order}"
            if held.order == last[name[0]].order:
                reason = "statistics of what is compared"
            found.leftover.append(Leftover(held, reason, expected=True))
    found.tensors.setdefault((place.rank, place.token, place.graph), []).extend(last.values())


class _Tensor(NamedTuple):
    """What files of one tensor have in common."""

    node: str
    target: str
    io: str
    number: int
    nested: tuple[int, ...]


def _parsed(name: str) -> tuple[_Tensor, int, str | None] | None:
    """The tensor, when it was written, and which statistics of it there are in place of values.
    None for a name of another form."""
    stem, _, ending = name.rpartition(".")
    stem, _, time = stem.rpartition(".")
    found = _TIME.fullmatch(f"{time}.{ending}")
    if found is None or found[2] not in _STATISTICS:
        return None
    tensor = _tensor(stem)
    return tensor and (tensor, int(found[1]), _STATISTICS[found[2]])


@lru_cache(maxsize=1 << 16)
def _tensor(stem: str) -> _Tensor | None:
    """The same in every token and rank."""
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    node = intern(match["node"])
    nested = tuple(map(int, match["nested"].split(".")[1:]))
    io = match["io"].lower()
    return _Tensor(node, intern(node.partition("-")[2]), intern(io), int(match["index"]), nested)


def _whole(path: str, place: _Place) -> TensorRef:
    return TensorRef(path, rank=place.rank, graph=place.graph, token=place.token)


def _ref(
    path: str,
    place: _Place,
    tensor: _Tensor,
    time: int,
    statistics: str | None,
    scopes: Mapping[str, str],
) -> TensorRef:
    node, target, io, number, nested = tensor
    member = (io, number) if statistics == "cann_csv" else None
    rank, graph, token = place.rank, place.graph, place.token
    where = rank, None, graph, token, time, "", scopes.get(node, "")
    return TensorRef(path, member, node, target, io, number, nested, *where, statistics)
