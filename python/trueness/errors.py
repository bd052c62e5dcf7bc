"""Everything this package raises on purpose. Each class carries data, not only a sentence."""

from __future__ import annotations


class TruenessError(Exception):
    """Base of all errors below."""


class FormatError(TruenessError):
    """A file is not what its format promises.

    `path` and byte `offset` say where, `tensor` which tensor ("" when the whole file is meant),
    `expected` and `found` the two sides of the broken expectation.
    """

    def __init__(self, path: str, offset: int, tensor: str, expected: str, found: str) -> None:
        where = f"{path}: byte {offset}" + (f", {tensor}" if tensor else "")
        super().__init__(f"{where}: expected {expected}, found {found}")
        self.path = path
        self.offset = offset
        self.tensor = tensor
        self.expected = expected
        self.found = found

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, int, str, str, str]]:
        return type(self), (self.path, self.offset, self.tensor, self.expected, self.found)


class ReadError(TruenessError, OSError):
    """Bytes cannot be had: a missing or unreadable file, or one that changed while being read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, str]]:
        return type(self), (self.path, self.reason)


class UsageError(TruenessError, ValueError):
    """The caller asked for something that cannot be done; the message says what to do instead."""


class LayoutError(TruenessError):
    """A folder is not laid out as the dump layout that was asked for, or as any known one."""


class PairingError(TruenessError):
    """Tensors of the two sides cannot be told which belongs to which."""
