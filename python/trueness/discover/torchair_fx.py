"""FX dumps as torchair makes them: `{node}-{target}.INPUT|OUTPUT.{i}[.{j}].{time}.npy` below
`worldsize{W}_global_rank{R}/graph_{N}/{token}/`, or up to PTA 7.1.0 below
`data_dump/{token + 1}/gm_{time}_dump/`, one gm folder for every graph of every rank. Dumps of
`trueness.dump.fx` have a `graph.json` beside their tokens, and may keep statistics in place of
values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from types import MappingProxyType

from trueness.discover import fx_graph, tree
from trueness.discover.flat import is_document
from trueness.discover.selection import Selection
from trueness.errors import FormatError
from trueness.model import Dump, Graph, Leftover, TensorRef

GRAPH_FOLDER = re.compile(r"graph_\d+")
GM_FOLDER = re.compile(r"gm_\d+(?:_dump)?")
TOKEN_FOLDER = re.compile(r"\d{1,11}")
_FILE_NAME = re.compile(
    r"(?P<node>.+)\.(?P<io>INPUT|OUTPUT)\.(?P<index>\d{1,9})(?P<nested>(?:\.\d{1,9})*)"
    r"\.(?P<time>\d{14,20})(?:(?P<info>_min_max)?\.npy|(?P<csv>_statistics\.csv))"
)


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
        found.tensors.sort(
            key=lambda r: (r.rank, r.token, r.graph, r.order, r.io, r.index, r.nested)
        )
        return Dump(
            self.name,
            str(root),
            found.tensors,
            found.graphs,
            found.leftover,
            skipped=selection.skipped,
        )


@dataclass
class _Found:
    tensors: list[TensorRef] = field(default_factory=list)
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
        found.leftover.append(Leftover(_ref(place.path, place, None), str(error)))
        return
    last: dict[tuple[str, str, int, tuple[int, ...]], TensorRef] = {}
    scopes = found.scopes.get((place.rank, place.graph), {})
    for entry in entries:
        match = _FILE_NAME.fullmatch(entry.name)
        ref = _ref(entry.path, place, match, scopes)
        if match is None:
            reason = "its name is not {node}-{target}.INPUT|OUTPUT.{i}.{time}.npy"
            found.leftover.append(Leftover(ref, reason, is_document(entry.name)))
            continue
        key = ref.op_name, ref.io, ref.index, ref.nested
        held = last.get(key)
        if held:
            held, ref = sorted((held, ref), key=lambda r: (r.order, r.statistics is None))
            reason = f"the node ran again; compared is the run of {ref.order}"
            if held.order == ref.order:
                reason = "statistics of what is compared"
            found.leftover.append(Leftover(held, reason, expected=True))
        last[key] = ref
    found.tensors.extend(last.values())


def _ref(
    path: str,
    place: _Place,
    match: re.Match[str] | None,
    scopes: Mapping[str, str] = MappingProxyType({}),
) -> TensorRef:
    if match is None:
        return TensorRef(path, rank=place.rank, graph=place.graph, token=place.token)
    nested = match["nested"]
    return TensorRef(
        path,
        None if not match["csv"] else (match["io"].lower(), int(match["index"])),
        op_name=intern(match["node"]),
        op_type=intern(match["node"].partition("-")[2]),
        io="input" if match["io"] == "INPUT" else "output",
        index=int(match["index"]),
        nested=tuple(map(int, nested.split(".")[1:])) if nested else (),
        rank=place.rank,
        graph=place.graph,
        token=place.token,
        order=int(match["time"]),
        scope=scopes.get(match["node"], ""),
        statistics="cann_csv" if match["csv"] else "min_max" if match["info"] else None,
    )
