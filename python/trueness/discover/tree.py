"""Walking the folders a torchair dump is made of."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from trueness.errors import LayoutError, UsageError
from trueness.model import TensorRef

RANK_FOLDER = re.compile(r"worldsize\d+_global_rank(\d+)")
MAPPING = "mapping.csv"
SEARCH_DEPTH = 5
"""How far below the given folder a dump may start."""

Base = tuple[int | None, str]
"""A folder that holds the dump of a rank, or of all devices where the layout names no ranks."""
Holds = Callable[[Base], bool]
Group = tuple[int | None, int | None, int | str | None]
"""What tells one part of a dump from the next: rank first, then as the layout sorts."""

Entries = list[os.DirEntry[str]]
_NAME = attrgetter("name")


@dataclass(slots=True)
class _Listed:
    """Folders and regular files, links to them among each, of the folders listed so far; of no more
    when there is no `room` for entries left."""

    by_path: dict[str, tuple[Entries, Entries]] = field(default_factory=dict)
    room: int = 200_000


_listed: ContextVar[_Listed | None] = ContextVar("listed", default=None)


@contextmanager
def listing_once() -> Iterator[None]:
    """Meanwhile a folder is listed for the first who asks; to all others it stays as it was."""
    token = _listed.set(_Listed())
    try:
        yield
    finally:
        _listed.reset(token)


def folders(path: str) -> Entries:
    """Sub folders in the order of their names, numbers by value."""
    return sorted(_listing(path)[0], key=lambda entry: natural(entry.name))


def files(path: str) -> Entries:
    """Regular files in the order of their names."""
    return _listing(path)[1]


def in_order(
    groups: Mapping[Group, list[TensorRef]], order: Callable[[TensorRef], Any]
) -> list[TensorRef]:
    """All groups, one after the other, each in its own order: sorting the whole of a large dump
    takes many times as long."""
    return [ref for group in sorted(groups) for ref in sorted(groups[group], key=order)]


def _listing(path: str) -> tuple[Entries, Entries]:
    listed = _listed.get()
    if listed and path in listed.by_path:
        return listed.by_path[path]
    inner: Entries = []
    regular: Entries = []
    with os.scandir(path) as entries:
        for entry in entries:
            # Plain files first: a folder may hold many thousands of them.
            if entry.is_file(follow_symlinks=False):
                regular.append(entry)
            elif not _leads(entry):
                continue
            elif entry.is_dir():
                inner.append(entry)
            elif entry.is_file():
                regular.append(entry)
    regular.sort(key=_NAME)
    if listed and listed.room > 0:
        listed.by_path[path] = inner, regular
        listed.room -= len(inner) + len(regular)
    return inner, regular


def _leads(entry: os.DirEntry[str]) -> bool:
    """False for a link to nowhere or to itself; asking such a loop what it is raises."""
    return not entry.is_symlink() or os.path.exists(entry.path)


def real_names(folder: str) -> dict[str, str]:
    """The names that could not be used: a file whose name would be too long is called otherwise.
    Lines are `other,name` without quotes."""
    try:
        with open(os.path.join(folder, MAPPING), encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\r\n").partition(",") for line in file]
    except OSError:
        # The files keep the names they have, and each gets a row that says it is none.
        return {}
    return {other: name for other, comma, name in lines if comma}


def natural(name: str) -> tuple[int, int, str]:
    """Sorts 2 before 10."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def bases(root: Path, holds: Holds) -> Iterator[Base]:
    """Every base that `holds` accepts, also when `root` is one itself. A base without a rank is not
    searched for others."""
    rank = rank_of(root)
    if rank is not None:
        own = rank, os.fspath(root)
        yield from (own,) if holds(own) else ()
        return
    for folder in above_ranks(root, holds):
        if holds((None, folder)):
            yield None, folder
        for entry in folders(folder):
            match = RANK_FOLDER.fullmatch(entry.name)
            if match and holds((int(match[1]), entry.path)):
                yield int(match[1]), entry.path


def one_a_rank(root: Path, holds: Holds, named: bool) -> list[Base]:
    """The bases by rank. Raises LayoutError when two claim one rank or only some name their rank,
    UsageError where ranks have no names but have to be `named`."""
    seen: dict[int | None, str] = {}
    for rank, folder in bases(root, holds):
        if rank in seen:
            what = "two dumps" if rank is None else f"rank {rank} twice"
            raise LayoutError(f"{what}: {seen[rank]} and {folder}; give one of them")
        seen[rank] = folder
    unnamed = seen.pop(None, None)
    if unnamed is None:
        return sorted(seen.items())
    if seen:
        raise LayoutError(f"dumps with and without ranks below {root}; give the folder of one")
    if named:
        raise UsageError(f"{unnamed} is of PTA 7.1.0 or older and names no ranks; leave rank out")
    return [(None, unnamed)]


def rank_of(folder: Path) -> int | None:
    """The rank that the name of the folder says."""
    match = RANK_FOLDER.fullmatch(folder.resolve().name)
    return int(match[1]) if match else None


def above_ranks(root: Path, holds: Holds) -> Iterator[str]:
    """The folders beside or above bases, and bases without a rank: where graphs are."""
    level = [os.fspath(root)]
    for _ in range(SEARCH_DEPTH):
        below: list[str] = []
        for folder in level:
            yield folder
            if not holds((None, folder)):
                below += [e.path for e in folders(folder) if not RANK_FOLDER.fullmatch(e.name)]
        level = below
