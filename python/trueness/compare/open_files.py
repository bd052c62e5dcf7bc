"""Files that are open, the last used ones kept: an operator's file is asked for by each of its
tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import TypeVar

from trueness import _core, read
from trueness.errors import TruenessError
from trueness.model import Described, Member, Statistics, TensorRef
from trueness.read.statistics import KINDS

CAPACITY = 128
"""Each open file holds a mapping and a descriptor; 1024 descriptors are a usual limit."""


class NoSuchTensor(TruenessError):
    """The file has no tensor of that name, or several where one was meant."""


_Tensor = TypeVar("_Tensor")


def tensors_of(kind: str, stored: Sequence[_Tensor]) -> Sequence[_Tensor]:
    """Those that count. An ATB file grows by a record with every dump to its name: the last one is
    the tensor."""
    return stored[-1:] if kind == "atb" else stored


class Tensors(list[_core.Tensor]):
    """The tensors of a file, also by what a TensorRef calls them."""

    @cached_property
    def by_member(self) -> dict[Member, _core.Tensor]:
        """Of several of one name the first."""
        return {member_of(tensor): tensor for tensor in reversed(self)}


class OpenFiles:
    """Shared by the threads of one comparison. A file is closed when the last tensor of it goes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = Lock()
        self._files: OrderedDict[str, Tensors] = OrderedDict()

    def tensors(self, path: str) -> Tensors:
        """Raises FormatError or ReadError; a failure is not remembered."""
        with self._lock:
            found = self._files.get(path)
            if found is not None:
                self._files.move_to_end(path)
                return found
        # Two threads may open one file at once; that is cheaper than to let all wait for one.
        file = read.open_file(path)
        found = Tensors(tensors_of(file.kind, file.tensors))
        with self._lock:
            self._files[path] = found
            if len(self._files) > self._capacity:
                self._files.popitem(last=False)
        return found

    def describe(self, ref: TensorRef) -> list[Described]:
        """What headers say, for `pair`. No dtype and an empty shape where statistics tell none."""
        if isinstance(ref.statistics, str):
            found = KINDS[ref.statistics](ref.path).items()
            return [_described(ref, member, statistics) for member, statistics in found]
        return [
            Described(t.io, t.index, t.dtype, t.logical_shape, t.name)
            for t in self.tensors(ref.path)
        ]

    def close(self) -> None:
        with self._lock:
            self._files.clear()


def _described(ref: TensorRef, member: Member | None, statistics: Statistics) -> Described:
    io, index = member if isinstance(member, tuple) else (ref.io, ref.index)
    if statistics.shape is None:
        return Described(io, index, "", ())
    return Described(io, index, statistics.dtype or "unknown", statistics.shape)


def pick(tensors: Tensors, ref: TensorRef) -> _core.Tensor:
    """The tensor that `ref` means among those of its file."""
    if ref.member is None:
        if len(tensors) != 1:
            raise NoSuchTensor(f"{ref.path}: holds {len(tensors)} tensors, one was meant")
        return tensors[0]
    found = tensors.by_member.get(ref.member)
    if found is None:
        raise NoSuchTensor(f"{ref.path}: has no tensor {label(ref.member)}")
    return found


def member_of(tensor: _core.Tensor) -> Member:
    """How a TensorRef names this tensor of its file."""
    return (tensor.io, tensor.index) if tensor.io else tensor.name


def label(member: Member) -> str:
    """The member as text: `input:0`, or the name."""
    return member if isinstance(member, str) else f"{member[0]}:{member[1]}"
