"""GE dumps as torchair makes them: `{time}/{device}/{model_name}/{model_id}/{token}/` with one file
an operator, from PTA 7.2 on in `worldsize{W}_global_rank{R}/`, and graphs beside it all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path

from trueness.discover import ge_graph, ge_names, tree
from trueness.discover.flat import is_document
from trueness.discover.selection import Selection
from trueness.errors import FormatError
from trueness.model import Dump, Graph, Leftover, TensorRef

TIME_FOLDER = re.compile(r"\d{8,20}")


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
        """Raises LayoutError when two folders claim the same rank. A graph that cannot be read is
        left over: operators of the others can still be compared."""
        found = _Found()
        graphs = list(_graphs(found, root, rank))
        graphs.sort(key=lambda graph: (graph.rank or 0, graph.number or 0, graph.path))
        found.names = ge_names.Names(name for graph in graphs for name in graph.ops)
        selection = Selection(rank, token)
        for base in tree.one_a_rank(root, _holds_times, rank is not None):
            if selection.takes_rank(*base):
                _read_base(found, base, selection)
        tensors = tree.in_order(found.tensors, attrgetter("order", "path"))
        return Dump(
            self.name, str(root), tensors, graphs, found.leftover, skipped=selection.skipped
        )


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
    names: ge_names.Names = field(default_factory=lambda: ge_names.Names(()))
    tensors: dict[tree.Group, list[TensorRef]] = field(default_factory=dict)
    leftover: list[Leftover] = field(default_factory=list)


def _graphs(found: _Found, root: Path, rank: int | None) -> Iterator[Graph]:
    known: dict[bytes, ge_graph.Content] = {}
    for path in _graph_paths(root, rank):
        try:
            yield ge_graph.read_graph(Path(path), known)
        except (FormatError, OSError) as error:
            match = ge_graph.FILE_NAME.fullmatch(os.path.basename(path))
            whose = int(match[2]) if match and match[2] else None
            reason = f"this graph cannot be read: {error}"
            found.leftover.append(Leftover(TensorRef(path, rank=whose), reason))


def _holds_times(base: tree.Base) -> bool:
    rank, folder = base
    times = (entry for entry in tree.folders(folder) if TIME_FOLDER.fullmatch(entry.name))
    if rank is not None:
        return next(times, None) is not None
    return any(device.name.isdecimal() for time in times for device in tree.folders(time.path))


def _read_base(found: _Found, base: tree.Base, selection: Selection) -> None:
    """Every run gets a new time folder: of a model the newest run is compared, and the older ones
    are left over as a whole. Two runs are never mixed."""
    rank, folder = base
    newest: dict[tuple[int | None, str], str] = {}
    times = [entry for entry in tree.folders(folder) if TIME_FOLDER.fullmatch(entry.name)]
    for time in reversed(times):
        for place in _token_folders(time.path, rank):
            taken = newest.setdefault((place.device, place.model), time.name)
            reason = "" if taken == time.name else f"an older run: {taken} holds the same model"
            if selection.takes_token(place.token, place.path):
                _read_token(found, place, reason)


@dataclass(frozen=True)
class _Place:
    """`model` is name and id."""

    path: str
    rank: int | None
    device: int | None
    model: str
    token: int


def _token_folders(time: str, rank: int | None) -> Iterator[_Place]:
    for device in tree.folders(time):
        number = int(device.name) if device.name.isdecimal() else None
        for model in tree.folders(device.path):
            for model_id in tree.folders(model.path):
                name = f"{model.name}/{model_id.name}"
                for token in tree.folders(model_id.path):
                    if token.name.isdecimal():
                        yield _Place(token.path, rank, number, name, int(token.name))


def _read_token(found: _Found, place: _Place, older: str) -> None:
    """Of two files of one operator the larger is compared, the newer when equal: the smaller one is
    what a retried or interrupted run left. Values go before statistics of them."""
    try:
        entries = tree.files(place.path)
    except OSError as error:
        found.leftover.append(Leftover(_ref(place.path, place, None), str(error)))
        return
    names = tree.real_names(place.path) if any(e.name == tree.MAPPING for e in entries) else {}
    best: dict[str, TensorRef] = {}
    slices: dict[str, list[tuple[int, TensorRef]]] = {}
    for entry in entries:
        if entry.name == tree.MAPPING:
            continue
        name = found.names.parse(names.get(entry.name, entry.name))
        ref = _ref(entry.path, place, name)
        if older or name is None:
            expected = bool(older) or is_document(entry.name)
            found.leftover.append(Leftover(ref, older or ge_names.WANTED, expected))
        elif name.slice is not None:
            slices.setdefault(ref.op_name, []).append((name.slice, ref))
        elif ref.op_name in best:
            loser, best[ref.op_name] = sorted((best[ref.op_name], ref), key=_weight)
            found.leftover.append(_duplicate(loser, best[ref.op_name]))
        else:
            best[ref.op_name] = ref
    tensors = found.tensors.setdefault((place.rank, place.device or 0, place.token), [])
    tensors.extend(best.values())
    for cut in slices.values():
        tensors.extend(_join_slices(found, cut))


def _weight(ref: TensorRef) -> tuple[bool, int, int]:
    return ref.statistics is None, os.stat(ref.path).st_size, ref.order


def _join_slices(found: _Found, cut: list[tuple[int, TensorRef]]) -> Sequence[TensorRef]:
    """The slices of an operator are one tensor; without all of them there is nothing to compare."""
    newest: dict[int, TensorRef] = {}
    for number, ref in sorted(cut, key=lambda item: (item[0], item[1].order)):
        if number in newest:
            found.leftover.append(_duplicate(newest[number], ref))
        newest[number] = ref
    first, *others = newest.values()
    missing = sorted(set(range(max(newest))) - set(newest))
    if missing:
        numbers = ", ".join(map(str, missing))
        reason = f"operator {first.op_name} was cut by FFTS+ and slice {numbers} is missing"
        found.leftover.extend(Leftover(ref, reason) for ref in newest.values())
        return ()
    return [replace(first, shards=tuple(ref.path for ref in others))]


def _duplicate(ref: TensorRef, kept: TensorRef) -> Leftover:
    name = os.path.basename(kept.path)
    if ref.statistics and not kept.statistics:
        return Leftover(ref, f"statistics of what is compared: {name}", expected=True)
    reason = f"operator dumped twice; compared is {name}, larger or newer"
    return Leftover(ref, reason, expected=True)


def _ref(path: str, place: _Place, name: ge_names.Name | None) -> TensorRef:
    rank, device, graph, token = place.rank, place.device, place.model, place.token
    if name is None:
        return TensorRef(path, rank=rank, device=device, graph=graph, token=token)
    where = rank, device, graph, token, name.time, "", ""
    return TensorRef(path, None, name.op_name, name.op_type, "", 0, (), *where, name.statistics)
