"""An operator run again by numpy alone, where its type tells what it may compute. Golden tells
which of that it was: what makes the golden output of the golden inputs. What it makes of my inputs
my output should have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trueness.compare.open_files import OpenFiles
from trueness.diagnose.plain_operators import Way, Ways, ways_of
from trueness.diagnose.replayed import (
    ROUNDINGS,
    SUMMATION,
    Array,
    NotReplayable,
    Replay,
    array_of,
    comes_near,
    distance,
    judged,
    rounding_of,
    size_of,
)
from trueness.model import Pair, TensorRef, Unmatched

_ON_THE_WAY = 3
"""Times the size of the tensors that is needed to make one of the other."""


@dataclass(frozen=True)
class _Part:
    """A golden operator, of which a fused one of mine has several. `inputs` are those that come
    from outside; what the part before hands on goes to place `handed`, -1 for the first part.
    `output`: what it makes on the golden side."""

    types: Sequence[str]
    inputs: Sequence[Pair]
    handed: int
    output: TensorRef


def replay_plain(items: Sequence[Pair | Unmatched], files: OpenFiles, limit: int) -> Replay:
    """Raises NotReplayable, FormatError and OSError."""
    output = _output(items)
    parts = _parts(items, output)
    _check_size(parts, output, files, limit)
    handed: tuple[Array, Array] | None = None
    with np.errstate(all="ignore"):
        for part in parts:
            golden, my = (
                _given(part, [side(pair) for pair in part.inputs], handed and handed[at], files)
                for at, side in enumerate((_golden, _my))
            )
            theirs = array_of(part.output, files)
            exact = theirs.astype(np.float64)
            way, should = recognised(_ways(part)(golden, exact), golden, theirs)
            would = way(my)
            # Golden has written what a fused operator keeps to itself.
            handed = exact, would
        mine = array_of(output.my, files)
        name, kind = output.my.op_name, output.my.op_type
        return judged(name, kind, should, would, theirs, mine, parts=len(parts))


def _ways(part: _Part) -> Ways:
    ways = next(filter(None, map(ways_of, part.types)), None)
    if ways is None:
        raise NotReplayable(f"it is not known what {part.types[0] or 'its type'} computes")
    return ways


def _given(
    part: _Part, refs: Sequence[TensorRef], handed: Array | None, files: OpenFiles
) -> list[Array]:
    given = [array_of(ref, files).astype(np.float64) for ref in refs]
    if handed is not None:
        given.insert(part.handed, handed)
    return given


def recognised(ways: Iterator[Way], golden: Sequence[Array], output: Array) -> tuple[Way, Array]:
    """The first way that misses the golden output by no more than rounding, else the best, and what
    it makes. Raises NotReplayable where none comes near."""
    found: tuple[float, Way, Array] | None = None
    for way in ways:
        made = way(golden)
        missed = distance(made, output)
        if found is None or missed < found[0]:
            found = missed, way, made
        if missed <= ROUNDINGS * max(rounding_of(made, output), SUMMATION):
            break
    if found is None or not comes_near(found[0], found[2], output):
        raise NotReplayable("nothing its type may compute makes golden's output of its inputs")
    return found[1:]


def _output(items: Sequence[Pair | Unmatched]) -> Pair:
    """The first: what others an operator has are by-products."""
    found = [item for item in items if isinstance(item, Pair) and item.golden.io != "input"]
    if not found:
        both = any(item.golden for item in items) and any(item.my for item in items)
        missing = "none of its outputs was paired" if both else "it is on one side only"
        raise NotReplayable(missing)
    names = {item.golden.op_name for item in found}
    if len(names) > 1:
        raise NotReplayable(f"it is {len(names)} golden operators in one, with an output each")
    return min(found, key=lambda item: item.golden.index)


def _parts(items: Sequence[Pair | Unmatched], output: Pair) -> list[_Part]:
    """In their order, as inputs come; the last makes the output."""
    inputs: dict[str, list[Pair]] = {}
    inner: dict[str, TensorRef] = {}
    for item in items:
        ref = item.golden
        if isinstance(item, Pair) and item.golden.io == "input":
            inputs.setdefault(item.golden.op_name, []).append(item)
        elif isinstance(item, Unmatched) and ref and ref.io == "input" and not item.expected:
            raise NotReplayable(f"my input {ref.index} was not dumped or has no partner")
        elif isinstance(item, Unmatched) and ref and ref.io != "input":
            inner.setdefault(ref.op_name, ref)
    if not inputs:
        raise NotReplayable("none of its inputs was paired")
    last = output.golden.op_name
    names = [*(name for name in inputs if name != last), last]
    parts: list[_Part] = []
    for name in names:
        own = sorted(inputs.get(name, ()), key=lambda item: (item.golden.index, item.golden.nested))
        places = [item.golden.index for item in own]
        handed = next(at for at in range(len(own) + 1) if at not in places) if parts else -1
        made = output.golden if name == last else inner.get(name)
        if made is None:
            raise NotReplayable(
                "it is several golden operators in one, and what lies between is not dumped"
            )
        kinds = (made.op_type,) if len(names) > 1 else (output.my.op_type, made.op_type)
        parts.append(_Part(kinds, own, handed, made))
    return parts


def _check_size(parts: Sequence[_Part], output: Pair, files: OpenFiles, limit: int) -> None:
    pairs = [pair for part in parts for pair in part.inputs]
    refs = [ref for pair in (*pairs, output) for ref in (pair.golden, pair.my)]
    sizes = [size_of(ref, files) for ref in (*refs, *(part.output for part in parts))]
    if 0 in sizes:
        raise NotReplayable("one of its tensors has no elements")
    room = _ON_THE_WAY * 8 * sum(sizes)
    if room > limit:
        raise NotReplayable(f"it takes {room:,} bytes in float64, more than {limit:,}")


def _golden(pair: Pair) -> TensorRef:
    return pair.golden


def _my(pair: Pair) -> TensorRef:
    return pair.my
