"""Leaving out what the user does not ask for, and counting it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from trueness.model import Pair, Result, TensorRef, Unmatched, layer_of


@dataclass
class Filters:
    """What to keep; None keeps all. `op` and `op_type` are globs, of which one has to fit the name
    of one side. `skipped` counts by filter what went: files where the layout leaves out whole ranks
    and tokens, else rows."""

    rank: int | None = None
    token: int | None = None
    op: Collection[str] | None = None
    op_type: Collection[str] | None = None
    io: str | None = None
    layer: Collection[int] | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def place(self) -> str:
        """Which rank and token are asked for, for messages; "" for all."""
        asked = (("rank", self.rank), ("token", self.token))
        numbers = [f"{name} {number}" for name, number in asked if number is not None]
        return f" of {', '.join(numbers)}" if numbers else ""

    def items(self, items: Iterable[Pair | Unmatched]) -> Iterator[Pair | Unmatched]:
        asked = (self.rank, self.token, self.op, self.op_type, self.io, self.layer)
        if all(value is None for value in asked):
            yield from items
            return
        for item in items:
            if self._counted(self._foreign([ref for ref in (item.golden, item.my) if ref])):
                yield item

    def results(self, results: Iterator[Result]) -> Iterator[Result]:
        """What only the files could tell: which of their tensors are inputs. Rows that stand for
        whole operators, which have both, stay."""
        if self.io is None:
            yield from results
            return
        for result in results:
            known = {ref.io for ref in (result.golden, result.my) if ref and ref.io}
            fits = self.io in known or not (known or result.state.compared)
            if self._counted("" if fits else "io"):
                yield result

    def _counted(self, reason: str) -> bool:
        if reason:
            self.skipped[reason] += 1
        return not reason

    def _elsewhere(self, ref: TensorRef) -> str:
        if self.rank is not None and ref.rank not in (None, self.rank):
            return "rank"
        if self.token is not None and ref.token not in (None, self.token):
            return "token"
        return ""

    def _foreign(self, refs: Collection[TensorRef]) -> str:
        """The name of the filter that these tensors of a row do not pass, or ""."""
        elsewhere = [reason for ref in refs if (reason := self._elsewhere(ref))]
        if elsewhere:
            return elsewhere[0]
        if not _fits(self.op, (ref.op_name for ref in refs)):
            return "op"
        if not _fits(self.op_type, (ref.op_type for ref in refs)):
            return "op_type"
        if self.layer is not None and not any(layer_of(r.op_name) in self.layer for r in refs):
            return "layer"
        known = {ref.io for ref in refs if ref.io}
        return "io" if self.io is not None and known and self.io not in known else ""


def _fits(globs: Collection[str] | None, names: Iterable[str]) -> bool:
    if globs is None:
        return True
    return any(fnmatchcase(name, glob) for name in names for glob in globs)
