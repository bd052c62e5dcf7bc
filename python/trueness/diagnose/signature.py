"""What the values of an output tell of a fault by themselves, whatever the operator computes:
that they keep fewer bits than others do, or were clipped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trueness.diagnose.replayed import Array, arrays_of
from trueness.model import Pair, Unmatched

LARGEST = 1 << 23
"""Elements of a tensor that is looked at."""
_FEW = 32
"""Elements of which nothing is believed."""
_DISTINCT = 8
"""Mantissas that have to differ; what is chosen of fewer is no result of arithmetic."""
_ENOUGH = 1 << 20
"""Elements that tell of the bits of all."""
_NEARLY_ALL = 0.01
"""Share of the elements that may keep more bits than the others."""
_TIMES = 3
"""How often a limit has to be met."""
_BEYOND = 8
"""Times the usual error that golden has to be beyond it."""
_ROUNDINGS = 4
_BFLOAT16, _FLOAT16, _FLOAT32 = 8, 11, 24
"""Bits of precision."""
_SMALLEST = {_BFLOAT16: 2.0**-126, _FLOAT16: 2.0**-14, _FLOAT32: 2.0**-126}
"""Numbers below have fewer bits."""
_ONLY_MOVES = re.compile(
    r"transpose|permute|transdata|reshape|view|cast|concat|cat\b|slice|split|squeeze|gather|expand|"
    r"identity|pad|copy|clone|fake_?quant|dequant",
    re.IGNORECASE,
)
"""Types that have the bits of what they read, or fewer on purpose."""


@dataclass(frozen=True)
class _Values:
    """Values of an operator's output on both sides, and on mine of what it read. `bits` is the
    precision that my output is kept in."""

    op_type: str
    golden: Array
    my: Array
    read: Sequence[Array]
    bits: int


def first_sign(groups: Iterable[Sequence[Pair | Unmatched]]) -> tuple[int, str] | None:
    """The first operator whose output is clipped or coarse, as its place and a sentence. `groups`
    are what was paired of each, in execution order."""
    looked = 0
    coarse: dict[int, str] = {}
    clipped: dict[int, str] = {}
    for place, items in enumerate(groups):
        values = _values_of(items)
        if values is None:
            continue
        looked += 1
        if _ONLY_MOVES.search(values.op_type):
            continue
        if sentence := _coarse(values):
            coarse[place] = sentence
        elif sentence := _clipped(values):
            clipped[place] = sentence
    # What most do is how the model was meant to run.
    signs = clipped if 2 * len(coarse) > max(looked, 2) else coarse | clipped
    return min(signs.items(), default=None)


def _values_of(items: Sequence[Pair | Unmatched]) -> _Values | None:
    """None where there is nothing to look at."""
    pairs = [item for item in items if isinstance(item, Pair)]
    outputs = [pair for pair in pairs if pair.golden.io != "input"]
    if not outputs:
        return None
    output = min(outputs, key=lambda pair: pair.golden.index)
    read = [pair.my for pair in pairs if pair.golden.io == "input"]
    found = arrays_of((output.golden, output.my, *read), LARGEST)
    if found is None:
        return None
    golden, my, *rest = found
    alike = [dim for dim in golden.shape if dim != 1] == [dim for dim in my.shape if dim != 1]
    if not alike or my.dtype.kind != "f" or my.size < _FEW:
        return None
    return _Values(output.my.op_type, golden.reshape(my.shape), my, rest, _bits(my))


def _coarse(values: _Values) -> str:
    bits = values.bits
    same = max([_unused(values.golden, bits), *(_unused(x, bits) for x in values.read), 0])
    left = bits - _unused(values.my, bits)
    if left >= bits - same:
        return ""
    return (
        f"its values use {left} of {bits} bits of precision: a result was cut off or kept in less "
        "on the way"
    )


def _unused(values: Array, bits: int) -> int:
    """Bits at the end of a mantissa of `bits` that are 0 in nearly all values; -1 where too few
    are there to tell."""
    some = values.reshape(-1)[:: max(1, values.size // _ENOUGH)].astype(np.float64)
    smallest = _SMALLEST.get(bits, np.finfo(np.float64).tiny)
    fractions, _ = np.frexp(some[(np.abs(some) >= smallest) & np.isfinite(some)])
    if len(fractions) < _FEW or len(np.unique(fractions)) < _DISTINCT:
        return -1
    whole = np.abs(np.rint(np.ldexp(fractions, bits))).astype(np.int64)
    return int(np.quantile(np.log2(whole & -whole), _NEARLY_ALL))


def _clipped(values: _Values) -> str:
    golden, my = values.golden, values.my
    with np.errstate(invalid="ignore"):
        usual = float(np.median(np.abs(np.subtract(my, golden, dtype=np.float64))))
    for sign, extreme in ((1, np.max), (-1, np.min)):
        limit = float(extreme(my))
        at = my == limit
        met = int(at.sum())
        if met < _TIMES or not 0 < sign * limit < np.inf or np.isnan(usual):
            continue
        beyond = sign * (golden[at].astype(np.float64) - limit)
        enough = max(_ROUNDINGS * 2.0**-values.bits * abs(limit), _BEYOND * usual)
        alike = int((golden == extreme(golden)).sum())
        if beyond.mean() > enough and np.mean(beyond > -usual) > 0.8 and 2 * alike <= met:
            return (
                f"{met} of its values are {limit:.6g}, which golden goes beyond by "
                f"{beyond.mean():.2g} on average: it is clipped"
            )
    return ""


def _bits(values: Array) -> int:
    """Float32 may hold what was bfloat16 or float16."""
    bits = int(np.finfo(values.dtype).nmant) + 1
    unused = _unused(values, bits) if bits == _FLOAT32 else 0
    return next((held for held in (_BFLOAT16, _FLOAT16) if bits - unused <= held), bits)
