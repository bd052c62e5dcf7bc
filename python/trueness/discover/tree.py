"""Walking the folders a torchair dump is made of."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from trueness.errors import LayoutError

RANK_FOLDER = re.compile(r"worldsize\d+_global_rank(\d+)")
SEARCH_DEPTH = 5
"""How far below the given folder a dump may start."""


def folders(path: str) -> list[os.DirEntry[str]]:
    """Sub folders in the order of their names, numbers by value."""
    with os.scandir(path) as entries:
        found = [entry for entry in entries if _leads(entry) and entry.is_dir()]
    return sorted(found, key=lambda entry: natural(entry.name))


def files(path: str) -> list[os.DirEntry[str]]:
    """Regular files in the order of their names."""
    with os.scandir(path) as entries:
        found = [entry for entry in entries if _leads(entry) and entry.is_file()]
    return sorted(found, key=lambda entry: entry.name)


def _leads(entry: os.DirEntry[str]) -> bool:
    """False for a link to nowhere or to itself; asking such a loop what it is raises."""
    return not entry.is_symlink() or os.path.exists(entry.path)


def natural(name: str) -> tuple[int, int, str]:
    """Sorts 2 before 10."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def rank_folders(root: Path) -> Iterator[tuple[int, str]]:
    """(rank, folder) of every `worldsize{W}_global_rank{R}`, also when `root` is one itself."""
    own = RANK_FOLDER.fullmatch(root.resolve().name)
    if own:
        yield int(own[1]), os.fspath(root)
        return
    for folder in _down(os.fspath(root)):
        for entry in folders(folder):
            match = RANK_FOLDER.fullmatch(entry.name)
            if match:
                yield int(match[1]), entry.path


def one_a_rank(root: Path, holds: Callable[[str], bool]) -> list[tuple[int, str]]:
    """The rank folders that `holds` accepts, by rank. Raises LayoutError when two claim one."""
    seen: dict[int, str] = {}
    for rank, folder in rank_folders(root):
        if not holds(folder):
            continue
        if rank in seen:
            raise LayoutError(f"rank {rank} twice: {seen[rank]} and {folder}; give one of them")
        seen[rank] = folder
    return sorted(seen.items())


def files_above_ranks(root: Path) -> Iterator[os.DirEntry[str]]:
    """Files beside or above the rank folders: graphs, never tensors."""
    for folder in _down(os.fspath(root)):
        yield from files(folder)


def _down(top: str) -> Iterator[str]:
    level = [top]
    for _ in range(SEARCH_DEPTH):
        below: list[str] = []
        for folder in level:
            yield folder
            below += [e.path for e in folders(folder) if not RANK_FOLDER.fullmatch(e.name)]
        level = below
