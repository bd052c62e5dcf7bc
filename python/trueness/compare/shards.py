"""A pair of which a side lies in parts, on several cards or cut by the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trueness import _core
from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.model import Pair, TensorRef
from trueness.read.joined import axis_of, join, part_of


def joined(pair: Pair, files: OpenFiles) -> tuple[Pair, _core.Tensor, _core.Tensor]:
    """The pair, which now says what was done, and the tensors to compare: the parts joined, or
    the first where parts are as large as the other side's. Raises as reading does."""
    golden, my = _parts(pair.golden, files), _parts(pair.my, files)
    if pair.my.packed:
        how = f"{pair.my.packed} tensors in each of {len(my)} my parts put in order"
        whole = _unpacked(pair.my, golden, my)
        return replace(pair, pairing=f"{pair.pairing}; {how}"), join(golden, -1), whole
    axis = axis_of([part.logical_shape for part in golden], [part.logical_shape for part in my])
    if axis is not None:
        rank = max(len(part.logical_shape) for part in (*golden, *my))
        how = f"{len(golden)} golden and {len(my)} my parts joined along dimension {rank + axis}"
        pair = replace(pair, pairing=f"{pair.pairing}; {how}")
        return pair, join(golden, axis), join(my, axis)
    doubts = (pair.doubt, _doubt("golden", golden), _doubt("my", my))
    return replace(pair, doubt="; ".join(filter(None, doubts))), golden[0], my[0]


def _unpacked(
    ref: TensorRef, golden: Sequence[_core.Tensor], my: Sequence[_core.Tensor]
) -> _core.Tensor:
    """My parts hold a share of each golden tensor; all of the first come first, as with golden."""
    if not all(part.logical_shape for part in (*golden, *my)):
        raise NoSuchTensor(f"{ref.path}: a single number has no parts")
    each = len(golden) // ref.packed
    tensors = [golden[i : i + each] for i in range(0, len(golden), each)]
    widths = [sum(part.logical_shape[-1] for part in parts) for parts in tensors]
    shapes = {part.logical_shape[:-1] for part in golden}, {part.logical_shape for part in my}
    known = len(shapes[0]) == len(shapes[1]) == 1 and len(golden) == each * ref.packed
    even = not any(width % len(my) for width in widths)
    if not known or not even or sum(widths) != len(my) * my[0].logical_shape[-1]:
        found = f"{len(my)} my parts of {list(my[0].logical_shape)}"
        raise NoSuchTensor(f"{ref.path}: tensors of widths {widths} are not packed in {found}")
    pieces, start = [], 0
    for width in widths:
        end = start + width // len(my)
        pieces += [part_of(part, -1, start, end) for part in my]
        start = end
    return join(pieces, -1)


def _parts(ref: TensorRef, files: OpenFiles) -> list[_core.Tensor]:
    found = []
    for path in (ref.path, *ref.shards):
        tensors = files.tensors(path)
        if not tensors:
            raise NoSuchTensor(f"{path}: only statistics, and those of parts cannot be joined")
        found.append(pick(tensors, replace(ref, path=path)))
    return found


def _doubt(side: str, parts: Sequence[_core.Tensor]) -> str:
    """Whole tensors, such as those on every card, should be the same; parts of a sum are not."""
    if len(parts) == 1:
        return ""
    first = parts[0].raw()
    if all(part.raw() == first for part in parts[1:]):
        return ""
    return f"{len(parts)} parts of {side} differ and do not add up; the first is compared"
