"""What a comparison is going to do, without doing it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from trueness.model import Pair
    from trueness.plan import Plan, Recognised

BYTES_A_SECOND = 1 << 30
PAIRS_A_SECOND = 10_000
"""For the estimate: a good disk, and the work for a pair of tiny tensors on one core."""


def print_recognised(recognised: Sequence[Recognised], out: TextIO) -> None:
    """The layout of each side and what gave it away."""
    from trueness.plan import SIDES
    from trueness.report.names import clean

    for name, side in zip(SIDES, recognised, strict=False):
        print(clean(f"{name}: {side.layout} in {side.root} ({side.evidence})"), file=out)


def print_plan(plan: Plan, out: TextIO) -> None:
    """A line for each row that would be compared or be without a partner, then the totals."""
    from trueness.report.names import clean

    totals = _Totals()
    for row in _rows(plan, totals):
        doubt = f" (doubtful: {row['doubt']})" if row["doubt"] else ""
        if row["unmatched"]:
            text = f"unmatched  {row['golden'] or row['my']}: {row['unmatched']}"
        else:
            text = f"pair  {row['golden']}  {row['my']}  {row['bytes']} bytes, {row['pairing']}"
        print(clean(text + doubt), file=out)
    print(
        f"{totals.pairs} pairs, {totals.unmatched} unmatched, "
        f"{plan.filters.skipped.total()} skipped by filter; {totals.nbytes} bytes of files, "
        f"about {totals.seconds:.1f} s if they come at {BYTES_A_SECOND >> 20} MiB/s",
        file=out,
    )


def print_plan_json(plan: Plan, out: TextIO) -> None:
    """The same for other programs, on one line."""
    from trueness.plan import SIDES

    totals = _Totals()
    rows = list(_rows(plan, totals))
    found = {
        "recognised": dict(zip(SIDES, map(asdict, plan.recognised), strict=False)),
        "rows": rows,
        "pairs": totals.pairs,
        "unmatched": totals.unmatched,
        "skipped": dict(plan.filters.skipped),
        "bytes": totals.nbytes,
        "seconds": totals.seconds,
    }
    print(json.dumps(found), file=out)


@dataclass
class _Totals:
    """`nbytes` of the files of all pairs, each file once."""

    pairs: int = 0
    unmatched: int = 0
    nbytes: int = 0
    _seen: set[str] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        return self.nbytes / BYTES_A_SECOND + self.pairs / PAIRS_A_SECOND

    def add(self, pair: Pair) -> int:
        """The bytes of both files of the pair."""
        self.pairs += 1
        both = 0
        for ref in (pair.golden, pair.my):
            size = _size(ref.path)
            both += size
            if ref.path not in self._seen:
                self._seen.add(ref.path)
                self.nbytes += size
        return both


def _rows(plan: Plan, totals: _Totals) -> Iterator[dict[str, str | int]]:
    from trueness.model import Pair
    from trueness.report.columns import location

    for item in plan.items:
        row: dict[str, str | int] = {"golden": location(item.golden), "my": location(item.my)}
        if isinstance(item, Pair):
            nbytes = totals.add(item)
            row |= {"pairing": item.pairing, "doubt": item.doubt, "unmatched": "", "bytes": nbytes}
        else:
            totals.unmatched += 1
            row |= {"pairing": "", "doubt": "", "unmatched": item.reason, "bytes": 0}
        yield row


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as fast as possible: one call a file
    except (OSError, ValueError):
        return 0
