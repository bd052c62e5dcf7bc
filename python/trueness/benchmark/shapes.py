"""Shapes of inputs that the model leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from trueness.benchmark.backends import Port
from trueness.benchmark.options import Options
from trueness.errors import UsageError

Shapes = Mapping[str, tuple[int, ...]]
LARGEST = 100_000
"""Shapes that a range may come to."""


def chosen(options: Options, ports: Sequence[Port]) -> Shapes:
    """Shapes by input, as the first of --dym-batch, --dym-hw, --dym-dims and --dym-shape says; the
    other sizes as the model has them. Raises UsageError for what does not fit the model."""
    if options.dym_batch:
        return {port.name: _filled(port, 0, [options.dym_batch]) for port in ports if port.shape}
    if options.dym_hw:
        parts = options.dym_hw.split(",")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            raise UsageError(f"--dym-hw is {options.dym_hw!r}; give height,width")
        sizes = [int(part) for part in parts]
        images = [port for port in ports if len(port.shape) == 4]
        return {port.name: _filled(port, _height(port), sizes) for port in images}
    text = options.dym_dims or options.dym_shape
    return parse(text, ports) if text else {}


def parse(text: str, ports: Sequence[Port]) -> Shapes:
    """`name:1,3,224,224;other:8`. Raises UsageError for an unknown name or what is no shape."""
    known = {port.name for port in ports}
    found: dict[str, tuple[int, ...]] = {}
    for part in filter(None, text.split(";")):
        name, _, sizes = part.rpartition(":")
        if name not in known:
            raise UsageError(f"no input is called {name!r}; known: {', '.join(sorted(known))}")
        if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", sizes):
            raise UsageError(f"{part!r} is no shape; give {name}:1,3,224,224")
        found[name] = tuple(int(size) for size in sizes.split(","))
    return found


def complete(ports: Sequence[Port], shapes: Shapes) -> Shapes:
    """A shape for each input. Raises UsageError for a size that nobody gave."""
    found = {}
    for port in ports:
        shape = shapes.get(port.name, port.shape)
        if not all(isinstance(size, int) for size in shape):
            shown = ",".join("?" if size is None else str(size) for size in shape)
            raise UsageError(
                f"input {port.name} has the open shape {shown}: give --dym-batch, --dym-hw, "
                f'--dym-dims or --dym-shape "{port.name}:1,..."'
            )
        found[port.name] = tuple(size for size in shape if isinstance(size, int))
    return found


def batch_of(options: Options, shapes: Sequence[tuple[int, ...]]) -> int:
    """Samples of one execution, for the throughput: as given, else the first size of input 0."""
    if options.batch_size:
        return options.batch_size
    if options.dym_batch:
        return options.dym_batch
    return shapes[0][0] if shapes and shapes[0] else 1


def ranges(text: str) -> list[str]:
    """Each shape text that a range stands for, none twice: `a~b`, `a~b~step`, or `a-b-c` for these
    values, in any place of a shape. `text` may be the path of a file with a range on each line.
    Raises UsageError."""
    path = Path(text)
    if text.endswith(".info"):
        if not path.is_file():
            raise UsageError(f"--dym-shape-range {text} does not exist")
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        lines = [text]
    found: dict[str, None] = {}
    for line in filter(None, lines):
        for shape in _expanded(line):
            found[shape] = None
            if len(found) > LARGEST:
                raise UsageError(f"--dym-shape-range comes to more than {LARGEST} shapes")
    return list(found)


def _expanded(line: str) -> Iterator[str]:
    names = []
    places: list[Sequence[int]] = []
    for part in filter(None, line.split(";")):
        name, _, sizes = part.rpartition(":")
        values = [_values(size, part) for size in sizes.split(",")]
        names.append((name, len(values)))
        places += values
    for combination in product(*places):
        rest = iter(combination)
        yield ";".join(
            f"{name}:{','.join(str(next(rest)) for _ in range(count))}" for name, count in names
        )


def _values(size: str, part: str) -> Sequence[int]:
    if re.fullmatch(r"\d{1,9}~\d{1,9}(~\d{1,9})?", size):
        first, last, *step = map(int, size.split("~"))
        if last >= first and (not step or step[0] > 0):
            return range(first, last + 1, step[0] if step else 1)
    elif re.fullmatch(r"\d{1,9}(-\d{1,9})*", size):
        return [int(value) for value in size.split("-")]
    raise UsageError(f"{size!r} in {part!r} is no range; give 1~8, 1~8~2 or 1-4-8")


def _height(port: Port) -> int:
    """Where height and width are: the two sizes that are open, else as in NCHW."""
    places = [place for place, size in enumerate(port.shape) if not isinstance(size, int)]
    return places[0] if len(places) == 2 and places[1] == places[0] + 1 else 2


def _filled(port: Port, place: int, sizes: Sequence[int]) -> tuple[int, ...]:
    shape = list(port.shape)
    shape[place : place + len(sizes)] = sizes
    if not all(isinstance(size, int) for size in shape):
        raise UsageError(f"input {port.name} is open in other places too: give --dym-shape")
    return tuple(size for size in shape if isinstance(size, int))
