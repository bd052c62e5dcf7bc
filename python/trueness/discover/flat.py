"""A plain folder of files, or one file; a file is known by its path inside the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from trueness.model import Dump, Leftover, TensorRef

_IGNORED = re.compile(r"\.|trueness_report_\w+\.(?:csv|xlsx|html|parquet|json)(?:\.partial)?$")
"""Hidden files, and what an earlier comparison wrote into the dump: no tensors are in there."""
_ENDS = (
    "md rst txt log json jsonl yaml yml toml ini cfg conf csv tsv xml htm html pdf png jpg jpeg "
    "gif svg xls xlsx doc docx ppt pptx py ipynb sh pbtxt prototxt onnx"
)
_DOCUMENT_ENDS = frozenset(_ENDS.split())
_DOCUMENTS = frozenset(("readme", "license", "licence", "notice", "makefile"))
_NO_TENSORS = "no file of tensors by its name"


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
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        for path in sorted(files_below(top, leftover)):
            ref = TensorRef(path, None, path[cut:])
            if is_document(path[path.rfind(os.sep) + 1 :]):
                leftover.append(Leftover(ref, _NO_TENSORS, expected=True))
            else:
                tensors.append(ref)
        evidence = f"{len(tensors)} files, known by their names"
        return Dump(self.name, top, tensors, (), leftover, evidence=evidence)


def is_document(name: str) -> bool:
    """Whether notes, tables, pictures and programs have such names, and tensors have not."""
    _, dot, end = name.lower().rpartition(".")
    return end in (_DOCUMENT_ENDS if dot else _DOCUMENTS)


def files_below(top: str, leftover: list[Leftover] | None = None) -> Iterator[str]:
    """The files in a folder and below it; also links that lead nowhere or to themselves, since
    whoever reads them says so. What is neither file nor folder, or cannot be entered, is added to
    `leftover`. Links to folders below `top` are followed, each folder through one of them only and
    no link behind another, so that neither loops nor many links multiply the files. Raises OSError
    when `top` itself cannot be listed."""
    os.scandir(top).close()
    left: list[_Left] = []
    links: list[str] = []
    yield from _walk(top, left, links)
    for path in _to_follow(top, sorted(links), left):
        yield from _walk(path, left, [])
    if leftover is not None:
        cut = len(top.rstrip(os.sep)) + 1
        for path, reason, expected in sorted(left):
            leftover.append(Leftover(TensorRef(path, op_name=path[cut:]), reason, expected))


_Left = tuple[str, str, bool]
"""Path, reason, and whether nothing is missed by leaving it."""


def _walk(top: str, left: list[_Left], links: list[str]) -> Iterator[str]:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            entries = os.scandir(folder)
        except OSError as error:
            left.append((folder, f"its files cannot be listed: {error.strerror}", False))
            continue
        with entries:
            for entry in entries:
                # Plain files first: a folder may hold many thousands of them.
                if entry.is_file(follow_symlinks=False):
                    if not _ignored(entry.name):
                        yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif _ignored(entry.name):
                    continue
                elif _is_file(entry):
                    yield entry.path
                elif entry.is_dir():
                    links.append(entry.path)
                else:
                    left.append((entry.path, "a pipe, a socket or a device", True))


def _to_follow(top: str, links: list[str], left: list[_Left]) -> Iterator[str]:
    root = os.path.join(os.path.realpath(top), "")
    followed: set[str] = set()
    for path in links:
        target = os.path.realpath(path)
        inside = os.path.realpath(os.path.dirname(path))
        if os.path.join(inside, "").startswith(os.path.join(target, "")):
            left.append((path, f"a link to {target}, which it lies in", True))
        elif not target.startswith(root):
            left.append((path, f"a link to {target}, which lies elsewhere: give that", False))
        elif target in followed:
            left.append((path, f"another link to {target}", True))
        else:
            followed.add(target)
            yield path


def _ignored(name: str) -> bool:
    return name.startswith((".", "trueness_report_")) and _IGNORED.match(name) is not None


def _is_file(entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink() and not os.path.exists(entry.path):
        return True
    return entry.is_file()
