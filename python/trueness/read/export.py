"""Tensors of an opened file, written to files of their own."""

from __future__ import annotations

import math
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import numpy as np

from trueness._core import DTYPE_BITS, Tensor
from trueness.errors import FormatError, ReadError, UsageError
from trueness.read.file import TensorFile

Kind = Literal["npy", "pt", "bin"]

MAX_NAME_BYTES = 255
_CHUNK_ELEMENTS = 1 << 18
_CHUNK_BYTES = 1 << 22
_TORCH_ONLY = {
    "bfloat16": "bfloat16",
    "float8_e4m3fn": "float8_e4m3fn",
    "float8_e5m2": "float8_e5m2",
    "float8_e8m0": "float8_e8m0fnu",
    "complex32": "complex32",
}


class Exporter:
    """Writes under a temporary name and renames, so that no half file carries a final name. With
    `force` false, a file that exists is left alone and reported."""

    def __init__(self, kind: Kind, force: bool) -> None:
        self._kind = kind
        self._force = force
        if kind == "pt":
            try:
                import torch
            except ImportError as error:
                raise UsageError(
                    'writing .pt needs torch: pip install "trueness[torch]"'
                ) from error
            self._torch = torch

    def export(self, file: TensorFile, folder: Path) -> list[str]:
        """Writes what can be written into `folder`; returns a sentence for each tensor that
        cannot."""
        problems: list[str] = []
        taken: set[str] = set()
        for tensor in file.tensors:
            # Bytes of an unknown type can only be kept as they are.
            raw = self._kind == "bin" or tensor.dtype not in DTYPE_BITS
            name = _file_name(file, tensor, raw, self._kind)
            if name in taken:
                name = f"{tensor.index}.{name}"
            taken.add(name)
            try:
                self._write(tensor, raw, _short_enough(folder, name))
            except (FormatError, ReadError) as error:
                problems.append(str(error))
            except FileExistsError:
                problems.append(f"{folder / name}: exists already (--force replaces it)")
        return problems

    def _write(self, tensor: Tensor, raw: bool, path: Path) -> None:
        if path.exists() and not self._force:
            raise FileExistsError(path)
        with _replacing(path) as target:
            if raw:
                for at in range(0, tensor.nbytes, _CHUNK_BYTES) or (0,):
                    target.write(tensor.raw(at, min(_CHUNK_BYTES, tensor.nbytes - at)))
            elif self._kind == "pt":
                self._save_torch(tensor, target)
            else:
                _write_npy(tensor, target)

    def _save_torch(self, tensor: Tensor, target: IO[bytes]) -> None:
        value = self._torch.from_numpy(tensor.numpy())
        if tensor.dtype in _TORCH_ONLY:
            value = value.to(getattr(self._torch, _TORCH_ONLY[tensor.dtype]))
        self._torch.save(value, target)


def _write_npy(tensor: Tensor, target: IO[bytes]) -> None:
    dtype = tensor.flat_numpy(0, 0).dtype
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": tensor.logical_shape,
    }
    np.lib.format.write_array_header_1_0(target, header)
    count = math.prod(tensor.logical_shape)
    for first in range(0, count, _CHUNK_ELEMENTS):
        target.write(tensor.flat_numpy(first, min(_CHUNK_ELEMENTS, count - first)).data)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    temporary = path.with_name(f".trueness-{os.getpid()}-{uuid.uuid4().hex[:12]}")
    try:
        with temporary.open("xb") as target:
            yield target
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _file_name(file: TensorFile, tensor: Tensor, raw: bool, kind: Kind) -> str:
    source = Path(file.path).name
    io = {"buffer": "l1buffer"}.get(tensor.io, tensor.io)
    which = f"{io}.{tensor.index}" if io else _safe(tensor.name) or str(tensor.index)
    if not raw:
        return f"{source}.{which}.{kind}"
    if tensor.dtype not in DTYPE_BITS:
        return f"{source}.{which}.bin"
    count = math.prod(tensor.logical_shape)
    layout = f".{_safe(tensor.format)}" if tensor.format else ""
    return f"{source}.{which}.{count}.{tensor.dtype}{layout}.bin"


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", name).lstrip(".")


def _short_enough(folder: Path, name: str) -> Path:
    """The path for `name`; when file systems would refuse its length, one of its hash, with a line
    in mapping.csv as the dumps themselves have it."""
    if len(os.fsencode(name)) <= MAX_NAME_BYTES:
        return folder / name
    # A name need not be UTF-8, which hash and file want; in mapping.csv its bytes stay as they are.
    hashable = name.encode(errors="backslashreplace").decode()
    short = f"{uuid.uuid3(uuid.NAMESPACE_DNS, hashable).hex}{Path(name).suffix}"
    mapping = folder / "mapping.csv"
    line = os.fsencode(f"{short},{name}\n")
    if not mapping.exists() or line not in mapping.read_bytes():
        with mapping.open("ab") as target:
            target.write(line)
    return folder / short
