"""The same operators come again with every token and rank. How the tensors of one are paired holds
for all that are alike: names and headers decide, and only the files are others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from trueness.errors import FormatError
from trueness.model import Describe, Described, Pair, ReadsAhead, TensorRef, Unmatched, tensor_in
from trueness.pair.fusion import FusedNames
from trueness.pair.operator import (
    NO_TENSOR,
    OBJECT_DTYPE,
    PASS_THROUGH,
    FxToken,
    Row,
    describe_one,
    nodes_of,
    pair_operator,
    place_of,
)
from trueness.quickly_made import quickly_made

AHEAD = 1024
"""Operators whose headers are read in one go."""
MAX_KNOWN = 1 << 15
"""Operators remembered of a graph."""

_Seen = Described | str
"""An FX tensor, or NO_TENSOR."""
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    """What the graph says of an operator: the FX nodes and tensors it was made from."""

    parts: int
    nodes: Sequence[str]
    outputs: Sequence[str]

    def asks_for(self, ge: TensorRef) -> bool:
        """Whether its header plays a part."""
        if self.parts:
            return bool(self.outputs)
        return any(word in ge.op_type for word in PASS_THROUGH)


@quickly_made
@dataclass(frozen=True, slots=True)
class _Met:
    """An operator and the FX tensors that may belong to it; `asked_for` are those of all these
    whose headers play a part, its own the first."""

    ge: TensorRef
    theirs: Sequence[TensorRef]
    asked_for: Sequence[TensorRef]


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows of an operator as class, number of the golden tensor, number of mine, and what else they
    are made of. Numbers count None, the operator, its FX tensors and `members`, in this order."""

    rows: Sequence[tuple[Callable[..., Row], int, int, str, str | bool]]
    members: Sequence[tuple[str, int]]
    used: Sequence[int]
    excused: Sequence[tuple[int, str, bool]]

    def rows_of(self, met: _Met, fx: FxToken) -> list[Row]:
        ge, theirs = met.ge, met.theirs
        for number in self.used:
            fx.use(theirs[number])
        for number, reason, expected in self.excused:
            fx.excuse(theirs[number], reason, expected)
        refs = [None, ge, *theirs, *[tensor_in(ge, (io, k), io, k) for io, k in self.members]]
        return [made(refs[g], refs[m], text, more) for made, g, m, text, more in self.rows]


class Operators:
    """Pairs the operators of one graph as `pair_operator` does."""

    def __init__(self, names: FusedNames, describe: Describe) -> None:
        self._names = names
        self._describe = describe
        self._origins: dict[str, _Origin] = {}
        self._known: dict[_Key, _Found | None] = {}

    def rows(self, refs: Iterable[TensorRef], fx: FxToken) -> Iterator[Row]:
        """Of a token: every tensor of its GE files once, paired or not."""
        waiting = iter(refs)
        while some := list(islice(waiting, AHEAD)):
            meetings = [self._meet(ge, fx) for ge in some]
            if isinstance(self._describe, ReadsAhead):
                self._describe.ahead([ref for met in meetings for ref in met.asked_for])
            for met in meetings:
                yield from self._rows(met, fx)

    def _meet(self, ge: TensorRef, fx: FxToken) -> _Met:
        origin = self._origins.get(ge.op_name)
        if origin is None:
            parts, _ = self._names.parts_of(ge.op_name)
            ops = [self._names.ops[part] for part in parts]
            nodes = dict.fromkeys(node for op in ops for node in nodes_of(op))
            outputs = dict.fromkeys(name for op in ops for name in op.fx_names if name)
            origin = self._origins[ge.op_name] = _Origin(len(ops), tuple(nodes), tuple(outputs))
        inputs = [ref for node in origin.nodes for ref in fx.inputs(node)]
        theirs = inputs + [ref for name in origin.outputs if (ref := fx.output(name))]
        if not origin.asks_for(ge):
            return _Met(ge, theirs, ())
        # What a single operator gives is told by its name.
        return _Met(ge, theirs, [ge, *(inputs if origin.parts == 1 else theirs)])

    def _rows(self, met: _Met, fx: FxToken) -> list[Row]:
        ge = met.ge
        read = self._read(met)
        if read is None:
            return list(pair_operator(self._names, ge, fx, self._describe))
        mine, seen = read
        places = tuple(map(place_of, met.theirs))
        key = ge.op_name, ge.op_type, bool(ge.shards), places, *read
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            # What comes but once is not worth more.
            self._known[key] = None
            return list(pair_operator(self._names, ge, fx, self._describe))
        known = self._known[key]
        if known is None:
            known = self._known[key] = self._find(met, mine, seen)
        return known.rows_of(met, fx)

    def _read(self, met: _Met) -> tuple[tuple[Described, ...], tuple[_Seen, ...]] | None:
        """The headers that play a part; None where one cannot be read, which is told with the names
        of files."""
        if not met.asked_for:
            return (), ()
        try:
            mine = tuple(self._describe(met.ge))
        except (FormatError, OSError):
            return None
        # Without tensors of mine nobody asks for others.
        theirs = met.asked_for[1:] if mine else ()
        seen = tuple([describe_one(ref, self._describe) for ref in theirs])
        if any(one.__class__ is str and one != NO_TENSOR for one in seen):
            return None
        return mine, seen

    def _find(self, met: _Met, mine: Sequence[Described], seen: Sequence[_Seen]) -> _Found:
        """Pairs stand-ins, whose paths are "" and the numbers of the FX tensors."""
        headers = {str(number): header for number, header in enumerate(seen)}

        def describe(ref: TensorRef) -> Sequence[Described]:
            if not ref.path:
                return mine
            header = headers[ref.path]
            if isinstance(header, Described):
                return [header]
            raise FormatError(ref.path, 0, "", "", OBJECT_DTYPE)

        fx = FxToken(replace(ref, path=str(number)) for number, ref in enumerate(met.theirs))
        rows = pair_operator(self._names, replace(met.ge, path=""), fx, describe)
        members: dict[tuple[str, int], int] = {}
        first = 2 + len(met.theirs)

        def number_of(ref: TensorRef | None) -> int:
            if ref is None or ref.path:
                return 0 if ref is None else 2 + int(ref.path)
            if ref.member is None:
                return 1
            return first + members.setdefault((ref.io, ref.index), len(members))

        made = [
            (Pair, number_of(row.golden), number_of(row.my), row.pairing, row.doubt)
            if isinstance(row, Pair)
            else (Unmatched, number_of(row.golden), number_of(row.my), row.reason, row.expected)
            for row in rows
        ]
        excused = [(int(path), *why) for path, why in fx.excused.items()]
        return _Found(made, list(members), [int(path) for path in fx.used], excused)
