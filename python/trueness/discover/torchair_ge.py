"""GE dumps as torchair makes them: `{time}/{device}/{model_name}/{model_id}/{token}/` with one file
an operator, from PTA 7.2 on in `worldsize{W}_global_rank{R}/`, and graphs beside it all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trueness.discover import ge_graph, tree
from trueness.model import Dump, Leftover, TensorRef

TIME_FOLDER = re.compile(r"\d{8,20}")
_FILE_NAME = re.compile(
    r"(?P<type>[^.]+)\.(?P<name>.+?)\.(?P<task>\d+)\.(?P<stream>\d+)\.(?P<time>\d+)"
)


class TorchairGe:
    name = "torchair_ge"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if next(_graph_paths(root, None), None) is None:
            return (
                "no dynamo_original_graph_{id}_rank_{r}_pid_{p}_ts_{t}.txt and no "
                "dynamo_original_graph_{t}.txt in it"
            )
        if next(tree.bases(root, _holds_times), None) is None:
            return "a graph, but no [worldsize{W}_global_rank{R}/]{time}/{device} folder beside it"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """Raises LayoutError when two folders claim the same rank, FormatError for a bad graph."""
        found = _Found()
        for base in tree.one_a_rank(root, _holds_times, rank):
            _read_base(found, base, token)
        graphs = [ge_graph.read_graph(Path(path)) for path in _graph_paths(root, rank)]
        graphs.sort(key=lambda graph: (graph.rank or 0, graph.number or 0, graph.path))
        found.tensors.sort(key=lambda r: (r.rank, r.device or 0, r.token, r.order, r.path))
        return Dump(self.name, str(root), found.tensors, graphs, found.leftover)


def _graph_paths(root: Path, rank: int | None) -> Iterator[str]:
    inside = tree.rank_of(root)
    if inside is not None:
        root, rank = root.resolve().parent, inside
    for folder in tree.above_ranks(root, _holds_times):
        for entry in tree.files(folder):
            match = ge_graph.FILE_NAME.fullmatch(entry.name)
            if match and (rank is None or match[2] is None or int(match[2]) == rank):
                yield entry.path


@dataclass
class _Found:
    tensors: list[TensorRef] = field(default_factory=list)
    leftover: list[Leftover] = field(default_factory=list)


def _holds_times(base: tree.Base) -> bool:
    rank, folder = base
    times = (entry for entry in tree.folders(folder) if TIME_FOLDER.fullmatch(entry.name))
    if rank is not None:
        return next(times, None) is not None
    return any(device.name.isdecimal() for time in times for device in tree.folders(time.path))


def _read_base(found: _Found, base: tree.Base, token: int | None) -> None:
    """Every run gets a new time folder: of a model the newest run is compared, and the older ones
    are left over as a whole. Two runs are never mixed."""
    rank, folder = base
    newest: dict[tuple[int | None, str, str], str] = {}
    times = [entry for entry in tree.folders(folder) if TIME_FOLDER.fullmatch(entry.name)]
    for time in reversed(times):
        for place in _token_folders(time.path, rank):
            taken = newest.setdefault(place.key, time.name)
            if token is not None and place.token != token:
                continue
            reason = "" if taken == time.name else f"an older run: {taken} holds the same model"
            _read_token(found, place, reason)


@dataclass(frozen=True)
class _Place:
    path: str
    rank: int | None
    device: int | None
    graph: str
    model_id: str
    token: int

    @property
    def key(self) -> tuple[int | None, str, str]:
        return self.device, self.graph, self.model_id


def _token_folders(time: str, rank: int | None) -> Iterator[_Place]:
    for device in tree.folders(time):
        number = int(device.name) if device.name.isdecimal() else None
        for model in tree.folders(device.path):
            for model_id in tree.folders(model.path):
                for token in tree.folders(model_id.path):
                    if token.name.isdecimal():
                        yield _Place(
                            token.path, rank, number, model.name, model_id.name, int(token.name)
                        )


def _read_token(found: _Found, place: _Place, older: str) -> None:
    """Of two files of one operator the larger is compared, the newer when equal: the smaller one is
    what a retried or interrupted run left."""
    entries = tree.files(place.path)
    names = tree.real_names(place.path) if any(e.name == tree.MAPPING for e in entries) else {}
    best: dict[str, tuple[int, TensorRef]] = {}
    for entry in entries:
        if entry.name == tree.MAPPING:
            continue
        match = _FILE_NAME.fullmatch(names.get(entry.name, entry.name))
        ref = _ref(entry.path, place, match)
        if older or match is None:
            reason = older or "its name is not {op_type}.{op_name}.{task}.{stream}.{time}"
            found.leftover.append(Leftover(ref, reason, expected=bool(older)))
            continue
        size = entry.stat().st_size
        held = best.get(ref.op_name)
        if held and (held[0], held[1].order) > (size, ref.order):
            found.leftover.append(_duplicate(ref, held[1]))
            continue
        if held:
            found.leftover.append(_duplicate(held[1], ref))
        best[ref.op_name] = size, ref
    found.tensors.extend(ref for _, ref in best.values())


def _duplicate(ref: TensorRef, kept: TensorRef) -> Leftover:
    reason = f"operator dumped twice; compared is {os.path.basename(kept.path)}, larger or newer"
    return Leftover(ref, reason, expected=True)


def _ref(path: str, place: _Place, match: re.Match[str] | None) -> TensorRef:
    return TensorRef(
        path,
        op_name=match["name"] if match else "",
        op_type=match["type"] if match else "",
        rank=place.rank,
        device=place.device,
        graph=f"{place.graph}/{place.model_id}",
        token=place.token,
        order=int(match["time"]) if match else 0,
    )
