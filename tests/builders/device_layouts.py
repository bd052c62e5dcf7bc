"""Puts logical arrays into private device layouts, one element after the other: slow and plain."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from builders import ge

Array = npt.NDArray[Any]
Index = dict[str, int]
Place = Callable[[Index], tuple[int, ...]]

ORDERS = {
    "NCHW": ge.NCHW,
    "NHWC": ge.NHWC,
    "HWCN": ge.HWCN,
    "CHWN": ge.CHWN,
    "NCDHW": ge.NCDHW,
    "NDHWC": ge.NDHWC,
    "DHWCN": ge.DHWCN,
    "DHWNC": ge.DHWNC,
}
PADDING = 77


def indices(order: str, shape: Sequence[int]) -> Iterator[Index]:
    for index in itertools.product(*map(range, shape)):
        yield dict(zip(order, index, strict=True))


def stored(logical: Array, order: str, device: Sequence[int], place: Place) -> Array:
    """`logical` has its axes named by `order`; padding gets a value that must never come back."""
    result = np.full(device, PADDING, logical.dtype)
    for index in indices(order, logical.shape):
        result[place(index)] = logical[tuple(index[letter] for letter in order)]
    return result


def numbered(shape: Sequence[int], dtype: str) -> Array:
    count = math.prod(shape)
    values = np.arange(count) % 63
    return values.astype(dtype).reshape(shape)


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def nc1hwc0(size: Index, c0: int) -> tuple[list[int], Place]:
    device = [size["N"], ceil(size["C"], c0), size["H"], size["W"], c0]
    return device, lambda i: (i["N"], i["C"] // c0, i["H"], i["W"], i["C"] % c0)


def ndc1hwc0(size: Index, c0: int) -> tuple[list[int], Place]:
    device = [size["N"], size["D"], ceil(size["C"], c0), size["H"], size["W"], c0]
    return device, lambda i: (i["N"], i["D"], i["C"] // c0, i["H"], i["W"], i["C"] % c0)


def fractal_z(size: Index, c0: int, n0: int = 16) -> tuple[list[int], Place]:
    c1, h, w = ceil(size["C"], c0), size["H"], size["W"]
    device = [size.get("D", 1) * c1 * h * w, ceil(size["N"], n0), n0, c0]

    def place(i: Index) -> tuple[int, ...]:
        block = ((i.get("D", 0) * c1 + i["C"] // c0) * h + i["H"]) * w + i["W"]
        return block, i["N"] // n0, i["N"] % n0, i["C"] % c0

    return device, place


def c1hwncoc0(size: Index, c0: int) -> tuple[list[int], Place]:
    device = [ceil(size["C"], c0), size["H"], size["W"], size["N"], c0, c0]
    return device, lambda i: (i["C"] // c0, i["H"], i["W"], i["N"], i["C"] % c0, i["C"] % c0)


def grouped_fractal_z(size: Index, groups: int, c0: int) -> tuple[list[int], Place]:
    """As the transfer routine of GE computes it; C is per group, N over all groups."""
    c_in, c_out, n0 = size["C"], size["N"] // groups, 16
    shared = min(
        math.lcm(math.lcm(c_in, c0) // c_in, math.lcm(c_out, n0) // c_out),
        groups,
    )
    c1 = ceil(shared * c_in, c0)
    h, w = size["H"], size["W"]
    device = [ceil(groups, shared) * c1 * h * w, ceil(shared * c_out, n0), n0, c0]

    def place(i: Index) -> tuple[int, ...]:
        group, n = divmod(i["N"], c_out)
        dst_c = group % shared * c_in + i["C"]
        dst_n = group % shared * c_out + n
        block = ((group // shared * c1 + dst_c // c0) * h + i["H"]) * w + i["W"]
        return block, dst_n // n0, dst_n % n0, dst_c % c0

    return device, place


def fractal_nz(shape: Sequence[int], m0: int, n0: int) -> tuple[list[int], Callable[..., Any]]:
    m = shape[-2] if len(shape) > 1 else 1
    device = [*shape[:-2], ceil(shape[-1], n0), ceil(m, m0), m0, n0]

    def place(index: tuple[int, ...]) -> tuple[int, ...]:
        row = index[-2] if len(index) > 1 else 0
        return (*index[:-2], index[-1] // n0, row // m0, row % m0, index[-1] % n0)

    return device, place


LAYOUTS: dict[int, tuple[Callable[[Index, int], tuple[list[int], Place]], tuple[str, ...]]] = {
    ge.NC1HWC0: (nc1hwc0, ("NCHW", "NHWC")),
    ge.NC1HWC0_C04: (nc1hwc0, ("NCHW", "NHWC")),
    ge.FRACTAL_Z: (fractal_z, ("NCHW", "NHWC", "HWCN", "CHWN")),
    ge.NDC1HWC0: (ndc1hwc0, ("NCDHW", "NDHWC", "DHWCN")),
    ge.FRACTAL_Z_3D: (fractal_z, ("NCDHW", "NDHWC", "DHWCN", "DHWNC")),
    ge.C1HWNCOC0: (c1hwncoc0, ("HWCN", "NCHW", "NHWC")),
}
