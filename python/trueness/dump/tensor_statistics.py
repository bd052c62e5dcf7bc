"""What is kept of a tensor when its values are not, as the line that CANN writes for one."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import isfinite, sqrt

from trueness.dump import files

CPU_CHUNK = 1 << 15
"""Elements that stay in the cache as float64."""
DEVICE_CHUNK = 1 << 24
HEAD = (
    "Input/Output,Index,Data Size,Data Type,Format,Shape,Max Value,Min Value,Avg Value,"
    "l2norm,Count,Nan Count,Negative Inf Count,Positive Inf Count"
)
_NAMES = {"float32": "float", "float64": "double", "bfloat16": "bf16"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Extremes, mean and norm over finite elements; None where there is none."""

    max_value: float | None = None
    min_value: float | None = None
    mean_value: float | None = None
    l2norm: float | None = None
    nan_count: int | None = None
    negative_inf_count: int | None = None
    positive_inf_count: int | None = None


def statistics_csv(tensor: files.Tensor, io: str, index: int) -> str:
    """A csv of one tensor."""
    dtype = dtype_of(tensor)
    shape = "x".join(map(str, tensor.shape))
    head = f"{io.capitalize()},{index},{tensor.nbytes},DT_{_NAMES.get(dtype, dtype).upper()},ND"
    cells = ["NA" if value is None else repr(value) for value in astuple(measured(tensor))]
    line = ",".join((head, shape, *cells[:4], str(tensor.numel()), *cells[4:]))
    return f"{HEAD}\n{line}\n"


def measured(tensor: files.Tensor) -> Measured:
    """In float64, computed where the tensor lies; nothing of complex numbers."""
    plain = tensor.detach()
    plain = plain.to_dense() if str(plain.layout) != "torch.strided" else plain
    plain = plain.dequantize() if plain.is_quantized else plain
    flat = plain.reshape(-1)
    count = flat.numel()
    if plain.is_complex() or not count:
        return Measured()
    low, high, total, squares = _sums(flat)
    odd = [0, 0, 0]
    # NaN or an infinity anywhere shows in the extremes.
    if not (isfinite(low) and isfinite(high)):
        wide = flat.double()
        odd = [int(found.sum()) for found in (wide.isnan(), wide.isneginf(), wide.isposinf())]
        finite = wide[wide.isfinite()]
        if not finite.numel():
            return Measured(None, None, None, None, *odd)
        low, high, total, squares = _sums(finite)
    return Measured(high, low, total / (count - sum(odd)), sqrt(squares), *odd)


def dtype_of(tensor: files.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _sums(flat: files.Tensor) -> list[float]:
    """Smallest, largest, sum and sum of squares; no copy of the whole in float64 exists, and a
    device is waited for once."""
    import torch

    step = CPU_CHUNK if flat.device.type == "cpu" else DEVICE_CHUNK
    parts = []
    for chunk in flat.split(step):
        wide = chunk.double()
        parts.append(torch.stack([wide.min(), wide.max(), wide.sum(), wide.dot(wide)]))
    low, high, total, squares = torch.stack(parts).unbind(1)
    found: list[float] = torch.stack([low.min(), high.max(), total.sum(), squares.sum()]).tolist()
    return found
