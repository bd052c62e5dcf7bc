"""Opening a file by what it holds. The suffix of its name plays no part."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from trueness._core import Source
from trueness.errors import FormatError, ReadError, UsageError
from trueness.read.file import TensorFile

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_LEGACY_TORCH_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"


def open_file(
    path: str | os.PathLike[str],
    *,
    dtype: object = None,
    shape: Sequence[int] | None = None,
    offset: int = 0,
) -> TensorFile:
    """Opens any supported file and describes its tensors; no values are read yet.

    With `dtype` and `shape` the file is a headerless binary whose data begin at byte `offset`.
    Raises FormatError for content that is of no known kind or broken, ReadError when the file
    cannot be read, UsageError for arguments that do not go together.
    """
    if (dtype is None) != (shape is None):
        raise UsageError("a headerless binary needs both dtype and shape")
    try:
        source = Source(os.fspath(path))
    except UsageError:
        raise
    except ValueError as error:
        # Names come out of files too, and need not be ones that a file can have.
        raise ReadError(os.fspath(path), str(error)) from None
    if shape is not None:
        from trueness.read.raw import read_raw

        return read_raw(source, dtype, shape, offset)
    if offset:
        raise UsageError("an offset is only for headerless binaries: give dtype and shape as well")
    try:
        return TensorFile.of(source.parse())
    except FormatError:
        open_it = _container(source)
        if open_it is None:
            raise
    return open_it(source)


def _container(source: Source) -> Callable[[Source], TensorFile] | None:
    """Who reads it, if it is one of those that the core does not know."""
    head = source.read(0, min(source.size, 32))
    if head[:4] in _ZIP_STARTS:
        return _open_zip
    if head[:1] == b"\x80" and head[2:14] == _LEGACY_TORCH_MAGIC:
        return _open_legacy_torch
    return None


def _open_legacy_torch(source: Source) -> TensorFile:
    from trueness.read.legacy_torch import read_legacy_torch

    return read_legacy_torch(source)


def _open_zip(source: Source) -> TensorFile:
    from trueness.read.npz import read_npz
    from trueness.read.torch_zip import pickle_member, read_torch_zip
    from trueness.read.zip_members import Archive

    archive = Archive(source)
    name = pickle_member(archive)
    if name is not None:
        return read_torch_zip(archive, name)
    if any(member.endswith(".npy") for member in archive.names):
        return read_npz(archive)
    raise FormatError(
        source.path,
        0,
        "",
        "a zip archive of torch.save (with data.pkl) or numpy.savez (with .npy members)",
        f"{len(archive.names)} other members",
    )
