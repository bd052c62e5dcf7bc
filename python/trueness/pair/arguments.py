"""Which argument is which: two lists of tensors whose lengths and order may differ.

FX counts Python numbers, lists and None among the arguments, GE counts constants made of some of
them, and converters drop, add and reorder. Shapes decide first, dtypes then, position last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from trueness.model import Described

MAX_CELLS = 250_000
"""Of the alignment table; longer lists are paired by position with a doubt."""


@dataclass(frozen=True, slots=True)
class Match:
    golden: int
    my: int
    doubt: str = ""


def align(golden: Sequence[Described | None], my: Sequence[Described]) -> list[Match]:
    """Pairs of positions, in the order of `my`. None stands for what is no tensor, no dtype for a
    tensor whose shape is not known."""
    if any(tensor is not None and not tensor.dtype for tensor in (*golden, *my)):
        doubt = "by position alone: statistics and slices do not tell shapes"
        return [Match(i, i, doubt) for i in range(min(len(golden), len(my))) if golden[i]]
    if len(golden) == len(my) and all(
        g is not None and g.shape == m.shape for g, m in zip(golden, my, strict=True)
    ):
        return [Match(i, i) for i in range(len(my))]
    if len(golden) * len(my) > MAX_CELLS:
        doubt = f"by position alone: {len(golden)} golden and {len(my)} of my tensors"
        return [Match(i, i, doubt) for i in range(min(len(golden), len(my)))]
    found = list(_in_order(golden, my))
    found += _out_of_order(golden, my, found)
    doubts = _Ambiguity(golden, my)
    return sorted(
        (Match(m.golden, m.my, m.doubt or doubts.of(m)) for m in found), key=lambda m: m.my
    )


def _likeness(golden: Described | None, my: Described) -> int:
    """0: cannot be the same tensor."""
    if golden is None:
        return 0
    if golden.shape == my.shape:
        shape = 16
    elif squeezed(golden.shape) == squeezed(my.shape):
        shape = 8
    elif prod(golden.shape) == prod(my.shape):
        shape = 1
    else:
        return 0
    if golden.dtype == my.dtype:
        return shape + 2
    return shape + (_kind(golden.dtype) == _kind(my.dtype))


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape without its dimensions of 1."""
    return tuple(dim for dim in shape if dim != 1)


def _kind(dtype: str) -> str:
    name = dtype.lstrip("ub")
    return next((k for k in ("int", "float", "complex") if name.startswith(k)), dtype)


def _in_order(golden: Sequence[Described | None], my: Sequence[Described]) -> Iterator[Match]:
    """The most alike pairing that keeps both orders (a longest common subsequence with weights)."""
    rows, columns = len(golden), len(my)
    likeness = [[_likeness(g, m) for m in my] for g in golden]
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            together = likeness[i][j] + best[i + 1][j + 1] if likeness[i][j] else 0
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < rows and j < columns:
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            yield Match(i, j)
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _out_of_order(
    golden: Sequence[Described | None], my: Sequence[Described], taken: Sequence[Match]
) -> Iterator[Match]:
    """What is left, where one tensor of a shape is left on each side."""
    golden_taken = {match.golden for match in taken}
    my_taken = {match.my for match in taken}
    left = [(i, g) for i, g in enumerate(golden) if g is not None and i not in golden_taken]
    mine = [(j, m) for j, m in enumerate(my) if j not in my_taken]
    golden_shapes = Counter(g.shape for _, g in left)
    my_shapes = Counter(m.shape for _, m in mine)
    for i, g in left:
        if golden_shapes[g.shape] == my_shapes[g.shape] == 1:
            yield from (Match(i, j) for j, m in mine if m.shape == g.shape)


class _Ambiguity:
    """Whether another tensor would have fitted as well."""

    def __init__(self, golden: Sequence[Described | None], my: Sequence[Described]) -> None:
        self._my = my
        self._golden_count = Counter(squeezed(g.shape) for g in golden if g is not None)
        self._my_count = Counter(squeezed(m.shape) for m in my)

    def of(self, match: Match) -> str:
        shape = squeezed(self._my[match.my].shape)
        golden, mine = self._golden_count[shape], self._my_count[shape]
        # Numbers are not worth a doubt: whichever it is, they all are constants of the operator.
        if not shape or golden == mine or not golden:
            return ""
        return f"{golden} golden and {mine} of my inputs have this shape; paired in their order"
