"""Columns of text, whole columns at a time: numbers and times, and how many cells are neither."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import cast

import numpy as np

from trueness.service.run import Floats, Mask

MISSING = frozenset({"", "n/a", "na", "nan", "none", "null", "<na>"})
_MISSING_CELLS = frozenset({"", "<NA>", "N/A", "nan", b"", b"<NA>", b"N/A", b"nan"})
STAMP_BYTES = 26
DAY_S = 86_400
LARGEST = 1e19
"""No time in nano-seconds and no count of tokens is larger; what is, would overflow in a sum."""
_PLACES = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19), (20, 26))
"""Of year, month, day, hour, minute, second and microsecond in a time."""
_NEEDED = [place for first, last in _PLACES[:-1] for place in range(first, last)]


def floats(cells: Sequence[object]) -> tuple[Floats, int]:
    """float64 of the cells, NaN for what is missing or no finite number, and how many were
    there and no number."""
    if len(cells) and isinstance(cells[0], str | bytes):
        # To parse a text takes long, and some columns have few that differ.
        places = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
        if 4 * len(places) < len(cells):
            values, bad = _numbers(list(places))
            of_cell = np.array([places[cell] for cell in cells])
            return values[of_cell], int(bad[of_cell].sum())
    values, bad = _numbers(cells)
    return values, int(bad.sum())


def _numbers(cells: Sequence[object]) -> tuple[Floats, Mask]:
    """The numbers, and which cells are there and none."""
    bad = np.zeros(len(cells), bool)
    try:
        values = np.array(cells, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        try:
            known = [None if cell in _MISSING_CELLS else cell for cell in cells]
            values = np.array(known, dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            values, bad = _one_by_one(cells)
    beyond = np.abs(values) > LARGEST
    values[beyond] = np.nan
    return values, bad | beyond


def _one_by_one(cells: Sequence[object]) -> tuple[Floats, Mask]:
    values, bad = np.full(len(cells), np.nan), np.zeros(len(cells), bool)
    for i, cell in enumerate(cells):
        said = text(cell).strip()
        if said.lower() in MISSING:
            continue
        try:
            values[i] = float(said)
        except ValueError:
            bad[i] = True
    return values, bad


def text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return "" if cell is None else str(cell)


def as_bytes(cells: Sequence[object]) -> Sequence[bytes]:
    if set(map(type, cells)) == {bytes}:
        return cast("Sequence[bytes]", cells)
    return [
        cell if isinstance(cell, bytes) else text(cell).encode("utf-8", "replace") for cell in cells
    ]


def seconds(cells: Sequence[object]) -> tuple[Floats, int]:
    """Seconds since 1970 of `YYYY-mm-dd HH:MM:SS[:ffffff]`, NaN and counted where it is not that.
    The zone is left alone: two runs are compared, and only differences within one are used."""
    if not len(cells):
        return np.empty(0), 0
    stamps = as_bytes(cells)
    if set(map(len, stamps)) == {STAMP_BYTES}:
        packed = np.frombuffer(b"".join(stamps), np.uint8)
    else:
        packed = np.array(stamps, dtype=f"S{STAMP_BYTES}").view(np.uint8)
    digits = packed.reshape(len(cells), STAMP_BYTES).T.astype(np.float64) - ord("0")
    are = (digits >= 0) & (digits <= 9)
    good = are[_NEEDED].all(axis=0)
    digits[~are] = 0

    def number(first: int, last: int) -> Floats:
        return reduce(lambda number, digit: number * 10 + digit, digits[first:last])

    year, month, day, hour, minute, second, micros = (number(*place) for place in _PLACES)
    months = ((year - 1970) * 12 + month - 1).astype(np.int64)
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    whole = (days + day - 1) * DAY_S + hour * 3600 + minute * 60 + second
    strange = [text(cells[i]) for i in np.flatnonzero(~good).tolist()]
    bad = sum(said.strip().lower() not in MISSING for said in strange)
    return np.where(good, whole + micros / 1e6, np.nan), bad
