"""The table of scheduling and execution spans, one row a step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trueness.service.cells import floats, seconds, text
from trueness.service.run import (
    DECODE,
    KINDS,
    MIXED,
    NONE,
    OTHER,
    PREFILL,
    Floats,
    Ints,
    Note,
    Steps,
)
from trueness.service.tables import Chunk

WANTED = {
    "name": ("name",),
    "start": ("start_datetime", "start_time"),
    "duration": ("during_time",),
    "kind": ("batch_type",),
    "size": ("batch_size", "total_batch_size"),
    "tokens": ("total_scheduled_tokens",),
    "kv_usage": ("kvcache_usage_rate",),
}
KIND_OF = {
    "prefill": PREFILL,
    "extend": PREFILL,
    "decode": DECODE,
    "prefill, decode": MIXED,
    "mixed": MIXED,
}
MOST_NAMES = 100
OTHERS = "(other names)"
_Columns = dict[str, list[Floats]]


def steps_of(chunks: Iterable[Chunk], where: str) -> tuple[Steps | None, list[Note]]:
    """Steps in order of start; what cannot be told is NaN and counted in a note."""
    columns: dict[str, list[Floats]] = {name: [] for name in WANTED}
    names, kinds = _Codes(), _Codes()
    bad: dict[str, int] = dict.fromkeys(WANTED, 0)
    for chunk in chunks:
        count = len(next(iter(chunk.values())))
        missing = [None] * count
        for name in WANTED:
            cells = chunk.get(name, missing)
            if name in ("name", "kind"):
                columns[name].append((names if name == "name" else kinds).of(cells))
                continue
            values, wrong = (seconds if name == "start" else floats)(cells)
            columns[name].append(values)
            bad[name] += wrong
    notes = [
        Note("warning", where, f"{count} cells of {name} are no {_kind_of_cell(name)}")
        for name, count in bad.items()
        if count
    ]
    if not columns["name"]:
        return None, [*notes, Note("warning", where, "has no steps")]
    return _assembled(columns, names, kinds), notes


def _kind_of_cell(name: str) -> str:
    return "time" if name == "start" else "number"


class _Codes(dict[object, int]):
    """Numbers for the texts of a column; past a hundred different ones the rest are one."""

    def __missing__(self, cell: object) -> int:
        if len(self) >= MOST_NAMES:
            return self.setdefault(OTHERS, len(self))
        code = self[cell] = len(self)
        return code

    def of(self, cells: Iterable[object]) -> Floats:
        return np.array([self[cell] for cell in cells], np.float64)


def _assembled(columns: _Columns, names: _Codes, kinds: _Codes) -> Steps:
    joined = {name: np.concatenate(parts) if parts else NONE for name, parts in columns.items()}
    order = np.argsort(joined["start"], kind="stable")
    by_code = {code: text(name) for name, code in reversed(names.items())}
    spelt = {code: text(kind).strip().lower() for kind, code in reversed(kinds.items())}
    table: Ints = np.array(
        [KINDS.index(KIND_OF.get(spelt[code], OTHER)) for code in sorted(spelt)], np.int64
    )
    return Steps(
        names=tuple(by_code[code] for code in sorted(by_code)),
        name=joined["name"][order].astype(np.int64),
        kind=table[joined["kind"].astype(np.int64)][order],
        start=joined["start"][order],
        duration=joined["duration"][order],
        size=joined["size"][order],
        tokens=joined["tokens"][order],
        kv_usage=joined["kv_usage"][order],
    )
