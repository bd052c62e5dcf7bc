"""What operators of a type may compute, in float64 by numpy.

A dump seldom has all that an operator was told: a factor, an axis, which operand is transposed, the
weights of a norm. So a type has ways, made from the golden inputs and output: whichever makes the
one of the other is what was computed. No way makes a result larger than the golden output."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Way = Callable[[Sequence[Array]], Array]
"""Inputs as float64, in their order, to the output."""
Ways = Callable[[Sequence[Array], Array], Iterator[Way]]

_EPSILONS = (1e-5, 1e-6, 1e-12, 1e-8, 1e-3, 0.0)
_ROWS = 8
"""Elements that weight and offset of a channel must at least be told from."""


@lru_cache(1024)
def ways_of(kind: str) -> Ways | None:
    """By the name of the type, of GE, aten or ONNX; None for a type that is not known."""
    name = kind.rpartition("aten.")[2].lower()
    return next((ways for types, ways in _TYPES if re.match(_NAME.format(types), name)), None)


def _sum(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    if len(inputs) == 1:
        yield from _told(_first, inputs, output)
    elif _fits(inputs, output):
        yield _total
        yield lambda arrays: arrays[0] - _total(arrays[1:])


def _product(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    if len(inputs) == 1:
        yield from _told(_first, inputs, output)
    elif _fits(inputs, output):
        yield _times
        yield lambda arrays: arrays[0] / _times(arrays[1:])


def _matrix_product(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """Of two of them, either transposed; a third is added, before or behind."""
    for first, second in ((0, 1), (1, 2)) if len(inputs) > 2 else ((0, 1),) * (len(inputs) == 2):
        rest = [at for at in range(len(inputs)) if at not in (first, second)]
        for turned in ((False, False), (False, True), (True, False), (True, True)):
            core = _multiplied(first, second, turned)
            if not _multiplies(inputs[first], inputs[second], turned, output):
                continue
            # What was dumped counts before what golden could be made to tell in its place.
            if rest and _fits((*(inputs[at] for at in rest), output), output):
                yield _added(core, rest)
            yield from _told(core, inputs, output)


def _added(core: Way, rest: Sequence[int]) -> Way:
    return lambda arrays: core(arrays) + _total([arrays[at] for at in rest])


def _multiplied(first: int, second: int, turned: tuple[bool, bool]) -> Way:
    def core(arrays: Sequence[Array]) -> Array:
        a, b = _turned(arrays[first], turned[0]), _turned(arrays[second], turned[1])
        return np.asarray(np.matmul(a, b))

    return core


def _multiplies(a: Array, b: Array, turned: tuple[bool, bool], output: Array) -> bool:
    if a.ndim < 2 or b.ndim < 2 or output.ndim < 2:
        return False
    a, b = _turned(a, turned[0]), _turned(b, turned[1])
    if a.shape[-1] != b.shape[-2] or (a.shape[-2], b.shape[-1]) != output.shape[-2:]:
        return False
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return False
    return bool(prod(batch) == prod(output.shape[:-2]))


def _turned(x: Array, turned: bool) -> Array:
    return x.swapaxes(-1, -2) if turned else x


def _convolution(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """Of images, without groups; stride and padding as the shapes tell."""
    if len(inputs) < 2 or inputs[1].ndim != 4 or min(inputs[0].ndim, output.ndim) < 3:
        return
    x, weight = inputs[:2]
    made = (*x.shape[:-3], weight.shape[0], *output.shape[-2:])
    if x.shape[-3] != weight.shape[1] or prod(made) != output.size:
        return
    stride = [max(1, round(x.shape[at] / output.shape[at])) for at in (-2, -1)]
    reach = [stride[at] * (output.shape[at] - 1) + weight.shape[at] for at in (-2, -1)]
    around = [max(0, reach[at] - x.shape[at] + 1) // 2 for at in (-2, -1)]
    if any(reach[at] > x.shape[at] + 2 * around[at] for at in (-2, -1)):
        return

    def core(arrays: Sequence[Array]) -> Array:
        pad = [(0, 0)] * (x.ndim - 2) + [(size, size) for size in around]
        image, found = np.pad(arrays[0], pad), np.zeros(made)
        for row, column in np.ndindex(*weight.shape[-2:]):
            part = image[..., row : row + reach[0] - weight.shape[-2] + 1 : stride[0], :]
            part = part[..., column : column + reach[1] - weight.shape[-1] + 1 : stride[1]]
            flat = part.reshape(*part.shape[:-2], -1)
            found += np.matmul(arrays[1][:, :, row, column], flat).reshape(made)
        return found

    yield from _told(core, inputs, output)


def _norm(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """Over the last axis, by deviation or by root mean square, with the weights that were dumped or
    those that golden tells."""
    if inputs[0].shape != output.shape:
        return
    for epsilon in _EPSILONS:
        for centred in (True, False):
            core = _normed(epsilon, centred)
            if len(inputs) > 1 and _fits(inputs, output):
                yield _weighed(core)
            yield from _by_channel(core, core(inputs), output, (output.ndim - 1,))


def _weighed(core: Way) -> Way:
    return lambda arrays: core(arrays) * arrays[1] + _total([np.zeros(1), *arrays[2:3]])


def _normed(epsilon: float, centred: bool) -> Way:
    def core(arrays: Sequence[Array]) -> Array:
        x = arrays[0]
        x = x - x.mean(-1, keepdims=True) if centred else x
        return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon))

    return core


def _by_fixed_statistics(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    yield from _told(_first, inputs, output)


def _softmax(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    for axis in range(output.ndim - 1, -1, -1):
        yield _shares(axis)


def _shares(axis: int) -> Way:
    def run(arrays: Sequence[Array]) -> Array:
        powers = np.exp(arrays[0] - arrays[0].max(axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis, keepdims=True))

    return run


def _moved(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """The same values in another order, which golden tells where all of them are different."""
    before, after = inputs[0].ravel(), output.ravel()
    if before.size != after.size:
        return
    order = np.argsort(before)
    if np.any(np.diff(before[order]) <= 0):
        return
    origin = np.empty(after.size, np.int64)
    origin[np.argsort(after)] = order
    yield lambda arrays: arrays[0].ravel()[origin]


def _mean(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """Over axes that lie beside each other."""
    shape = inputs[0].shape
    for first in range(len(shape)):
        for last in range(first + 1, len(shape) + 1):
            if prod(shape) == prod(shape[first:last]) * output.size:
                yield _mean_over(tuple(range(first, last)))


def _mean_over(axes: tuple[int, ...]) -> Way:
    return lambda arrays: np.asarray(arrays[0].mean(axes))


def _largest(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """Of windows that do not overlap."""
    x = inputs[0]
    if min(x.ndim, output.ndim) < 2 or prod(x.shape[:-2]) != prod(output.shape[:-2]):
        return
    rows, columns = output.shape[-2:]
    tall, wide = x.shape[-2] // rows, x.shape[-1] // columns

    def run(arrays: Sequence[Array]) -> Array:
        whole = arrays[0][..., : rows * tall, : columns * wide]
        windows = whole.reshape(*whole.shape[:-2], rows, tall, columns, wide)
        return np.asarray(windows.max((-3, -1)))

    if tall and wide:
        yield run


def _each(*functions: Callable[[Array], Array]) -> Ways:
    """One element makes one."""

    def ways(inputs: Sequence[Array], output: Array) -> Iterator[Way]:
        for function in functions:
            yield _of_first(function)

    return ways


def _of_first(function: Callable[[Array], Array]) -> Way:
    return lambda arrays: function(arrays[0])


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu_by_tanh(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def _gelu(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + _erf(x / np.sqrt(2))))


def _erf(x: Array) -> Array:
    """To 1.5e-7: Abramowitz and Stegun, 7.1.26."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    terms = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0.0)
    return np.asarray(np.sign(x) * (1 - np.polyval(terms, t) * np.exp(-x * x)))


def _first(arrays: Sequence[Array]) -> Array:
    return arrays[0]


def _total(arrays: Sequence[Array]) -> Array:
    found = arrays[0]
    for more in arrays[1:]:
        found = found + more
    return found


def _times(arrays: Sequence[Array]) -> Array:
    found = arrays[0]
    for more in arrays[1:]:
        found = found * more
    return found


def _fits(inputs: Sequence[Array], output: Array) -> bool:
    """Whether together they have the size of the output."""
    try:
        return prod(np.broadcast_shapes(*(array.shape for array in inputs))) == output.size
    except ValueError:
        return False


def _told(core: Way, inputs: Sequence[Array], output: Array) -> Iterator[Way]:
    """The core itself; with a factor; with a weight and an offset for each channel."""
    yield core
    made = core(inputs)
    if made.size != output.size:
        return
    theirs = output.reshape(made.shape)
    factor = float((made * theirs).sum() / ((made * made).sum() or 1.0))
    yield _scaled(core, np.array(factor), np.zeros(1))
    yield from _by_channel(core, made, output, (made.ndim - 1, *range(min(2, made.ndim - 1))))


def _scaled(core: Way, weight: Array, offset: Array) -> Way:
    return lambda arrays: core(arrays) * weight + offset


def _by_channel(core: Way, made: Array, output: Array, axes: Sequence[int]) -> Iterator[Way]:
    """Weight and offset by least squares, along each of the axes; `made` of golden by the core."""
    theirs = output.reshape(made.shape)
    for axis in axes:
        if made.ndim < 2 or made.size < _ROWS * made.shape[axis]:
            continue
        others = tuple(at for at in range(made.ndim) if at != axis)
        centre, middle = made.mean(others, keepdims=True), theirs.mean(others, keepdims=True)
        spread = ((made - centre) ** 2).sum(others, keepdims=True)
        weight = ((made - centre) * (theirs - middle)).sum(others, keepdims=True)
        weight = weight / np.where(spread > 0, spread, 1.0)
        offset = middle - weight * centre
        yield _scaled(core, weight, offset)


_NAME = r"_?(?:{})(?:d|v\d+|\.\w+)*$"
_TYPES: Sequence[tuple[str, Ways]] = (
    (r"softmax", _softmax),
    (r"(?:native_)?(?:rms_?norm|layer_?norm(?:alization)?)", _norm),
    (r"(?:native_)?batch_?norm\w*|bninfer\w*", _by_fixed_statistics),
    (r"(?:quant_?)?(?:batch_?)?mat_?mul|[b]?mm|addmm|linear|gemm", _matrix_product),
    (r"(?:quant_?)?conv(?:2d|olution)?", _convolution),
    (r"muls?|(?:real_?)?div", _product),
    (r"(?:bias_?)?adds?|add_?n|subs?", _sum),
    (r"relu", _each(lambda x: np.maximum(x, 0))),
    (r"sigmoid", _each(_sigmoid)),
    (r"swish|silu", _each(lambda x: x * _sigmoid(x))),
    (r"tanh", _each(np.tanh)),
    (r"exp", _each(np.exp)),
    (r"gelu", _each(_gelu_by_tanh, _gelu)),
    (r"transpose|permute|t|reshape|view", _moved),
    (r"(?:reduce_?)?mean|global_?average_?pool", _mean),
    (r"max_?pool", _largest),
)
"""A new type of operator is a line here."""
