"""A comparison for other programs, on one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TextIO

from trueness.model import Result
from trueness.report.columns import COLUMNS, Cell, row
from trueness.report.summary import Summary


def print_json(
    summary: Summary,
    rows: Iterable[Result],
    report: Path | None,
    out: TextIO,
    *,
    recognised: Mapping[str, object] | None = None,
) -> None:
    """The counts, `rows` with the columns of the CSV (null where it has an empty cell, text for an
    infinity, which JSON does not know), and the path of the report or null.
    `recognised` says what each side was taken for."""
    found = {
        "recognised": recognised or {},
        "summary": summary.as_dict(),
        "rows": [
            {name: _value(cell) for name, cell in zip(COLUMNS, row(result, i), strict=True)}
            for i, result in enumerate(rows)
        ],
        "report": str(report) if report else None,
    }
    print(json.dumps(found, allow_nan=False), file=out)


def _value(cell: Cell) -> Cell | None:
    if cell == "":
        return None
    return str(cell) if isinstance(cell, float) and not isfinite(cell) else cell
