"""Leaving out whole folders of a dump, and counting what is in them."""

from __future__ import annotations

import os
from collections import Counter

from trueness.discover.flat import files_below
from trueness.model import TensorRef

NO_TENSORS = frozenset(("mapping.csv",))


class Selection:
    """The rank and the token that are asked for; None asks for all. `skipped` counts the files of
    the others by the name of what ruled them out."""

    def __init__(self, rank: int | None, token: int | None) -> None:
        self._rank = rank
        self._token = token
        self.skipped: Counter[str] = Counter()

    def takes_rank(self, number: int | None, folder: str) -> bool:
        return self._takes("rank", self._rank, number, folder)

    def takes_token(self, number: int | None, folder: str) -> bool:
        return self._takes("token", self._token, number, folder)

    def takes_tensor(self, ref: TensorRef) -> bool:
        """For a folder that holds more than one token."""
        if self._token in (None, ref.token):
            return True
        self.skipped["token"] += 1
        return False

    def _takes(self, name: str, wanted: int | None, number: int | None, folder: str) -> bool:
        if wanted in (None, number):
            return True
        names = (os.path.basename(path) for path in files_below(folder))
        self.skipped[name] += sum(name not in NO_TENSORS for name in names)
        return False
