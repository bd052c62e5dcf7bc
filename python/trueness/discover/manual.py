"""Tensors that a user dumped one by one with `dump_data`: in `golden_tensor`, the files
`{token}/{label}_tensor.pth` and `metadata.json`, which names the file of the other side of each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trueness.discover import tree
from trueness.discover.flat import files_below
from trueness.model import Dump, Leftover, Record, TensorRef

FOLDER = "golden_tensor"
METADATA = "metadata.json"
MAX_METADATA = 1 << 28
_PROCESS = re.compile(r"\d+_(-?\d+)")
_TOKEN = re.compile(r"\d{1,18}")


class Manual:
    name = "manual"

    def refusal(self, root: Path) -> str | None:
        if next(_golden_folders(root), None) is None:
            return f"no {FOLDER}/{METADATA} around it or in a {{PID}}_{{DEVICE}} folder of it"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """Every golden file and every record, also when `root` is only one of the files; `rank` and
        `token` are ignored. What is wrong with a metadata.json is left over."""
        found = _Found()
        for folder, device in _golden_folders(root):
            _read_folder(found, folder, device)
        sources = dict.fromkeys(record.source for record in found.records)
        evidence = f"{len(found.records)} records in {', '.join(sources)}"
        return Dump(
            self.name, str(root), found.tensors, (), found.leftover, found.records, evidence
        )


@dataclass
class _Found:
    tensors: list[TensorRef] = field(default_factory=list)
    leftover: list[Leftover] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


class _Object(list[tuple[str, object]]):
    """A JSON object with the keys that are there twice."""


def _golden_folders(root: Path) -> Iterator[tuple[str, int | None]]:
    """(golden_tensor folder, device) for a dump root, a process folder, golden_tensor itself or a
    file in it."""
    if root.is_file():
        above = [parent for parent in root.absolute().parents[:2] if parent.name == FOLDER]
        yield from ((str(f), _device(f.parent.name)) for f in above if (f / METADATA).is_file())
        return
    if root.absolute().name == FOLDER and (root / METADATA).is_file():
        yield str(root), _device(root.absolute().parent.name)
        return
    if (root / FOLDER / METADATA).is_file():
        yield str(root / FOLDER), _device(root.absolute().name)
        return
    names = (entry.name for entry in tree.folders(os.fspath(root)))
    for process in (root / name for name in names if _PROCESS.fullmatch(name)):
        if (process / FOLDER / METADATA).is_file():
            yield str(process / FOLDER), _device(process.name)


def _device(process: str) -> int | None:
    """Dumped on a CPU the device is -1, which is none."""
    match = _PROCESS.fullmatch(process)
    return int(match[1]) if match and match[1].isdecimal() else None


def _read_folder(found: _Found, folder: str, device: int | None) -> None:
    metadata = os.path.join(folder, METADATA)
    for path in sorted(files_below(folder, found.leftover)):
        if path == metadata:
            continue
        above = os.path.basename(os.path.dirname(path))
        found.tensors.append(
            TensorRef(
                path,
                op_name=os.path.relpath(path, folder),
                device=device,
                token=int(above) if _TOKEN.fullmatch(above) else None,
            )
        )
    try:
        content = _load(metadata)
    except (OSError, ValueError, RecursionError) as error:
        reason = f"no metadata can be read from it: {error or type(error).__name__}"
        found.leftover.append(Leftover(TensorRef(metadata, device=device), reason))
        return
    found.records += _records(metadata, content)


def _load(path: str) -> _Object:
    size = os.stat(path).st_size
    if size > MAX_METADATA:
        raise ValueError(f"{size} bytes, at most {MAX_METADATA} are expected")
    with open(path, encoding="utf-8") as file:
        content = json.load(file, object_pairs_hook=_Object)
    if not isinstance(content, _Object):
        raise ValueError("its outermost value is no object")
    return content


def _records(source: str, content: _Object) -> Iterator[Record]:
    for label, tokens in content:
        if not isinstance(tokens, _Object):
            yield Record(source, label, None, "", "", "its value is no object of tokens")
            continue
        for token, paths in tokens:
            yield _record(source, label, token, paths)


def _record(source: str, label: str, token: str, paths: object) -> Record:
    number = int(token) if _TOKEN.fullmatch(token) else None
    named = label if number is not None else f"{label} (token {token})"
    if isinstance(paths, _Object) or not isinstance(paths, list) or len(paths) < 2:
        return Record(source, named, number, "", "", "not a list of a golden and a my path")
    golden, my = paths[:2]
    if not (isinstance(golden, str) and isinstance(my, str) and golden and my):
        return Record(source, named, number, "", "", "its two paths are not both texts")
    return Record(source, named, number, golden, my)
