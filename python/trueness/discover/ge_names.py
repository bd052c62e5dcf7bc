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
_HEAD = re.compile(r"[^.]+\..+")
_SLICE = re.compile(r"_lxslice(\d+)$")
_SUBGRAPH = re.compile(r".*sgt_graph_\d+_")
_REPLACED = re.compile(r"[ ./\\]")
STATISTICS = {"_min_max.npz": "min_max", ".csv": "cann_csv"}
"""What follows the name of a file that holds statistics, and their kind."""
_SHORTEST_TIME = "0" * 8
MAX_HEADS = 1 << 16
"""Of operators whose names are remembered."""
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
    """Reads the names of files as `parse` does. Most are {type}.{name} and three numbers, of which
    the first two parts come again with every token."""

    def __init__(self, operators: Iterable[str]) -> None:
        """`operators` of the graphs."""
        self._known = known_names(operators)
        self._heads: dict[str, Name | None] = {}

    def parse(self, text: str) -> Name | None:
        head, *numbers = text.rsplit(".", 3)
        if len(numbers) == 3 and 8 <= len(numbers[2]) <= 20 and all(map(str.isdecimal, numbers)):
            found = self._of(head)
            if found and len(text) <= MAX_LENGTH:
                return Name(found.op_type, found.op_name, int(numbers[2]), found.slice)
        return parse(text, self._known)

    def _of(self, head: str) -> Name | None:
        if head not in self._heads:
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            whole = parse(f"{head}.0.0.{_SHORTEST_TIME}", self._known)
            self._heads[head] = whole if _HEAD.fullmatch(head) else None
        return self._heads[head]


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
