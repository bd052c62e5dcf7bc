"""What is compared: arrays and files, made once a run, full size or scaled down for a smoke run."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trueness import _core

Array = npt.NDArray[Any]

SCALE = float(os.environ.get("TRUENESS_BENCH_SCALE", "1"))
COMMAND = [sys.executable, "-c", "import sys; from trueness.cli.app import main; sys.exit(main())"]
ALL = -1
BASIC = ALL & ~(_core.METRIC_GROUPS["kl_divergence"] | _core.METRIC_GROUPS["max_ulp_error"])
METRICS = {"basic": BASIC, "all": ALL}
THREADS = (1, 2)
DTYPE_PAIRS = (
    ("float32", "float32"),
    ("bfloat16", "bfloat16"),
    ("float16", "float16"),
    ("float32", "bfloat16"),
)


def scaled(full: int) -> int:
    return max(64, int(full * SCALE))


ELEMENTS = scaled(1 << 26)
SMALL_PAIRS = scaled(20_000)
BIG_FILE_ELEMENTS = scaled(1 << 29)


def float32_pair(elements: int = ELEMENTS) -> tuple[Array, Array]:
    """Normal values and the same with an error of about one part in a thousand."""
    random = np.random.default_rng(20260101)
    golden = random.standard_normal(elements, dtype=np.float32)
    noise = random.standard_normal(elements, dtype=np.float32)
    noise *= np.float32(1e-3)
    noise += np.float32(1)
    noise *= golden
    return golden, noise


def stored_as(values: Array, dtype: str) -> Array:
    """The bits of float32 `values` in that dtype; bfloat16 cut, not rounded, as uint16."""
    if dtype == "bfloat16":
        return np.ascontiguousarray(values.view(np.uint16)[1::2])
    return values.astype(dtype, copy=False)


def in_memory(array: Array, dtype: str) -> _core.Tensor:
    return _core.Tensor.from_address(
        array.ctypes.data, array.nbytes, dtype=dtype, shape=array.shape, owner=array
    )


class Tensors:
    """One pair of values as tensors of any dtype, converted once each."""

    def __init__(self, golden: Array, my: Array) -> None:
        self.golden, self.my = golden, my
        self._made: dict[tuple[str, str], _core.Tensor] = {}

    def pair(self, golden_dtype: str, my_dtype: str) -> tuple[_core.Tensor, _core.Tensor]:
        return self._tensor("golden", golden_dtype), self._tensor("my", my_dtype)

    def _tensor(self, side: str, dtype: str) -> _core.Tensor:
        key = side, dtype
        if key not in self._made:
            self._made[key] = in_memory(stored_as(getattr(self, side), dtype), dtype)
        return self._made[key]


def write_pair(folder: Path, golden: Array, my: Array) -> tuple[Path, Path]:
    paths = folder / "golden.npy", folder / "my.npy"
    for path, array in zip(paths, (golden, my), strict=True):
        np.save(path, array)
    return paths


def write_big_pair(folder: Path) -> tuple[Path, Path]:
    """Two .npy of 2 GiB at full scale, written in pieces so that the writer stays small."""
    piece = float32_pair(min(BIG_FILE_ELEMENTS, 1 << 22))
    paths = folder / "big_golden.npy", folder / "big_my.npy"
    header = {"descr": "<f4", "fortran_order": False}
    for path, values in zip(paths, piece, strict=True):
        with path.open("wb") as file:
            pieces = BIG_FILE_ELEMENTS // values.size
            shape = {"shape": (pieces * values.size,)}
            np.lib.format.write_array_header_1_0(file, header | shape)
            for _ in range(pieces):
                file.write(values.data)
    return paths


def write_many_pairs(folder: Path) -> tuple[Path, Path]:
    """Two folders of 4 KiB .npy files with the same names."""
    golden, my = float32_pair(992 + SMALL_PAIRS)
    sides = folder / "many_golden", folder / "many_my"
    for side, values in zip(sides, (golden, my), strict=True):
        side.mkdir()
        for number in range(SMALL_PAIRS):
            np.save(side / f"layer.{number}.output.0.npy", values[number : number + 992])
    return sides


RANKS, TOKENS, OPS = 2, max(1, int(32 * SCALE)), 300
"""Of the torchair dump."""
