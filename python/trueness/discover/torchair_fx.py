"""FX dumps as torchair makes them from PTA 7.2 on:
`worldsize{W}_global_rank{R}/graph_{N}/{token}/{node}-{target}.INPUT|OUTPUT.{i}[.{j}].{time}.npy`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from trueness.discover import tree
from trueness.model import Dump, Leftover, TensorRef

GRAPH_FOLDER = re.compile(r"graph_\d+")
_FILE_NAME = re.compile(
    r"(?P<node>.+)\.(?P<io>INPUT|OUTPUT)\.(?P<index>\d+)(?P<nested>(?:\.\d+)*)\.(?P<time>\d{14,})\.npy"
)


class TorchairFx:
    name = "torchair_fx"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if not any(_holds_graphs(folder) for _, folder in tree.rank_folders(root)):
            return (
                "no worldsize{W}_global_rank{R} folder with graph_{N}/{token} below it "
                "(PTA 7.1.0 and older wrote none; their layout is not read yet)"
            )
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """Raises LayoutError when two folders claim the same rank."""
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        for number, folder in tree.one_a_rank(root, _holds_graphs):
            if rank is not None and number != rank:
                continue
            for graph, token_number, path in _token_folders(folder):
                if token is None or token_number == token:
                    _read_token(tensors, leftover, path, number, graph, token_number)
        tensors.sort(key=lambda r: (r.rank, r.token, r.graph, r.order, r.io, r.index, r.nested))
        return Dump(self.name, str(root), tensors, (), leftover)


def _holds_graphs(folder: str) -> bool:
    return any(GRAPH_FOLDER.fullmatch(entry.name) for entry in tree.folders(folder))


def _token_folders(folder: str) -> Iterator[tuple[str, int, str]]:
    for graph in tree.folders(folder):
        if GRAPH_FOLDER.fullmatch(graph.name):
            for token in tree.folders(graph.path):
                if token.name.isdecimal():
                    yield graph.name, int(token.name), token.path


def _read_token(
    tensors: list[TensorRef],
    leftover: list[Leftover],
    folder: str,
    rank: int,
    graph: str,
    token: int,
) -> None:
    """A node that ran twice in a token leaves two files a tensor; the last is compared, as in the
    graph, where later results take the place of earlier ones."""
    last: dict[tuple[str, str, int, tuple[int, ...]], TensorRef] = {}
    for entry in tree.files(folder):
        match = _FILE_NAME.fullmatch(entry.name)
        if match is None:
            ref = TensorRef(entry.path, rank=rank, graph=graph, token=token)
            reason = "its name is not {node}-{target}.INPUT|OUTPUT.{i}.{time}.npy"
            leftover.append(Leftover(ref, reason))
            continue
        ref = TensorRef(
            entry.path,
            op_name=match["node"],
            op_type=match["node"].partition("-")[2],
            io=match["io"].lower(),
            index=int(match["index"]),
            nested=tuple(map(int, match["nested"].split(".")[1:])),
            rank=rank,
            graph=graph,
            token=token,
            order=int(match["time"]),
        )
        key = ref.op_name, ref.io, ref.index, ref.nested
        held = last.get(key)
        if held:
            held, ref = sorted((held, ref), key=lambda r: r.order)
            reason = f"the node ran again; compared is the run of {ref.order}"
            leftover.append(Leftover(held, reason, expected=True))
        last[key] = ref
    tensors.extend(last.values())
