"""An operator run again, alone, on the inputs it really had: its own error, free of what it
inherited.

The operator is the aten one that the dump names. It is run in float64, first on the golden inputs:
only where that gives the golden output is everything it needs known (keyword arguments are in no
dump), and the same call on my inputs says what my output should have been."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan, prod
from typing import TYPE_CHECKING, Any

from trueness.compare.arrays import compare
from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.diagnose.pure_operators import PURE_OPERATORS
from trueness.errors import FormatError
from trueness.model import Pair, TensorRef, Unmatched

if TYPE_CHECKING:
    import numpy as np

BYTES = 2 << 30
"""What the tensors of one operator may take as float64; a larger one is not replayed."""
ROUNDINGS = 2
"""How many times the rounding of its result an operator may be off by itself and still be cleared:
some of what it computes on the way is rounded too."""
SUMMATION = 2.0**-20
"""What float32 sums in another order may differ by, however exact the result is stored."""
RECOGNISED = 8
"""How many roundings the golden output may be off when the right operator was run."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Relative Euclidean distances of an operator's worst output. `own`: of my output from what the
    operator makes of my inputs; `inherited`: of that from what it makes of the golden inputs;
    `golden`: of the golden output from the latter, which shows that the right operator was run.
    `noise` is what rounding explains of `own`. `problem`: why it was not replayed, else "".
    `taken_from`: the operators whose outputs stood for inputs that were not dumped."""

    op_name: str
    target: str
    own: float = nan
    inherited: float = nan
    golden: float = nan
    noise: float = nan
    problem: str = ""
    taken_from: Sequence[str] = ()

    @property
    def cleared(self) -> bool:
        """Whether rounding explains all that is the operator's own."""
        return not self.problem and self.own <= self.noise

    @property
    def sentence(self) -> str:
        if self.problem:
            return f"not replayable because {self.problem}"
        if self.cleared:
            own = "exact" if self.own == 0 else f"off by {self.own:.1e}, as rounding explains"
            said = f"cleared: alone it is {own}; its inputs account for {self.inherited:.1e}"
        else:
            said = f"alone it is off by {self.own:.1e}, its inputs account for {self.inherited:.1e}"
        if self.taken_from:
            said += f"; what it read is taken from the outputs of {', '.join(self.taken_from)}"
        return said


class NotReplayable(Exception):
    """Says why, as the end of "not replayable because". `target` is the aten operator, if any."""

    def __init__(self, reason: str, target: str = "") -> None:
        super().__init__(reason)
        self.target = target


@dataclass(frozen=True, slots=True)
class _Operator:
    """`arguments` by position, then by place inside a list."""

    target: str
    arguments: dict[int, dict[tuple[int, ...], Pair | Unmatched]]
    outputs: Sequence[Pair]


def replay(items: Iterable[Pair | Unmatched], *, limit: int = BYTES) -> Replay:
    """`items` are what was paired of one operator: inputs, outputs, and golden arguments that are
    no tensors. Takes `limit` bytes of memory at most, for tensors as float64."""

    files = OpenFiles()
    items = list(items)
    name = next((item.my.op_name for item in items if item.my), "")
    try:
        return _first_that_can(items, files, limit)
    except NotReplayable as reason:
        return Replay(name, reason.target, problem=str(reason))
    except (FormatError, NoSuchTensor, OSError, MemoryError) as error:
        return Replay(name, "", problem=f"a tensor could not be read: {error}")
    finally:
        files.close()


def _first_that_can(items: Sequence[Pair | Unmatched], files: OpenFiles, limit: int) -> Replay:
    """By onnx or torch, which know what operators do; by numpy what these cannot, where golden can
    tell it of the type."""
    from trueness.diagnose.plain_operators import ways_of
    from trueness.diagnose.replay_onnx import is_onnx, replay_node
    from trueness.diagnose.replay_plain import replay_plain

    of_onnx = is_onnx(items)
    try:
        return replay_node(items, files, limit) if of_onnx else _by_torch(items, files, limit)
    except NotReplayable as reason:
        types = {ref.op_type for item in items for ref in (item.golden, item.my) if ref}
        if not any(map(ways_of, types)):
            raise
        try:
            return replay_plain(items, files, limit)
        except NotReplayable as other:
            raise reason if of_onnx or reason.target else other from None


def _by_torch(items: Sequence[Pair | Unmatched], files: OpenFiles, limit: int) -> Replay:
    operator = _operator(items)
    target = operator.target
    try:
        torch = _torch()
        function = _function(torch, target)
        _check_size(operator, files, limit)
        call = _Call(torch, function, operator, files)
        name = next((item.my.op_name for item in items if item.my), "")
        return _replayed(name, call, operator)
    except NotReplayable as reason:
        raise NotReplayable(str(reason), target) from None


def by_operator(items: Iterable[Pair | Unmatched]) -> dict[tuple[Any, ...], list[Pair | Unmatched]]:
    """What was paired of each operator, by (rank, token, graph, name), names as on my side."""
    found: defaultdict[tuple[Any, ...], list[Pair | Unmatched]] = defaultdict(list)
    mine: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    alone: list[Unmatched] = []
    for item in items:
        if item.my is None:
            alone.append(item)
            continue
        found[key_of(item.my)].append(item)
        if item.golden:
            mine[key_of(item.golden)] = key_of(item.my)
    for item in alone:
        if item.golden and key_of(item.golden) in mine:
            found[mine[key_of(item.golden)]].append(item)
    return dict(found)


def key_of(ref: TensorRef) -> tuple[Any, ...]:
    """What the tensors of one operator have in common."""
    return ref.rank, ref.token, ref.graph, ref.op_name


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise NotReplayable('torch is not installed: pip install "trueness[torch]"') from None
    return torch


def _operator(items: Sequence[Pair | Unmatched]) -> _Operator:
    refs = [item.golden for item in items if item.golden]
    own = [item.my for item in items if item.my]
    names = {ref.op_name for ref in refs}
    if not refs or not own:
        raise NotReplayable("it is on one side only")
    if len(names) > 1:
        raise NotReplayable(f"it is {len(names)} golden operators in one")
    types = [ref.op_type for ref in (*refs, *own)]
    target = next((type_ for type_ in types if type_.startswith("aten.")), "")
    if not target:
        raise NotReplayable(f"{types[0] or 'its type'} is not an aten operator")
    arguments: defaultdict[int, dict[tuple[int, ...], Pair | Unmatched]] = defaultdict(dict)
    outputs = []
    for item in items:
        if item.golden is None:
            continue
        if item.golden.io == "input":
            arguments[item.golden.index][item.golden.nested] = item
        elif isinstance(item, Pair):
            outputs.append(item)
    if not outputs:
        raise NotReplayable("none of its outputs was paired")
    return _Operator(target, dict(arguments), outputs)


def _function(torch: Any, target: str) -> Any:
    _, name, *overload = target.split(".")
    if name not in PURE_OPERATORS:
        raise NotReplayable(f"{target} is not among the operators that may be run again")
    packet = getattr(torch.ops.aten, name, None)
    wanted = overload[0] if overload else "default"
    if packet is None or wanted not in packet.overloads():
        raise NotReplayable(f"this torch has no {target}")
    return getattr(packet, wanted)


def _check_size(operator: _Operator, files: OpenFiles, limit: int) -> None:
    """Both sides are held at once, as float64, with both results."""
    arguments = [item for place in operator.arguments.values() for item in place.values()]
    total = 0
    for item in (*arguments, *operator.outputs):
        for ref in (item.golden, item.my):
            if ref is None:
                continue
            if ref.statistics is not None:
                raise NotReplayable("only statistics of its tensors were dumped")
            if ref.shards:
                raise NotReplayable("its tensors lie in parts in several files")
            if item.golden and item.golden.io == "input" and isinstance(item, Unmatched):
                continue
            shape = pick(files.tensors(ref.path), ref).logical_shape
            size = 8
            for extent in shape:
                size *= extent
            total += size
    if total > limit:
        raise NotReplayable(f"its tensors take {total:,} bytes as float64, more than {limit:,}")


class _Call:
    """One operator, ready to be run on the arguments of either side."""

    def __init__(self, torch: Any, function: Any, operator: _Operator, files: OpenFiles) -> None:
        self._torch = torch
        self._function = function
        self._operator = operator
        self._files = files

    def array(self, ref: TensorRef) -> np.ndarray[Any, Any]:
        return pick(self._files.tensors(ref.path), ref).numpy()

    def run(self, side: Callable[[Pair | Unmatched], TensorRef]) -> list[Any]:
        """The outputs, tensors of float64 where they are floats."""
        given = []
        schema = self._function._schema
        positional = [argument for argument in schema.arguments if not argument.kwarg_only]
        count = 1 + max(self._operator.arguments, default=-1)
        if count > len(positional):
            raise NotReplayable(f"{count} arguments were dumped, {schema.name} takes fewer")
        for index, argument in enumerate(positional):
            given.append(self._argument(argument, self._operator.arguments.get(index, {}), side))
        try:
            with self._torch.no_grad():
                self._check_outputs(self._function(*map(self._without_values, given)))
                found = self._function(*given)
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NotReplayable(f"torch would not run it: {reason}") from None
        return _listed(found)

    def _without_values(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without_values(item) for item in value]
        return value.to("meta") if isinstance(value, self._torch.Tensor) else value

    def _check_outputs(self, found: Any) -> None:
        """Before anything is allocated: numbers in a dump can ask for outputs of any size."""
        outputs = _listed(found)
        for pair in self._operator.outputs:
            index = pair.golden.index
            if index >= len(outputs):
                raise NotReplayable(f"it has {len(outputs)} outputs, and output {index} was dumped")
            shape = tuple(pick(self._files.tensors(pair.golden.path), pair.golden).logical_shape)
            if prod(outputs[index].shape) != prod(shape):
                raise NotReplayable(
                    f"its output has shape {shape}, and {tuple(outputs[index].shape)} when replayed"
                )

    def _argument(
        self,
        argument: Any,
        places: dict[tuple[int, ...], Pair | Unmatched],
        side: Callable[[Pair | Unmatched], TensorRef],
    ) -> Any:
        kind = str(argument.type)
        if not places:
            if argument.has_default_value():
                return argument.default_value
            raise NotReplayable(f"argument {argument.name} was not dumped")
        if () not in places:
            return [self._value(kind, places[place], side) for place in sorted(places)]
        if kind.startswith("Optional") and self._is_none(places[()]):
            return None
        return self._value(kind, places[()], side)

    def _is_none(self, item: Pair | Unmatched) -> bool:
        """None is written as an object, which no reader may load. Whether it was one shows when the
        golden output comes out right."""
        try:
            self.array(_golden(item))
        except FormatError:
            return True
        return False

    def _value(
        self,
        kind: str,
        item: Pair | Unmatched,
        side: Callable[[Pair | Unmatched], TensorRef],
    ) -> Any:
        if "Tensor" not in kind:
            # Numbers are the same on both sides, and some layouts have none on mine.
            values = self.array(_golden(item)).tolist()
            return values if not isinstance(values, list) or "List" in kind else values[0]
        array = self.array(side(item))
        if array.dtype.kind == "f":
            array = array.astype("float64")
        # A copy where the file is mapped: torch wants to be able to write.
        return self._torch.from_numpy(array if array.flags.writeable else array.copy())


def _golden(item: Pair | Unmatched) -> TensorRef:
    assert item.golden is not None
    return item.golden


def _my(item: Pair | Unmatched) -> TensorRef:
    if item.my is None:
        assert item.golden is not None
        raise NotReplayable(f"my input {item.golden.index} was not dumped or has no partner")
    return item.my


def _replayed(name: str, call: _Call, operator: _Operator) -> Replay:
    should, would = call.run(_golden), call.run(_my)
    worst: Replay | None = None
    for pair in operator.outputs:
        index = pair.golden.index
        theirs, mine = call.array(pair.golden), call.array(pair.my)
        golden = distance(should[index], theirs)
        if not golden <= max(RECOGNISED * _rounding(should[index], theirs), 16 * SUMMATION):
            raise NotReplayable(
                f"run on the golden inputs it misses the golden output by {golden:.1e}: an "
                "attribute that was not dumped must differ from its default"
            )
        rounding = max(_rounding(would[index], mine), golden, SUMMATION)
        found = Replay(
            name,
            operator.target,
            own=distance(would[index], mine),
            inherited=distance(should[index], would[index]),
            golden=golden,
            noise=ROUNDINGS * rounding,
        )
        if worst is None or not found.own <= worst.own:
            worst = found
    assert worst is not None
    return worst


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def distance(golden: Any, my: Any) -> float:
    """Infinite where the two are not finite at the same places, or of unequal length."""
    golden, my = golden.reshape(-1), my.reshape(-1)
    if golden.shape != my.shape:
        return inf
    found = compare(golden, my, metrics="basic")
    odd = found.count - found.finite_count - found.nonfinite_equal_count
    distance = found.relative_euclidean_distance
    if odd:
        return inf
    return distance if isfinite(distance) else 0.0 if not found.finite_count else inf


def _rounding(exact: Any, stored: np.ndarray[Any, Any]) -> float:
    """The distance of exact values from themselves in the precision that `stored` has."""
    if not exact.dtype.is_floating_point:
        return 0.0
    return distance(exact, exact.to(_precision(exact, stored)).to(exact.dtype))


def _precision(exact: Any, stored: np.ndarray[Any, Any]) -> Any:
    """A torch dtype: a dump in float32 may hold what was bfloat16 or float16."""
    import numpy as np
    import torch

    if stored.dtype == np.float16:
        return torch.float16
    if stored.dtype != np.float32:
        return exact.dtype
    bits = np.ascontiguousarray(stored).view(np.uint32)
    for unused, dtype in ((16, torch.bfloat16), (13, torch.float16)):
        if not np.any(bits & ((1 << unused) - 1)):
            return dtype
    return torch.float32
