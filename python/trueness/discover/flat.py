"""A plain folder of files, or one file; a file is known by its path inside the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from trueness.model import Dump, TensorRef

_IGNORED = re.compile(r"\.|trueness_report_\w+\.csv(\.partial)?$")
"""Hidden files, and what an earlier comparison wrote into the dump: no tensors are in there."""


class Flat:
    name = "flat"

    def refusal(self, root: Path) -> str | None:
        if root.is_dir() and next(files_below(os.fspath(root)), None) is None:
            return "no file in the folder or below it"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """`rank` and `token` have no meaning here and are ignored."""
        top = os.fspath(root)
        if not root.is_dir():
            return Dump(self.name, top, [TensorRef(top, op_name=root.name)], evidence="one file")
        cut = len(top.rstrip(os.sep)) + 1
        tensors = [TensorRef(path, op_name=path[cut:]) for path in sorted(files_below(top))]
        evidence = f"{len(tensors)} files, known by their names"
        return Dump(self.name, top, tensors, evidence=evidence)


def files_below(top: str) -> Iterator[str]:
    """Links to folders are not followed: a loop would never end."""
    waiting = [top]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not _IGNORED.match(entry.name) and _is_file(entry):
                    yield entry.path


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Also a link that leads nowhere, or to itself: its row says so, where leaving it out would
    hide it."""
    if entry.is_symlink() and not os.path.exists(entry.path):
        return True
    return entry.is_file()
