"""The nouns that flow through a comparison: names and numbers, never bytes."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import nan
from operator import attrgetter, itemgetter
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, overload, runtime_checkable

from trueness.quickly_made import quickly_made


class State(str, Enum):
    """What became of a pair, beside its metrics: whether the numbers mean anything, and why not."""

    OK = "ok"
    SHAPE_MISMATCH = "shape_mismatch"
    NONFINITE_MY = "nonfinite_my"
    NONFINITE_GOLDEN = "nonfinite_golden"
    NONFINITE_BOTH = "nonfinite_both"
    ZERO_GOLDEN = "zero_golden"
    EMPTY = "empty"
    NOT_DUMPED = "not_dumped"
    UNREADABLE = "unreadable"
    UNMATCHED_MY = "unmatched_my"
    UNMATCHED_GOLDEN = "unmatched_golden"

    def __str__(self) -> str:
        return self.value

    @property
    def compared(self) -> bool:
        """Whether elements of the two sides met."""
        return self in _COMPARED


_COMPARED = frozenset(
    (
        State.OK,
        State.NONFINITE_MY,
        State.NONFINITE_GOLDEN,
        State.NONFINITE_BOTH,
        State.ZERO_GOLDEN,
        State.EMPTY,
    )
)

Member = tuple[str, int] | str
"""A tensor inside a file: (io, index), or the name the file gives it."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a dump kept of a tensor in place of its values; None or "" for what it does not tell.
    Extremes and mean are over finite elements where counts of the others are given."""

    max_value: float | None = None
    min_value: float | None = None
    mean_value: float | None = None
    l2norm: float | None = None
    nan_count: float | None = None
    inf_count: float | None = None
    checksum: str = ""
    dtype: str = ""
    shape: tuple[int, ...] | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class TensorRef:
    """Where a tensor is and what it was in the model. `member` None: the whole file, to be compared
    tensor by tensor. `io` is "input", "output" or "" (not known); `nested` is the place inside a
    list argument, `argument` the name of a keyword argument or a parameter, `scope` the module that
    called the operator; `order` sorts the tensors of one token by execution. `statistics`: there
    are no values; what there is instead, or the kind of statistics file that `path` is (a key of
    `read.statistics.KINDS`). `label` is the name that the user gave the tensor while dumping,
    `shards` the files of its further parts. `length`: this is a table of all positions, and that
    file holds how many of them were computed so far. `quantised`: scale and offset of an integer
    tensor that stands for (value - offset) * scale; `packed`: how many tensors lie one behind the
    other in each of its parts, 0 for one."""

    path: str
    member: Member | None = None
    op_name: str = ""
    op_type: str = ""
    io: str = ""
    index: int = 0
    nested: tuple[int, ...] = ()
    rank: int | None = None
    device: int | None = None
    graph: str = ""
    token: int | None = None
    order: int = 0
    argument: str = ""
    scope: str = ""
    statistics: Statistics | str | None = None
    label: str = ""
    shards: tuple[str, ...] = ()
    length: str = ""
    quantised: tuple[TensorRef, ...] = ()
    packed: int = 0


_AFTER_INDEX = attrgetter(*list(TensorRef.__dataclass_fields__)[6:])


def tensor_in(ref: TensorRef, member: Member, io: str, index: int) -> TensorRef:
    """A tensor of the file that `ref` is. As `dataclasses.replace`, which takes many times as long
    for each of millions."""
    return TensorRef(ref.path, member, ref.op_name, ref.op_type, io, index, *_AFTER_INDEX(ref))


class Described(NamedTuple):
    """What a file's header says of one of its tensors."""

    io: str
    index: int  # type: ignore[assignment]  # tuple has a method of that name, for which is no use
    dtype: str
    shape: tuple[int, ...]
    name: str = ""


Describe = Callable[[TensorRef], Sequence[Described]]
"""Reads a file's header for whoever must not read. Raises FormatError or OSError."""


@runtime_checkable
class ReadsAhead(Protocol):
    """A `Describe` that may be told what it is going to be asked for, to read all of it at once."""

    def __call__(self, ref: TensorRef) -> Sequence[Described]: ...
    def ahead(self, refs: Iterable[TensorRef]) -> None: ...


@dataclass(frozen=True, slots=True)
class GraphOp:
    """One operator of a graph. `inputs` are "producer:output" edges, control edges left out;
    `fx_names` holds one entry an output: the FX tensor it was made from, or "". `places`: for each
    input which argument it is, "1" or "0.2" inside a list or a name; empty where that is its place
    among the inputs."""

    name: str
    type: str
    inputs: tuple[str, ...]
    fx_names: tuple[str, ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph a dump was made from; `ops` in the order of the file. `optimised`: a compiler has
    rewritten it, so that operators of the model may be gone and others have come."""

    path: str
    name: str
    number: int | None
    rank: int | None
    ops: Mapping[str, GraphOp]
    optimised: bool = False


@quickly_made
@dataclass(frozen=True, slots=True)
class Pair:
    """Two tensors, or two whole files, that should hold the same values. `pairing` says how they
    were brought together; `doubt` why that may be wrong, "" when it is certain. `reference` is the
    same tensor of a third implementation: how far off that is, REFERENCE_ERROR of a row tells."""

    golden: TensorRef
    my: TensorRef
    pairing: str
    doubt: str = ""
    reference: TensorRef | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Unmatched:
    """A tensor or file without a partner. `expected`: nothing is missing from the comparison, such
    as a Python number among the arguments; anything else counts as not compared. `state` None: the
    side that is there says it."""

    golden: TensorRef | None
    my: TensorRef | None
    reason: str
    expected: bool = False
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file of a dump that takes no part; `expected` as for Unmatched."""

    ref: TensorRef
    reason: str
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Two files that belong together by the word of whoever dumped them. The paths are those of the
    machine that dumped; `my_is_exact`: my path is to be taken as it is. `problem`: why the record
    cannot be used, "" when it can."""

    source: str
    label: str
    token: int | None
    golden: str
    my: str
    problem: str = ""
    my_is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Dump:
    """What was found in one folder, or in one file. `evidence` says what gave the layout away,
    `skipped` how many files of other ranks and tokens were left out as asked."""

    layout: str
    root: str
    tensors: Sequence[TensorRef]
    graphs: Sequence[Graph] = ()
    leftover: Sequence[Leftover] = ()
    records: Sequence[Record] = ()
    evidence: str = ""
    skipped: Mapping[str, int] = field(default_factory=dict)


_T = TypeVar("_T")
_NAN = array("d", (nan,)).tobytes()


class _Names:
    """The names that the rows of a comparison share, and where the value of each is."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.index = {name: i for i, name in enumerate(names)}
        self.getters: dict[tuple[str, ...], Callable[[array[float]], tuple[float, ...]]] = {}

    def getter(self, names: tuple[str, ...]) -> Callable[[array[float]], tuple[float, ...]]:
        """Of at least two names, since of a single one no tuple would come."""
        found = self.getters[names] = itemgetter(*(self.index.get(name, -1) for name in names))
        return found


class Metrics(Mapping[str, float]):
    """Metrics by name. Only the numbers are kept for each row, so that millions fit in memory."""

    __slots__ = ("_names", "_values")
    _known: ClassVar[dict[tuple[str, ...], _Names]] = {}

    def __init__(self, values: Mapping[str, float]) -> None:
        self._names = self._shared(tuple(values))
        # Of a tuple, whose length it knows, an array is made twice as fast.
        self._values = array("d", (*values.values(), nan))

    @classmethod
    def unpacked(cls, names: tuple[str, ...], packed: bytes) -> Metrics:
        """Of doubles as they lie in memory, one for each name."""
        made = cls.__new__(cls)
        made._names = cls._shared(names)
        made._values = array("d", packed + _NAN)
        return made

    @classmethod
    def _shared(cls, names: tuple[str, ...]) -> _Names:
        known = cls._known.get(names)
        if known is None:
            known = cls._known[names] = _Names(names)
        return known

    def __getitem__(self, name: str) -> float:
        return self._values[self._names.index[name]]

    @overload
    def get(self, name: str, /) -> float | None: ...
    @overload
    def get(self, name: str, default: float | _T, /) -> float | _T: ...
    def get(self, name: str, default: Any = None, /) -> Any:
        at = self._names.index.get(name)
        return default if at is None else self._values[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.index)

    def __len__(self) -> int:
        return len(self._names.index)

    def __hash__(self) -> int:
        return hash(self._values.tobytes())

    def __repr__(self) -> str:
        return f"Metrics({dict(self)!r})"

    def pick(self, names: tuple[str, ...]) -> tuple[float, ...]:
        """The values of two or more names at once; NaN for a name that is not there."""
        known = self._names
        return (known.getters.get(names) or known.getter(names))(self._values)


NO_METRICS = Metrics({})
REFERENCE_ERROR = "reference_relative_euclidean_distance"
STATISTICS_ONLY = "statistics only"
"""How the reason of a row begins whose values were not compared, but what was kept of them."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Result:
    """One row: a pair that was compared, or why it could not be. `metrics` is empty unless elements
    met. `passed` None: there was nothing to judge. Dtypes are "" and shapes None when not known.
    `introduced_score`: how many times more error the operator has at its output than its inputs and
    rounding account for; NaN where that is not known."""

    golden: TensorRef | None
    my: TensorRef | None
    state: State
    reason: str = ""
    metrics: Metrics = NO_METRICS
    passed: bool | None = None
    standard: str = ""
    pairing: str = ""
    golden_dtype: str = ""
    golden_shape: tuple[int, ...] | None = None
    my_dtype: str = ""
    my_shape: tuple[int, ...] | None = None
    nbytes: int = 0
    introduced_score: float = nan

    @property
    def verdict(self) -> str:
        """ "pass", "fail", "not compared", or "" for what needed no comparison."""
        if self.passed is None:
            return ""
        if self.passed:
            return "pass"
        return "fail" if self.state.compared else "not compared"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An operator beside one that was found. `error` is the relative Euclidean distance of the
    tensor between the two, NaN when it was not compared."""

    op_name: str
    op_type: str
    error: float


@dataclass(frozen=True, slots=True)
class Finding:
    """An operator where the values part. `kind` says what was seen: "nonfinite", "introduced",
    "overwritten" and so on; `evidence` in plain words, the strongest first. `error` is the relative
    Euclidean distance of its worst output, `inherited` what its inputs account for. `result` is the
    row of that output."""

    kind: str
    op_name: str
    op_type: str
    score: float
    error: float
    inherited: float
    evidence: Sequence[str]
    result: Result
    rank: int | None = None
    token: int | None = None
    layer: int | None = None
    producers: Sequence[Neighbour] = ()
    consumers: Sequence[Neighbour] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where a comparison went wrong, the likeliest first; no findings: `conclusion` says that it is
    clean, or why nothing can be said. `order` and `edges` say what the execution order and the
    producers of inputs are from; `noise` is the error that rounding explains. `faint` are operators
    that are too little out of what is usual to be findings."""

    conclusion: str
    findings: Sequence[Finding] = ()
    order: str = ""
    edges: str = ""
    noise: float = nan
    faint: Sequence[Finding] = ()


_LAYER = re.compile(
    r"(?i)(?:^|[./_-])(?:layers?|blocks?|blk|h|encoder|decoder)[./_-]?(\d+)(?![^./_-])|"
    r"(?:^|/)(\d+)_\w*Layer"
)


def layer_of(name: str) -> int | None:
    """The number of the layer a name speaks of: 3 for `model.layers.3.mlp`, `3_LlamaLayer/0`."""
    match = _LAYER.search(name)
    return int(match[1] or match[2]) if match else None
