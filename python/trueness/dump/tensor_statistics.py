"""What is kept of a tensor when its values are not: the line that CANN writes for one."""

from __future__ import annotations

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


def statistics_csv(tensor: files.Tensor, io: str, index: int) -> str:
    """A csv of one tensor. Extremes, mean and norm are over finite elements, in float64, computed
    where the tensor lies."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    shape = "x".join(map(str, tensor.shape))
    head = f"{io.capitalize()},{index},{tensor.nbytes},DT_{_NAMES.get(dtype, dtype).upper()},ND"
    line = ",".join((head, shape, *_numbers(tensor)))
    return f"{HEAD}\n{line}\n"


def _numbers(tensor: files.Tensor) -> list[str]:
    plain = tensor.detach()
    plain = plain.to_dense() if str(plain.layout) != "torch.strided" else plain
    plain = plain.dequantize() if plain.is_quantized else plain
    flat = plain.reshape(-1)
    count = flat.numel()
    if plain.is_complex() or not count:
        return ["NA"] * 4 + [str(count)] + ["NA"] * 3
    low, high, total, squares = _sums(flat)
    odd = [0, 0, 0]
    # NaN or an infinity anywhere shows in the extremes.
    if not (isfinite(low) and isfinite(high)):
        wide = flat.double()
        odd = [int(found.sum()) for found in (wide.isnan(), wide.isneginf(), wide.isposinf())]
        finite = wide[wide.isfinite()]
        if not finite.numel():
            return ["NA"] * 4 + [str(count), *map(str, odd)]
        low, high, total, squares = _sums(finite)
    mean = total / (count - sum(odd))
    return [*map(repr, (high, low, mean, sqrt(squares))), str(count), *map(str, odd)]


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
