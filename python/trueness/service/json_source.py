"""JSON and JSON-lines files of others, and careful ways to take numbers out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from trueness.errors import ReadError
from trueness.service.cells import LARGEST as LARGEST_NUMBER
from trueness.service.cells import floats
from trueness.service.run import NONE, Floats

LARGEST = 1 << 30
Object = Mapping[str, object]
MS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "sec": 1e3, "seconds": 1e3}


def read_objects(path: Path) -> list[Object]:
    """The objects of a JSON file (one) or of a JSON-lines file. Raises ReadError."""
    size = path.stat().st_size
    if size == 0:
        raise ReadError(str(path), "is empty (0 bytes)")
    if size > LARGEST:
        raise ReadError(str(path), f"has {size:,} bytes; results above {LARGEST:,} are not read")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        found = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        found = _lines(path, text, error)
    for number, value in enumerate(found, 1):
        if not isinstance(value, dict):
            raise ReadError(str(path), f"value {number} is no JSON object")
    return found


def _lines(path: Path, text: str, whole: Exception) -> list[Object]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        cause = error if len(lines) > 1 and lines[0].rstrip().endswith("}") else whole
        raise ReadError(str(path), f"is no JSON: {cause}") from None


def number(value: object) -> float:
    """A finite float, NaN for everything else: null, text, a list, a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        found = float(value)
    except OverflowError:
        return np.nan
    return found if abs(found) <= LARGEST_NUMBER else np.nan


def numbers(value: object) -> Floats:
    """A list of numbers as float64, NaN for what is none; empty when it is no list."""
    if not isinstance(value, list):
        return NONE
    return floats([item if isinstance(item, int | float) else None for item in value])[0]


def inner(value: object, *path: str) -> Object:
    """The object at `path`, an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[Object]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def settings(source: Object, names: Sequence[str]) -> dict[str, str]:
    """The scalar values of `names`, as text, at any depth of the first few."""
    found: dict[str, str] = {}
    waiting: list[tuple[Object, int]] = [(source, 0)]
    while waiting:
        current, depth = waiting.pop()
        for name, value in current.items():
            if isinstance(value, dict) and depth < 4:
                waiting.append((value, depth + 1))
            elif name in names and isinstance(value, str | int | float):
                found.setdefault(name, str(value)[:200])
    return found
