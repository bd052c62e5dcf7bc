"""Tensors as files that are whole or not there."""

from __future__ import annotations

import errno
import os
import re
import sys
import uuid
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import IO, Any

from trueness.errors import UsageError

Tensor = Any
"""A torch.Tensor; torch is not imported before somebody has one."""

MAX_NAME = 150
"""Bytes of a name made from what a user called a tensor; suffixes come on top."""
_UNSAFE = re.compile(r"[/%\x00-\x1f\x7f\ud800-\udfff]|^\.")
_NO_ANONYMOUS_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.EPERM)
_CODES = {
    "bool": "|b1",
    "uint8": "|u1",
    "int8": "|i1",
    **{f"int{bits}": f"i{bits // 8}" for bits in (16, 32, 64)},
    **{f"uint{bits}": f"u{bits // 8}" for bits in (16, 32, 64)},
    **{f"float{bits}": f"f{bits // 8}" for bits in (16, 32, 64)},
    "complex64": "c8",
    "complex128": "c16",
}
_ORDER = "<" if sys.byteorder == "little" else ">"
_NAMED = frozenset(("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"))
"""Types that .npy has no code for: the name is written, as ml_dtypes registers it with numpy."""


def write_whole(path: str, write: Callable[[IO[bytes]], object]) -> None:
    """Puts a file in the place of what was at `path` once all of it is written. A process that is
    killed before leaves nothing behind where the file system knows files without names."""
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".trueness-{os.getpid()}-{uuid.uuid4().hex[:12]}")
    try:
        if not _written_without_a_name(folder, temporary, write):
            with open(temporary, "xb") as file:
                write(file)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _written_without_a_name(
    folder: str, temporary: str, write: Callable[[IO[bytes]], object]
) -> bool:
    """Whether the file was written and called `temporary` when it was complete."""
    handle = _anonymous(folder)
    if handle is None:
        return False
    with os.fdopen(handle, "wb") as file:
        write(file)
        file.flush()
        try:
            # Only with a folder, which an absolute path makes idle, is the link followed.
            os.link(f"/proc/self/fd/{handle}", temporary, src_dir_fd=handle)
        except OSError:
            # Some network file systems open such files and cannot name them.
            return False
    return True


def _anonymous(folder: str) -> int | None:
    """A descriptor of a file without a name, or None where there are none."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError as error:
        if error.errno in _NO_ANONYMOUS_FILES and os.path.isdir(folder):
            return None
        raise


def write_text(path: str, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode("utf-8", "backslashreplace")))


def write_npy(path: str, tensor: Tensor) -> None:
    """`tensor` as `on_host` gives it, in its own dtype; complex32 becomes complex64. Raises
    UsageError for a dtype that has no numbers."""
    if _dtype(tensor) == "complex32":
        tensor = tensor.to(_torch().complex64)
    head = _npy_header(_descr(_dtype(tensor)), tuple(tensor.shape))
    body = raw(tensor)

    def write(file: IO[bytes]) -> None:
        file.write(head)
        file.write(body)

    write_whole(path, write)


def write_pth(path: str, tensor: Tensor) -> None:
    """As torch.save does, of `tensor` as `on_host` gives it."""
    save = _torch().save
    write_whole(path, lambda file: save(tensor, file))


def on_host(tensor: Tensor, *, copy: bool = False) -> Tensor:
    """The values in CPU memory, contiguous, without a gradient and in a storage of just their size.
    With `copy` never the memory of the model, which may go on changing it."""
    plain = tensor.detach()
    if str(plain.layout) != "torch.strided":
        plain = plain.to_dense()
    if plain.is_quantized:
        plain = plain.dequantize()
    plain = plain.cpu().resolve_conj().resolve_neg().contiguous()
    shared = plain.data_ptr() == tensor.data_ptr() if copy and plain.numel() else False
    if shared or plain.untyped_storage().nbytes() != plain.nbytes:
        plain = plain.clone()
    return plain


def raw(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous CPU tensor, where they lie."""
    return memoryview(tensor.reshape(-1).view(_torch().uint8).numpy())


def is_tensor(value: object) -> bool:
    """Who has a torch tensor has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def safe_name(text: str) -> str:
    """A file name for any text; two texts never get the same one."""
    name = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)
    if len(name.encode()) > MAX_NAME:
        digest = sha256(name.encode()).hexdigest()[:24]
        return f"{name.encode()[: MAX_NAME - 25].decode(errors='ignore')}%-{digest}"
    return name or "%"


def _npy_header(descr: str, shape: Sequence[int]) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    # Data begin at a multiple of 64 bytes, behind magic, version, length and the line break.
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("ascii")


def _descr(dtype: str) -> str:
    if dtype in _NAMED:
        return dtype
    if dtype not in _CODES:
        raise UsageError(f"a tensor of type {dtype} cannot be dumped")
    code = _CODES[dtype]
    return code if code[0] == "|" else _ORDER + code


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _torch() -> Any:
    import torch

    return torch
