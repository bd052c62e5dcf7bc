"""Many tensors in one file that is mapped while they are made: whoever computes them writes
straight to where they will lie, so that a dump of any size takes no memory of its own.

The file is a safetensors one. Tensors begin at multiples of 64 bytes, with named filling between,
since that format allows no holes: https://github.com/huggingface/safetensors#format."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any

ALIGNMENT = 64
_POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE of madvise(2), for which Python has no name."""
FILLING = "trueness.filling."
"""How the names of what lies between tensors begin."""
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
"""Bytes of an element by the name that safetensors gives its type."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor that is to be written. `dtype` is a key of SIZES."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return SIZES[self.dtype] * prod(self.shape)


class PackedFile:
    """`slots` have a place from the start; `append` adds tensors of which the shape came late.
    `close` writes the header: before it, the file is none."""

    def __init__(self, path: str, slots: Sequence[Slot], late: Sequence[str] = ()) -> None:
        """Takes the disk space at once, so that a full disk is an OSError here and not a dead
        process when a page of the mapping is first written."""
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self._end = 0
        self._room = 8 + _header_room([slot.name for slot in slots], late)
        for slot in slots:
            self._place(slot)
        self._file = open(path, "x+b")  # noqa: SIM115 - open until close
        total = self._room + self._end
        os.posix_fallocate(self._file.fileno(), 0, total)
        self._map = mmap.mmap(self._file.fileno(), total)
        _take_pages(self._map, total)

    def view(self, name: str) -> memoryview:
        """The bytes of a slot, to be written to. Must be let go of before `close`."""
        begin, end = self._entries[name]["data_offsets"]
        return memoryview(self._map)[self._room + begin : self._room + end]

    def append(self, slot: Slot, content: Any) -> None:
        """`content` is anything with a buffer of `slot.nbytes` bytes."""
        self._place(slot)
        begin, _ = self._entries[slot.name]["data_offsets"]
        self._file.seek(self._room + begin)
        self._file.write(content)

    def close(self) -> None:
        text = json.dumps(self._entries, separators=(",", ":")).encode()
        header = text.ljust(self._room - 8)
        if len(header) > self._room - 8:
            raise ValueError(f"{self._path}: {len(header)} bytes of header, room for {self._room}")
        self._map.close()
        self._file.truncate(self._room + self._end)
        self._file.seek(0)
        self._file.write(len(header).to_bytes(8, "little") + header)
        self._file.close()

    def abandon(self) -> None:
        """Closes without a header; the file is of no use then."""
        # What went wrong may still hold views, and is what should be heard of.
        with suppress(BufferError):
            self._map.close()
        self._file.close()

    def _place(self, slot: Slot) -> None:
        gap = -self._end % ALIGNMENT
        if gap:
            self._entry(f"{FILLING}{len(self._entries)}", "U8", (gap,), gap)
        self._entry(slot.name, slot.dtype, slot.shape, slot.nbytes)

    def _entry(self, name: str, dtype: str, shape: tuple[int, ...], nbytes: int) -> None:
        offsets = [self._end, self._end + nbytes]
        self._entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
        self._end += nbytes


def _take_pages(pages: mmap.mmap, size: int) -> None:
    """All at once, which costs half of what one fault for each does while a model runs. They are
    those of the file, so a dump that would fill the memory is left to come a page at a time."""
    if size <= os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE // 4:
        # Kernels before Linux 5.14 do not know it.
        with suppress(OSError):
            pages.madvise(_POPULATE_WRITE)


def _header_room(names: Sequence[str], late: Sequence[str]) -> int:
    """Enough for every entry with its filling, whatever its shape, and a multiple of a page: so
    the first tensor lies at the start of one."""
    size = sum(len(json.dumps(name)) + 512 for name in (*names, *late)) + 2
    return -(-(size + 8) // mmap.PAGESIZE) * mmap.PAGESIZE - 8
