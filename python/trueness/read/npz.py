"""NumPy's .npz: a zip archive with one .npy file for each array."""

from __future__ import annotations

from trueness._core import Tensor
from trueness.errors import FormatError
from trueness.read.file import TensorFile
from trueness.read.zip_members import Archive


def read_npz(archive: Archive) -> TensorFile:
    """A tensor for each .npy member, named as the array. A member that cannot be read is still
    listed, with its problem."""
    tensors: list[Tensor] = []
    warnings: list[str] = []
    for member in archive.names:
        if not member.endswith(".npy"):
            if not member.endswith("/"):
                warnings.append(f"member '{member}' is not an array")
            continue
        tensors.append(_read_member(archive, member, len(tensors)))
    return TensorFile(archive.source.path, "npz", tensors, warnings)


def _read_member(archive: Archive, member: str, index: int) -> Tensor:
    name = member.removesuffix(".npy")
    try:
        content = archive.member(member)
        file = content.source.parse(offset=content.offset, size=content.size)
        if len(file.tensors) != 1:
            raise FormatError(
                archive.source.path, content.offset, name, "one array", f"{len(file.tensors)}"
            )
        return file.tensors[0].relabelled(name=name, index=index)
    except FormatError as error:
        return Tensor.unreadable(
            archive.source.path, name=name, index=index, problem=str(error), offset=error.offset
        )
