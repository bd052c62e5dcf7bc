"""What an operator run again comes to, whoever runs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan, prod
from typing import Any

import numpy as np

from trueness.compare.arrays import compare
from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.errors import FormatError
from trueness.model import TensorRef

Array = np.ndarray[Any, Any]

ROUNDINGS = 2
"""How many times the rounding of its result an operator may be off by itself and still be cleared:
some of what it computes on the way is rounded too."""
SUMMATION = 2.0**-20
"""What float32 sums in another order may differ by, however exact the result is stored."""
RECOGNISED = 8
"""How many roundings the golden output may be off when the right operator was run."""


class NotReplayable(Exception):
    """Says why, as the end of "not replayable because". `target` is the aten operator, if any."""

    def __init__(self, reason: str, target: str = "") -> None:
        super().__init__(reason)
        self.target = target


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


def judged(
    name: str,
    target: str,
    should: Array,
    would: Array,
    theirs: Array,
    mine: Array,
    *,
    parts: int = 1,
    why: str = "",
) -> Replay:
    """`should` and `would`: what the operator makes of the golden and of my inputs; `theirs` and
    `mine`: the outputs as they were dumped. A fused operator of several `parts` may round what they
    hand to each other. Raises NotReplayable, with `why`, where golden is missed."""
    golden = distance(should, theirs)
    if not comes_near(golden, should, theirs):
        raise NotReplayable(
            f"run on the golden inputs it misses the golden output by {golden:.1e}{why}"
        )
    return Replay(
        name,
        target,
        own=distance(would, mine),
        inherited=distance(should, would),
        golden=golden,
        noise=ROUNDINGS * parts * max(rounding_of(would, mine), golden, SUMMATION),
    )


def comes_near(missed: float, should: Array, theirs: Array) -> bool:
    """Whether so little is missed of the golden output that the right operator was run."""
    return missed <= max(RECOGNISED * rounding_of(should, theirs), 16 * SUMMATION)


def distance(golden: Array, my: Array) -> float:
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


def rounding_of(exact: Array, stored: Array) -> float:
    """The distance of exact values from themselves in the precision that `stored` has: what is kept
    in float32 may be bfloat16 or float16. What is too large for that is no matter of rounding."""
    if exact.dtype.kind != "f" or stored.dtype.kind != "f":
        return 0.0
    with np.errstate(over="ignore"):
        rounded = _rounded(exact, stored)
    fits = np.isfinite(rounded)
    return distance(exact[fits], rounded[fits])


def _rounded(exact: Array, stored: Array) -> Array:
    if stored.dtype != np.float32:
        return exact.astype(stored.dtype)
    bits = np.ascontiguousarray(stored).view(np.uint32)
    # Subnormal numbers are cut to a grid of their own.
    bits = bits[(bits & 0x7F800000) != 0]
    if not np.any(bits & 0xFFFF):
        return _bfloat16(exact)
    return exact.astype(np.float32 if np.any(bits & 0x1FFF) else np.float16)


def _bfloat16(values: Array) -> Array:
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return rounded.astype(np.uint32).view(np.float32)


def size_of(ref: TensorRef, files: OpenFiles) -> int:
    """Elements, without reading them. Raises NotReplayable for what no operator can be given."""
    if ref.statistics is not None:
        raise NotReplayable("only statistics of its tensors were dumped")
    if ref.shards:
        raise NotReplayable("its tensors lie in parts in several files")
    return prod(pick(files.tensors(ref.path), ref).logical_shape)


def array_of(ref: TensorRef, files: OpenFiles) -> Array:
    """Raises NotReplayable for what is no real number, FormatError and OSError."""
    found = pick(files.tensors(ref.path), ref).numpy()
    if found.dtype.kind not in "fiub":
        raise NotReplayable(f"its tensors are of {found.dtype}")
    return found


def arrays_of(refs: Collection[TensorRef], most: int) -> list[Array] | None:
    """None where one of them cannot be read as real numbers or has more than `most` elements."""
    files = OpenFiles()
    try:
        if max(size_of(ref, files) for ref in refs) > most:
            return None
        return [array_of(ref, files) for ref in refs]
    except (NotReplayable, FormatError, NoSuchTensor, OSError, MemoryError):
        return None
    finally:
        files.close()
