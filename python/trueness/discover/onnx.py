"""Dumps of every node of an ONNX model: `{node}.{index}.{time}.npy`, the time in microseconds, and
`input_{node}.{index}.{time}.npy` for what a node was given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from trueness.discover import tree
from trueness.discover.flat import is_document
from trueness.model import Dump, Leftover, TensorRef

_FILE_NAME = re.compile(
    r"(?P<input>input_)?(?P<node>.+)(?<!\.INPUT)(?<!\.OUTPUT)"
    r"\.(?P<index>\d{1,9})\.(?P<time>1\d{15})\.npy"
)
DEEPEST = 2
"""How far below the given folder the files may lie: `dump_data/onnx`."""


class Onnx:
    name = "onnx"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        found = list(_dump_folders(os.fspath(root)))
        if not found:
            return "no {node}.{index}.{time}.npy in it, the time of 16 digits"
        if len(found) > 1:
            return f"several folders of {{node}}.{{index}}.{{time}}.npy: {found[0]}, {found[1]}"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """A model run once: `rank` and `token` have no meaning here and are ignored. Of two files
        of one tensor the newer is compared."""
        newest: dict[tuple[str, str, int], TensorRef] = {}
        leftover: list[Leftover] = []
        for folder in _dump_folders(os.fspath(root)):
            entries = tree.files(folder)
            mapped = any(entry.name == tree.MAPPING for entry in entries)
            names = tree.real_names(folder) if mapped else {}
            for entry in entries:
                if entry.name != tree.MAPPING:
                    _add(newest, leftover, entry.path, names.get(entry.name, entry.name))
        tensors = sorted(newest.values(), key=lambda r: (r.order, r.op_name, r.io, r.index))
        return Dump(self.name, str(root), tensors, (), leftover)


def _add(
    newest: dict[tuple[str, str, int], TensorRef], leftover: list[Leftover], path: str, name: str
) -> None:
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        reason = "its name is not {node}.{index}.{time}.npy"
        leftover.append(Leftover(TensorRef(path), reason, is_document(name)))
        return
    ref = TensorRef(
        path,
        op_name=match["node"],
        io="input" if match["input"] else "output",
        index=int(match["index"]),
        order=int(match["time"]),
    )
    key = ref.op_name, ref.io, ref.index
    held = newest.get(key)
    if held:
        held, ref = sorted((held, ref), key=lambda r: r.order)
        reason = f"the node was dumped again; compared is {os.path.basename(ref.path)}"
        leftover.append(Leftover(held, reason, expected=True))
    newest[key] = ref


def _dump_folders(top: str) -> Iterator[str]:
    level = [top]
    for depth in range(DEEPEST + 1):
        below: list[str] = []
        for folder in level:
            if _holds_nodes(folder):
                yield folder
            elif depth < DEEPEST:
                below += [entry.path for entry in tree.folders(folder)]
        level = below


def _holds_nodes(folder: str) -> bool:
    return any(_FILE_NAME.fullmatch(entry.name) for entry in tree.files(folder))
