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
    names: dict[object, int] = {}
    kinds: dict[object, int] = {}
    bad: dict[str, int] = dict.fromkeys(WANTED, 0)
    for chunk in chunks:
        count = len(next(iter(chunk.values())))
        missing = [None] * count
        for name in WANTED:
            cells = chunk.get(name, missing)
            if name in ("name", "kind"):
                columns[name].append(_codes(cells, names if name == "name" else kinds))
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


def _codes(cells: Iterable[object], known: dict[object, int]) -> Floats:
    """A text column as numbers; past a hundred different names the rest are one."""
    for cell in dict.fromkeys(cells):
        if cell not in known and len(known) < MOST_NAMES:
            known[cell] = len(known)
    try:
        codes = [known[cell] for cell in cells]
    except KeyError:
        others = known.setdefault(OTHERS, len(known))
        codes = [known.get(cell, others) for cell in cells]
    return np.array(codes, np.float64)


def _assembled(columns: _Columns, names: dict[object, int], kinds: dict[object, int]) -> Steps:
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
