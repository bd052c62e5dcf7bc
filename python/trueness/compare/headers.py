"""What headers say, for `pair`, which opens no files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trueness import _core
from trueness.compare.open_files import OpenFiles, tensors_of
from trueness.model import Described, TensorRef

if TYPE_CHECKING:
    from trueness._core import Header

MAX_KNOWN = 1 << 14
"""Headers that are kept once for all files that have them."""


class Headers:
    """`files` opens what nobody said would be asked for, and all that is not plain."""

    def __init__(self, files: OpenFiles) -> None:
        self._files = files
        self._ahead: dict[str, Sequence[Described]] = {}
        self._known: dict[Header, Sequence[Described]] = {}

    def __call__(self, ref: TensorRef) -> Sequence[Described]:
        """Raises FormatError or OSError."""
        found = self._ahead.get(ref.path)
        return self._files.describe(ref) if found is None else found

    def ahead(self, refs: Iterable[TensorRef]) -> None:
        """Reads these; those of before are forgotten."""
        paths = [ref.path for ref in refs if not ref.statistics]
        self._ahead = {}
        same: dict[int, Sequence[Described]] = {}
        for path, header in zip(paths, _core.describe_files(paths), strict=True):
            if header is not None:
                # Equal ones are one object, of which to ask again is cheap.
                found = same.get(id(header))
                if found is None:
                    found = same[id(header)] = self._described(header)
                self._ahead[path] = found

    def _described(self, header: Header) -> Sequence[Described]:
        found = self._known.get(header)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            made = tuple(Described(*tensor) for tensor in tensors_of(*header))
            found = self._known[header] = made
        return found
