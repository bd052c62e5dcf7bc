"""Columns of text, whole columns at a time: numbers and times, and how many cells are neither."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueness.service.run import Floats

MISSING = frozenset({"", "n/a", "na", "nan", "none", "null", "<na>"})
_MISSING_CELLS = frozenset({"", "<NA>", "N/A", "nan", b"", b"<NA>", b"N/A", b"nan"})
STAMP = "S26"
DAY_S = 86_400
LARGEST = 1e19
"""No time in nano-seconds and no count of tokens is larger; what is, would overflow in a sum."""
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]


def floats(cells: Sequence[object]) -> tuple[Floats, int]:
    """float64 of the cells, NaN for what is missing or no finite number, and how many were
    there and no number."""
    bad = 0
    try:
        values = np.array(cells, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        try:
            known = [None if cell in _MISSING_CELLS else cell for cell in cells]
            values = np.array(known, dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            values, bad = _one_by_one(cells)
    beyond = np.abs(values) > LARGEST
    if beyond.any():
        values[beyond] = np.nan
        bad += int(beyond.sum())
    return values, bad


def _one_by_one(cells: Sequence[object]) -> tuple[Floats, int]:
    values, bad = np.full(len(cells), np.nan), 0
    for i, cell in enumerate(cells):
        said = text(cell).strip()
        if said.lower() in MISSING:
            continue
        try:
            values[i] = float(said)
        except ValueError:
            bad += 1
    return values, bad


def text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return "" if cell is None else str(cell)


def seconds(cells: Sequence[object]) -> tuple[Floats, int]:
    """Seconds since 1970 of `YYYY-mm-dd HH:MM:SS[:ffffff]`, NaN and counted where it is not that.
    The zone is left alone: two runs are compared, and only differences within one are used."""
    if set(map(type, cells)) != {bytes}:
        cells = [text(cell).encode("ascii", "replace") for cell in cells]
    packed = np.array(cells, dtype=STAMP)
    if not len(packed):
        return np.empty(0), 0
    bytes_ = packed.view(np.uint8).reshape(len(packed), 26).astype(np.int64) - ord("0")
    good = ((bytes_[:, _DIGITS] >= 0) & (bytes_[:, _DIGITS] <= 9)).all(axis=1)

    def number(first: int, last: int) -> Floats:
        powers = 10 ** np.arange(last - first - 1, -1, -1)
        return np.asarray(bytes_[:, first:last] @ powers, np.float64)

    fraction = np.where((bytes_[:, 20:] >= 0) & (bytes_[:, 20:] <= 9), bytes_[:, 20:], 0)
    micros = fraction @ (10 ** np.arange(5, -1, -1))
    months = (number(0, 4) - 1970) * 12 + number(5, 7) - 1
    months = np.where(good, months, 0).astype(np.int64)
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    day = days + number(8, 10) - 1
    whole = day * DAY_S + number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19)
    strange = [text(cells[i]) for i in np.flatnonzero(~good).tolist()]
    bad = sum(said.strip().lower() not in MISSING for said in strange)
    return np.where(good, whole + micros / 1e6, np.nan), bad
