"""PyTorch's zip format (.pt, .pth): read in place, without torch and without running a pickle."""

from __future__ import annotations

import math

from trueness._core import DTYPE_BITS, Tensor
from trueness.errors import FormatError
from trueness.read.file import TensorFile
from trueness.read.nested import describe_others, named_values
from trueness.read.pickle_machine import PickleError, PickleMachine
from trueness.read.torch_globals import StoredTensor, load_storage, resolve
from trueness.read.zip_members import Archive, Member

MAX_PICKLE_BYTES = 64 << 20


def pickle_member(archive: Archive) -> str | None:
    """The name of the record that makes a zip archive one of torch.save, or None."""
    names = [name for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    return min(names, key=len, default=None)


def read_torch_zip(archive: Archive, pickle_name: str) -> TensorFile:
    """Every tensor of a saved object, named by its path in it ("a.b.0"; "" for a bare tensor).
    Raises FormatError when the pickle holds anything but tensors and plain data."""
    records = _Records(archive, pickle_name.removesuffix("data.pkl"))
    content = archive.member(pickle_name)
    if not 0 < content.size <= MAX_PICKLE_BYTES:
        raise FormatError(
            archive.source.path,
            content.offset,
            f"member '{pickle_name}'",
            f"a pickle of 1 to {MAX_PICKLE_BYTES} bytes",
            f"{content.size} bytes",
        )
    try:
        root = PickleMachine(content.read(), resolve, load_storage).run()
    except PickleError as error:
        raise FormatError(
            archive.source.path,
            content.offset + error.position,
            f"member '{pickle_name}'",
            error.expected,
            error.found,
        ) from error
    tensors: list[Tensor] = []
    others: list[tuple[str, object]] = []
    for name, value in named_values(archive.source.path, root):
        if isinstance(value, StoredTensor):
            tensors.append(records.tensor(value, name, len(tensors)))
        else:
            others.append((name, value))
    return TensorFile(archive.source.path, "torch", tensors, describe_others(others))


class _Records:
    """The data records of an archive, by storage key."""

    def __init__(self, archive: Archive, prefix: str) -> None:
        self._archive = archive
        self._prefix = prefix
        self._members: dict[str, Member] = {}
        self._big_endian = self._byte_order() == b"big"

    def _byte_order(self) -> bytes:
        name = f"{self._prefix}byteorder"
        if name not in self._archive:
            return b"little"
        member = self._archive.member(name)
        order = member.source.read(member.offset, min(member.size, 16))
        if order not in (b"little", b"big"):
            raise FormatError(
                self._archive.source.path,
                member.offset,
                f"member '{name}'",
                "little or big",
                repr(order),
            )
        return order

    def tensor(self, stored: StoredTensor, name: str, index: int) -> Tensor:
        """The values in place; one that cannot be read is still listed, with its problem."""
        offset = 0
        try:
            if stored.problem or stored.storage is None or stored.dtype not in DTYPE_BITS:
                problem = stored.problem or f"its type {stored.dtype} is not known"
                raise FormatError(self._archive.source.path, 0, name, "readable values", problem)
            record = self._record(stored.storage.key, name)
            offset = record.offset
            return self._view(stored, record, name).relabelled(name=name, index=index)
        except FormatError as error:
            return Tensor.unreadable(
                self._archive.source.path,
                name=name,
                index=index,
                problem=stored.problem or f"expected {error.expected}, found {error.found}",
                offset=max(error.offset, offset),
                dtype=stored.dtype,
                shape=stored.shape,
            )

    def _record(self, key: str, tensor: str) -> Member:
        if key not in self._members:
            name = f"{self._prefix}data/{key}"
            if name not in self._archive:
                path = self._archive.source.path
                raise FormatError(path, 0, tensor, f"a record '{name:.100}'", "none")
            self._members[key] = self._archive.member(name)
        return self._members[key]

    def _view(self, stored: StoredTensor, record: Member, name: str) -> Tensor:
        item = DTYPE_BITS[stored.dtype] // 8
        start = stored.offset * item
        last = sum((n - 1) * s for n, s in zip(stored.shape, stored.strides, strict=True))
        end = 0 if math.prod(stored.shape) == 0 else start + (last + 1) * item
        if end > record.size:
            raise FormatError(
                self._archive.source.path,
                record.offset,
                name,
                f"a storage of at least {end} bytes",
                f"{record.size}",
            )
        return record.source.tensor(
            offset=record.offset + (start if end else 0),
            dtype=stored.dtype,
            shape=stored.shape,
            strides=stored.strides,
            byte_swapped=self._big_endian,
            name=name,
        )
