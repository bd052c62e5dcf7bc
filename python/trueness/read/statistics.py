"""Files that hold statistics of tensors in place of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trueness.errors import FormatError
from trueness.model import Member, Statistics
from trueness.read.min_max import read_cann_csv, read_min_max
from trueness.read.open import open_file

Reader = Callable[[str], Mapping[Member | None, Statistics]]


def read_statistics(path: str, kind: str, member: Member | None) -> Statistics:
    """Of one tensor of a file of that kind; `member` None for a file of one tensor. Raises
    FormatError for damaged content or a tensor the file does not tell of, ReadError or OSError when
    it cannot be read."""
    found = KINDS[kind](path)
    if member not in found:
        raise FormatError(path, 0, "", f"statistics of {member or 'one tensor'}", f"{len(found)}")
    return found[member]


def is_statistics_file(path: str) -> bool:
    """Whether the content, not the name, says that these are statistics."""
    return open_file(path).kind == "atb_statistics"


def _read_atb(path: str) -> Mapping[Member | None, Statistics]:
    values = {name.lower(): text for name, text in open_file(path).attributes.items()}
    return {
        None: Statistics(
            max_value=_number(path, values, "max"),
            min_value=_number(path, values, "min"),
            mean_value=_number(path, values, "mean"),
            l2norm=_number(path, values, "l2norm"),
        )
    }


def _number(path: str, values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name, "")
    try:
        return float(text) if text else None
    except ValueError:
        raise FormatError(path, 0, name, "a number", repr(text[:40])) from None


KINDS: Mapping[str, Reader] = {
    "atb": _read_atb,
    "min_max": read_min_max,
    "cann_csv": read_cann_csv,
}
