"""A table of all positions against what was used of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trueness import _core
from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.model import Pair, TensorRef
from trueness.read.joined import part_of


def cut(pair: Pair, files: OpenFiles) -> tuple[Pair, _core.Tensor, _core.Tensor]:
    """The pair, which now says what was done, and the tensors to compare: of golden the positions
    that my side holds, which are the last of those computed so far. Where the shapes do not say
    which dimension counts positions both stay as they are. Raises as reading does."""
    golden = pick(files.tensors(pair.golden.path), pair.golden)
    my = pick(files.tensors(pair.my.path), pair.my)
    place = _axis(golden.logical_shape, my.logical_shape)
    if place is None:
        return pair, golden, my
    axis, count = place
    end = _length(pair.golden.length, files)
    if not count <= end <= golden.logical_shape[axis]:
        where = f"{end} positions computed, golden has {golden.logical_shape[axis]}, my {count}"
        raise NoSuchTensor(f"{pair.golden.length}: {where}")
    how = f"{pair.pairing}; golden positions {end - count} to {end - 1} along dimension {axis}"
    return replace(pair, pairing=how), part_of(golden, axis, end - count, end), my


def _axis(golden: tuple[int, ...], my: tuple[int, ...]) -> tuple[int, int] | None:
    """The only dimension of golden that is longer than mine, and how long mine is there; dimensions
    of 1 aside, and never the last."""
    wide = [axis for axis, size in enumerate(golden) if size > 1]
    own = [size for size in my if size > 1]
    for axis in wide:
        others = [golden[a] for a in wide if a != axis]
        if axis == len(golden) - 1:
            continue
        if own == others:
            return axis, 1
        place = wide.index(axis)
        if len(own) == len(wide) and own[:place] + own[place + 1 :] == others:
            return (axis, own[place]) if own[place] < golden[axis] else None
    return None


def _length(path: str, files: OpenFiles) -> int:
    values = np.asarray(pick(files.tensors(path), TensorRef(path)).numpy()).reshape(-1)
    if values.size != 1 or values.dtype.kind not in "iu":
        shown = f"{values.size} of {values.dtype}"
        raise NoSuchTensor(f"{path}: one sequence length was expected, found {shown}")
    return int(values[0])
