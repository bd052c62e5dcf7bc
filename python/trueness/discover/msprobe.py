"""Dumps of msprobe: `step{N}/rank{R}/dump.json` tells of every call and its tensors, their values
lie beside it in `dump_tensor_data/`, or were never kept and the statistics in dump.json are all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trueness.discover import tree
from trueness.discover.msprobe_calls import callers
from trueness.discover.selection import Selection
from trueness.model import Dump, Leftover, Statistics, TensorRef

DUMP = "dump.json"
DATA = "dump_tensor_data"
_STEP = re.compile(r"step(\d{1,9})")
_RANK = re.compile(r"rank(\d{1,9})")
_MODULE = re.compile(r"(?:Module|Cell)\..*?(?P<type>[^.]+)\.(?:forward|backward|parameters_grad)\b")
_API = re.compile(r".*?(?P<type>[^.]+)\.\d+\.(?:forward|backward)\Z")
SEARCH_DEPTH = 3
MAX_DEPTH = 32
"""Of lists inside each other among the arguments of a call."""


class Msprobe:
    name = "msprobe"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if next(_places(root), None) is None:
            return f"no {DUMP} in it or up to {SEARCH_DEPTH} folders below"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """`token` is the step. A dump.json that cannot be read is left over with the reason."""
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        selection = Selection(rank, token)
        for place in _places(root):
            takes_rank = selection.takes_rank(place.rank, place.folder)
            if takes_rank and selection.takes_token(place.step, place.folder):
                try:
                    tensors += _Reader(place).tensors(leftover)
                except (OSError, ValueError, RecursionError) as error:
                    leftover.append(Leftover(place.ref(), f"cannot be read: {error}"))
        tensors.sort(key=lambda ref: (ref.rank or 0, ref.token or 0))
        return Dump(self.name, str(root), tensors, (), leftover, skipped=selection.skipped)


@dataclass(frozen=True, slots=True)
class _Place:
    folder: str
    step: int | None
    rank: int | None

    def ref(self) -> TensorRef:
        return TensorRef(os.path.join(self.folder, DUMP), rank=self.rank, token=self.step)


def _places(root: Path) -> Iterator[_Place]:
    level = [os.fspath(root)]
    for _ in range(SEARCH_DEPTH + 1):
        below: list[str] = []
        for folder in level:
            if os.path.isfile(os.path.join(folder, DUMP)):
                parts = Path(folder).resolve().parts[-2:]
                yield _Place(folder, _number(_STEP, parts), _number(_RANK, parts))
            else:
                below += [entry.path for entry in tree.folders(folder) if entry.name != DATA]
        level = below


def _number(pattern: re.Pattern[str], names: tuple[str, ...]) -> int | None:
    found = [match for name in names if (match := pattern.fullmatch(name))]
    return int(found[-1][1]) if found else None


@dataclass
class _Reader:
    """One dump.json."""

    place: _Place
    data: str = ""
    found: list[TensorRef] = field(default_factory=list)

    def tensors(self, leftover: list[Leftover]) -> list[TensorRef]:
        path = os.path.join(self.place.folder, DUMP)
        content = _mapping(json.loads(Path(path).read_bytes()))
        calls = content.get("data")
        if not isinstance(calls, dict):
            raise ValueError(f"{path} has no table 'data' of calls")
        folders = (DATA, os.path.basename(str(content.get("dump_data_dir", "")).rstrip("/\\")))
        here = [os.path.join(self.place.folder, name) for name in folders if name]
        self.data = next(filter(os.path.isdir, here), "")
        scopes = callers(self.place.folder, self.place.ref(), leftover)
        for order, (name, call) in enumerate(calls.items()):
            match = _MODULE.match(name) or _API.match(name)
            start = replace(
                self.place.ref(),
                op_name=name,
                op_type=match["type"] if match else "",
                scope=scopes.get(name, ""),
                order=order,
            )
            self._call(start, _mapping(call))
        return self.found

    def _call(self, start: TensorRef, call: Mapping[str, object]) -> None:
        for section, value in call.items():
            io = "input" if "input" in section else "output" if "output" in section else ""
            ref = replace(start, member=f"{start.op_name}.{io or section}", io=io)
            if section == "input_kwargs" or section == "parameters":
                for name, inner in _mapping(value).items():
                    self._value(replace(_below(ref, name), argument=name), inner, 0)
            elif isinstance(value, list):
                named = ref if io else replace(ref, argument=section)
                for index, inner in enumerate(value):
                    self._value(replace(_below(named, index), index=index), inner, 0)

    def _value(self, ref: TensorRef, value: object, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f"arguments of {ref.op_name} lie more than {MAX_DEPTH} lists deep")
        if isinstance(value, list):
            for i, inner in enumerate(value):
                self._value(replace(_below(ref, i), nested=(*ref.nested, i)), inner, depth + 1)
        elif isinstance(value, dict) and "shape" in value and "dtype" in value:
            self._tensor(ref, value)
        elif isinstance(value, dict) and "type" not in value:
            for key, inner in value.items():
                name = f"{ref.argument}.{key}" if ref.argument else key
                self._value(replace(_below(ref, key), argument=name), inner, depth + 1)

    def _tensor(self, ref: TensorRef, said: Mapping[str, object]) -> None:
        file = said.get("data_name")
        if self.data and isinstance(file, str) and file and os.path.basename(file) == file:
            path = os.path.join(self.data, file)
            self.found.append(replace(ref, path=path, member=None))
        else:
            self.found.append(replace(ref, statistics=_statistics(said)))


def _below(ref: TensorRef, step: int | str) -> TensorRef:
    return replace(ref, member=f"{ref.member}.{step}")


def _statistics(said: Mapping[str, object]) -> Statistics:
    shape = said.get("shape")
    whole = isinstance(shape, list) and all(isinstance(dim, int) for dim in shape)
    return Statistics(
        max_value=_float(said.get("Max")),
        min_value=_float(said.get("Min")),
        mean_value=_float(said.get("Mean")),
        l2norm=_float(said.get("Norm")),
        checksum=str(said.get("md5") or ""),
        dtype=str(said.get("dtype", "")).rpartition(".")[2].lower(),
        shape=tuple(shape) if isinstance(shape, list) and whole else None,
    )


def _float(value: object) -> float | None:
    """msprobe writes null for what it did not compute, and some versions text for NaN."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"a table of names was expected, found {type(value).__name__}")
    return value
