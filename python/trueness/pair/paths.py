"""Files found again by a path that was written down on another machine."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueness.model import Dump, TensorRef


@dataclass(frozen=True, slots=True)
class Found:
    """`ref` None: not found, and `reason` why. `agreeing` parts at the end of the path are those
    that were recorded; `doubt` is "" when the file is certainly meant."""

    ref: TensorRef | None
    reason: str = ""
    agreeing: int = 0
    doubt: str = ""


_Item = tuple[TensorRef, list[str]]
"""A file and the parts of its path."""


class _Node:
    """Files whose last `depth` parts are the same, told apart by the part before when asked."""

    __slots__ = ("_children", "depth", "items")

    def __init__(self, items: list[_Item], depth: int) -> None:
        self.items = items
        self.depth = depth
        self._children: dict[str, _Node] | None = None

    def child(self, part: str) -> _Node | None:
        if self._children is None:
            groups: defaultdict[str, list[_Item]] = defaultdict(list)
            for item in self.items:
                if len(item[1]) > self.depth:
                    groups[item[1][-self.depth - 1]].append(item)
            self._children = {name: _Node(items, self.depth + 1) for name, items in groups.items()}
        return self._children.get(part)


class Finder:
    """The files of a dump by the last parts of their paths."""

    def __init__(self, dump: Dump) -> None:
        files = [(ref, _parts(os.path.abspath(ref.path))) for ref in dump.tensors]
        self._above = len(_parts(os.path.abspath(dump.root)))
        self._below: dict[str, _Node] = {"": _Node(files, 0)}

    def find(self, recorded: str, below: str = "") -> Found:
        """The file that shares most of the end of its path with `recorded`, and its name at least.
        It is a doubt when there is more to both paths. With `below` only files under it count."""
        wanted = _parts(recorded)
        node = self._root(below)
        for part in reversed(wanted):
            child = node.child(part)
            if child is None:
                break
            node = child
            if len(node.items) == 1:
                break
        if not node.depth:
            return Found(None, f"no file {wanted[-1] if wanted else recorded!r} in the folder")
        (ref, parts), *others = node.items
        if others:
            rivals = ", ".join(item[0].path for item in node.items[:3])
            return Found(None, f"{len(node.items)} files fit the recorded path alike: {rivals}")
        best, all_parts = _agreement(wanted, parts), min(len(wanted), len(parts) - self._above)
        if best >= all_parts:
            return Found(ref, agreeing=best)
        doubt = f"of the recorded path only the end agrees ({best} of {all_parts} parts)"
        return Found(ref, agreeing=best, doubt=doubt)

    def _root(self, below: str) -> _Node:
        if below not in self._below:
            items = self._below[""].items
            inside = [item for item in items if item[0].path.startswith(below + os.sep)]
            self._below[below] = _Node(inside, 0)
        return self._below[below]


def mapped(path: str, path_map: Mapping[str, str]) -> str | None:
    """The path with the longest of the given beginnings replaced, whole parts only; None when it
    has none of them."""
    for old in sorted(path_map, key=len, reverse=True):
        start = old.rstrip("/")
        if path == start or path.startswith(start + "/"):
            return path_map[old].rstrip("/") + path[len(start) :]
    return None


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _agreement(wanted: Sequence[str], parts: Sequence[str]) -> int:
    count = 0
    for left, right in zip(reversed(wanted), reversed(parts), strict=False):
        if left != right:
            break
        count += 1
    return count
