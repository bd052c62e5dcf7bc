"""An operator run again, alone, on the inputs it really had: its own error, free of what it
inherited.

The operator is the aten one that the dump names. It is run in float64, first on the golden inputs:
only where that gives the golden output is everything it needs known (keyword arguments are in no
dump), and the same call on my inputs says what my output should have been."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.diagnose.pure_operators import PURE_OPERATORS
from trueness.diagnose.replayed import NotReplayable, Replay, judged, size_of
from trueness.errors import FormatError
from trueness.model import Pair, TensorRef, Unmatched

if TYPE_CHECKING:
    import numpy as np

BYTES = 2 << 30
"""What the tensors of one operator may take as float64; a larger one is not replayed."""
_UNTOLD = ": an attribute that was not dumped must differ from its default"


@dataclass(frozen=True, slots=True)
class _Operator:
    """`arguments` by position, then by place inside a list."""

    target: str
    arguments: dict[int, dict[tuple[int, ...], Pair | Unmatched]]
    outputs: Sequence[Pair]


def replay(
    items: Iterable[Pair | Unmatched], *, taken_from: Sequence[str] = (), limit: int = BYTES
) -> Replay:
    """`items` are what was paired of one operator: inputs, outputs, and golden arguments that are
    no tensors; `taken_from` as of Replay. Takes `limit` bytes of memory at most, for tensors as
    float64."""
    files = OpenFiles()
    items = list(items)
    try:
        return replace(_first_that_can(items, files, limit), taken_from=taken_from)
    except NotReplayable as reason:
        return Replay(_name_of(items), reason.target, problem=str(reason))
    except (FormatError, NoSuchTensor, OSError, MemoryError) as error:
        return Replay(_name_of(items), "", problem=f"a tensor could not be read: {error}")
    finally:
        files.close()


def _name_of(items: Sequence[Pair | Unmatched]) -> str:
    return next((item.my.op_name for item in items if item.my), "")


def _first_that_can(items: Sequence[Pair | Unmatched], files: OpenFiles, limit: int) -> Replay:
    """By onnx or torch, which know what operators do; by numpy what these cannot, where golden can
    tell it of the type. What the former say of an operator that they know stands."""
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
    try:
        torch = _torch()
        function = _function(torch, operator.target)
        _check_size(operator, files, limit)
        return _replayed(_name_of(items), _Call(torch, function, operator, files), operator)
    except NotReplayable as reason:
        raise NotReplayable(str(reason), operator.target) from None


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
        lone = isinstance(item, Unmatched) and item.golden and item.golden.io == "input"
        for ref in (item.golden, item.my):
            if ref is not None and not lone:
                total += 8 * size_of(ref, files)
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
    found = []
    for pair in operator.outputs:
        theirs, mine = call.array(pair.golden), call.array(pair.my)
        made, meant = (_float64(side[pair.golden.index]) for side in (should, would))
        found.append(judged(name, operator.target, made, meant, theirs, mine, why=_UNTOLD))
    return max(found, key=lambda one: one.own)


def _float64(tensor: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (
        tensor.double() if tensor.is_floating_point() else tensor
    ).numpy()
    return found


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
