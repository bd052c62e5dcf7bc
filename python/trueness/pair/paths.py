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


class Finder:
    """The files of a dump by the last parts of their paths."""

    def __init__(self, dump: Dump) -> None:
        self._by_name: defaultdict[str, list[tuple[TensorRef, list[str]]]] = defaultdict(list)
        self._above = len(_parts(os.path.abspath(dump.root)))
        for ref in dump.tensors:
            parts = _parts(os.path.abspath(ref.path))
            self._by_name[parts[-1]].append((ref, parts))

    def find(self, recorded: str, below: str = "") -> Found:
        """The file that shares most of the end of its path with `recorded`, and its name at least.
        It is a doubt when there is more to both paths. With `below` only files under it count."""
        wanted = _parts(recorded)
        named = self._by_name.get(wanted[-1], []) if wanted else []
        candidates = [c for c in named if not below or c[0].path.startswith(below + os.sep)]
        if not candidates:
            return Found(None, f"no file {wanted[-1] if wanted else recorded!r} in the folder")
        scored = [(_agreement(wanted, parts), ref, parts) for ref, parts in candidates]
        best = max(score for score, _, _ in scored)
        first, *others = [(ref, parts) for score, ref, parts in scored if score == best]
        if others:
            rivals = ", ".join(ref.path for ref, _ in (first, *others)[:3])
            return Found(None, f"{len(others) + 1} files fit the recorded path alike: {rivals}")
        ref, parts = first
        all_parts = min(len(wanted), len(parts) - self._above)
        if best >= all_parts:
            return Found(ref, agreeing=best)
        doubt = f"of the recorded path only the end agrees ({best} of {all_parts} parts)"
        return Found(ref, agreeing=best, doubt=doubt)


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
