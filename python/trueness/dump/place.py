"""Which tensors of a model are taken, and what each of them is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from trueness.dump import files
from trueness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor of one call of an operator or module. `time` is that of the call, the same for all
    its tensors; `nested` the place inside a list; `single`: it is all that came out."""

    op: str
    io: str
    index: int
    nested: tuple[int, ...]
    token: int
    graph: str = ""
    time: int = 0
    single: bool = False


class Sink(Protocol):
    """What becomes of tensors as they are produced."""

    def take(self, place: Place, tensor: files.Tensor) -> None:
        """Called while the model runs: the tensor may change as soon as this returns."""

    def close(self) -> None:
        """Waits for all that was taken. Raises what went wrong where that is wanted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`layers` are globs for the names of modules, or of operators and their targets; None takes
    all. `tokens` counts from 0."""

    layers: Sequence[str] | None = None
    tokens: Collection[int] | None = None
    inputs: bool = True
    outputs: bool = True

    def takes_token(self, token: int) -> bool:
        return self.tokens is None or token in self.tokens

    def takes_layer(self, *names: str) -> bool:
        """A layer that is chosen is taken with all that is inside it."""
        if self.layers is None:
            return True
        return any(
            fnmatchcase(name, glob) or fnmatchcase(name, f"{glob}.*")
            for glob in self.layers
            for name in names
        )


def choice_of(
    layers: str | Sequence[str] | None,
    tokens: int | Collection[int] | None,
    inputs: bool,
    outputs: bool,
) -> Choice:
    """One value or several of each. Raises UsageError when nothing would be taken."""
    if not inputs and not outputs:
        raise UsageError("neither inputs nor outputs: nothing would be dumped")
    globs = [layers] if isinstance(layers, str) else layers
    return Choice(globs, [tokens] if isinstance(tokens, int) else tokens, inputs, outputs)


Part = tuple[int, tuple[int, ...], Any]
"""(index, nested, tensor)"""


def arguments(values: Sequence[Any]) -> Iterator[Part]:
    """The tensors among arguments; numbers and lists of them become tensors, as torchair dumps
    them. What has no numbers, such as None or a dtype, is left out."""
    for index, value in enumerate(values):
        yield from _parts(index, (), value)


def results(value: Any) -> Iterator[Part]:
    """The tensors that came out: one, or those of a sequence or mapping by their place."""
    inner = members(value)
    for index, part in enumerate([value] if inner is None else inner):
        yield from _parts(index, (), part)


def members(value: Any) -> list[Any] | None:
    """What a sequence or mapping holds; None for anything else."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else None


def _parts(index: int, nested: tuple[int, ...], value: Any) -> Iterator[Part]:
    if files.is_tensor(value):
        yield index, nested, value
        return
    inner = members(value)
    numbers = [_number(part) for part in ([value] if inner is None else inner)]
    if None not in numbers:
        yield index, nested, _tensor(numbers[0] if inner is None else numbers)
        return
    for place, part in enumerate(inner or ()):
        yield from _parts(index, (*nested, place), part)


def _number(value: Any) -> bool | int | float | complex | None:
    if isinstance(value, bool | int | float | complex):
        return value
    symbols = {"SymInt": int, "SymFloat": float, "SymBool": bool}
    convert: Callable[[Any], int | float] | None = symbols.get(type(value).__name__)
    return None if convert is None else convert(value)


def _tensor(numbers: Any) -> Any:
    import torch

    flat = numbers if isinstance(numbers, list) else [numbers]
    kinds = {type(number) for number in flat}
    if complex in kinds:
        dtype = torch.complex128
    elif float in kinds or not kinds:
        dtype = torch.float64
    else:
        dtype = torch.bool if kinds == {bool} else torch.int64
    return torch.tensor(numbers, dtype=dtype)
