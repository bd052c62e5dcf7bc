"""What the name of a GE dump file says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sys import intern

from trueness.quickly_made import quickly_made

_TIME = r"(?P<time>\d{8,20})"
_FORMS = tuple(
    re.compile(r"(?P<type>[^.]+)\.(?P<name>.+?)\." + rest)
    for rest in (
        rf"\d+\.\d+\.{_TIME}",
        # FFTS+, of a device and of a captured graph: the operator was cut, one file a slice.
        rf"\d+\.\d+\.{_TIME}\.(?:4|FFTSPLUS)\.\d+\.(?P<thread>\d+)\.\d+",
        rf"\d+\.\d+\.{_TIME}\.[0-3]\.\d+\.\d+\.\d+",
        # Without a stream: host operators, exceptions and old writers.
        rf"\d+\.{_TIME}",
    )
)
_BEFORE_TIME = re.compile(r"[^.]+\..+\.\d+\.\d+")
_SLICE = re.compile(r"_lxslice(\d+)$")
_SUBGRAPH = re.compile(r".*sgt_graph_\d+_")
_REPLACED = re.compile(r"[ ./\\]")
STATISTICS = {"_min_max.npz": "min_max", ".csv": "cann_csv"}
"""What follows the name of a file that holds statistics, and their kind."""
_SHORTEST_TIME = "0" * 8
MAX_NAMES = 1 << 16
"""Remembered of a dump."""
MAX_LENGTH = 4096
"""Of a name in mapping.csv."""
WANTED = "its name is not {op_type}.{op_name}.{task}[.{stream}].{time}[.{ids of FFTS+}]"


@quickly_made
@dataclass(frozen=True, slots=True)
class Name:
    """`slice`: the number of a slice of an operator cut by FFTS+, else None."""

    op_type: str
    op_name: str
    time: int
    slice: int | None = None
    statistics: str | None = None


def parse(text: str, known: Mapping[str, str]) -> Name | None:
    """None for another form. `known`: as `known_names` gives it."""
    statistics = None
    if len(text) > MAX_LENGTH:
        return None
    for suffix, kind in STATISTICS.items():
        if text.endswith(suffix):
            text, statistics = text.removesuffix(suffix), kind
    for form in _FORMS:
        match = form.fullmatch(text)
        if match:
            break
    else:
        return None
    name, number = match["name"], None
    cut = _SLICE.search(name)
    thread = match["thread"] if "thread" in form.groupindex else None
    if cut:
        name, number = name[: cut.start()], int(cut[1])
    elif thread is not None:
        number = int(thread)
    if number is not None:
        name = _SUBGRAPH.sub("", name)
    return Name(
        intern(match["type"]), _in_graph(name, known), int(match["time"]), number, statistics
    )


class Names:
    """Reads the names of files as `parse` does. But for the time, most come again with every rank
    and token."""

    def __init__(self, operators: Iterable[str]) -> None:
        """`operators` of the graphs."""
        self._known = known_names(operators)
        self._timeless: dict[str, Name | None] = {}

    def parse(self, text: str) -> Name | None:
        before, _, time = text.rpartition(".")
        if 8 <= len(time) <= 20 and time.isdecimal() and len(text) <= MAX_LENGTH:
            found = self._before_time(before)
            if found:
                return Name(found.op_type, found.op_name, int(time), found.slice)
        return parse(text, self._known)

    def _before_time(self, text: str) -> Name | None:
        if text not in self._timeless:
            if len(self._timeless) >= MAX_NAMES:
                self._timeless.clear()
            whole = parse(f"{text}.{_SHORTEST_TIME}", self._known)
            self._timeless[text] = whole if _BEFORE_TIME.fullmatch(text) else None
        return self._timeless[text]


def known_names(names: Iterable[str]) -> dict[str, str]:
    """Operators of graphs by the names that files have."""
    return {_REPLACED.sub("_", name): name for name in names}


def _in_graph(name: str, known: Mapping[str, str]) -> str:
    """Writers of captured graphs put a number behind the name; names with dots of their own come
    from old writers."""
    found = known.get(name)
    if found is None:
        stem, _, number = name.rpartition(".")
        found = known.get(stem) if number.isdecimal() else None
    return intern(found or name)
