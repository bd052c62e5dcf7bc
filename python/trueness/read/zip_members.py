"""Members of a zip archive as byte ranges: in place when stored, unpacked once when deflated."""

from __future__ import annotations

import io
import mmap
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from trueness._core import Source
from trueness.errors import FormatError

MAX_UNPACKED_BYTES = 8 << 30
"""What all deflated members of one archive may unpack to."""

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1
_CHUNK = 1 << 20
_BROKEN_ZIP = (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error)


class _SourceFile(io.RawIOBase):
    """A source as the seekable file that zipfile wants, so that an archive is opened only once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}
        position = start[whence] + offset
        if position < 0:
            raise OSError("seek before the start of the archive")
        self._position = position
        return position

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._source.size - self._position, 0)
        count = left if size is None or size < 0 else min(size, left)
        data = self._source.read(self._position, count)
        self._position += count
        return data


@dataclass(frozen=True, slots=True)
class Member:
    """Bytes [offset, offset + size) of `source` are the content of one archive member."""

    source: Source
    offset: int
    size: int

    def read(self) -> bytes:
        return self.source.read(self.offset, self.size)


class Archive:
    """The directory of a zip file, read from `source` alone. Raises FormatError when broken."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._unpacked = 0
        try:
            with zipfile.ZipFile(_SourceFile(source)) as directory:
                entries = directory.infolist()
        except _BROKEN_ZIP as error:
            raise self._error(0, "", "a whole zip archive", str(error)) from error
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise self._error(0, "", "one archive member for each name", "a name that occurs twice")

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def member(self, name: str) -> Member:
        """Raises FormatError for a member that is encrypted, broken or too large to unpack."""
        entry = self._entries[name]
        start = self._data_start(entry)
        if entry.compress_type == zipfile.ZIP_STORED:
            if entry.compress_size != entry.file_size:
                raise self._error(
                    start, name, f"{entry.file_size} stored bytes", f"{entry.compress_size}"
                )
            return Member(self.source, start, entry.file_size)
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            method = f"compression method {entry.compress_type}"
            raise self._error(start, name, "a stored or deflated member", method)
        return Member(self._unpack(entry, start), 0, entry.file_size)

    def _data_start(self, entry: zipfile.ZipInfo) -> int:
        name, at = entry.filename, entry.header_offset
        if entry.flag_bits & _ENCRYPTED:
            raise self._error(max(at, 0), name, "a member without password", "an encrypted one")
        if not 0 <= at <= self.source.size - _LOCAL_HEADER.size:
            raise self._error(0, name, "a member inside the archive", f"one at byte {at}")
        header = _LOCAL_HEADER.unpack(self.source.read(at, _LOCAL_HEADER.size))
        if header[0] != b"PK\x03\x04":
            raise self._error(at, name, "a local file header", repr(header[0]))
        start = at + _LOCAL_HEADER.size + int(header[9]) + int(header[10])
        if entry.compress_size > self.source.size - start:
            raise self._error(
                start,
                name,
                f"{entry.compress_size} bytes",
                f"{max(self.source.size - start, 0)} before the end of the file",
            )
        return start

    def _unpack(self, entry: zipfile.ZipInfo, start: int) -> Source:
        name, size = entry.filename, entry.file_size
        self._unpacked += size
        if self._unpacked > MAX_UNPACKED_BYTES:
            limit = f"at most {MAX_UNPACKED_BYTES} bytes to unpack (unzip larger archives first)"
            raise self._error(start, name, limit, f"{self._unpacked}")
        label = f"{self.source.path}:{name}"
        if size == 0:
            return Source.from_buffer(label, b"")
        # Without a name in the file system: nobody else can shrink it, and it vanishes with us.
        with tempfile.TemporaryFile() as target:
            self._inflate(entry, start, target)
            target.flush()
            return Source.from_buffer(label, mmap.mmap(target.fileno(), size, prot=mmap.PROT_READ))

    def _inflate(self, entry: zipfile.ZipInfo, start: int, target: IO[bytes]) -> None:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        written = checksum = 0
        try:
            for at in range(0, entry.compress_size, _CHUNK):
                count = min(_CHUNK, entry.compress_size - at)
                pending = self.source.read(start + at, count)
                while pending and not inflater.eof:
                    data = inflater.decompress(pending, _CHUNK)
                    pending = inflater.unconsumed_tail
                    written += len(data)
                    if written > entry.file_size:
                        break
                    checksum = zlib.crc32(data, checksum)
                    target.write(data)
        except zlib.error as error:
            raise self._error(start, entry.filename, "deflated data", str(error)) from error
        # A stream that fills the last output chunk exactly still holds its end mark.
        tail = inflater.flush() if written <= entry.file_size else b""
        checksum = zlib.crc32(tail, checksum)
        target.write(tail)
        if written + len(tail) != entry.file_size or not inflater.eof:
            found = f"{written + len(tail)}" + ("" if inflater.eof else " and no end")
            raise self._error(start, entry.filename, f"{entry.file_size} unpacked bytes", found)
        if checksum != entry.CRC:
            raise self._error(
                start, entry.filename, f"checksum {entry.CRC:#010x}", f"{checksum:#010x}"
            )

    def _error(self, offset: int, member: str, expected: str, found: str) -> FormatError:
        name = f"member '{member}'" if member else ""
        return FormatError(self.source.path, offset, name, expected, found)
