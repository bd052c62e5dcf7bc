"""What is kept of a tensor when its values are not: the line that CANN writes for one."""

from __future__ import annotations

from trueness.dump import files

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
    import torch

    plain = tensor.detach()
    plain = plain.to_dense() if str(plain.layout) != "torch.strided" else plain
    plain = plain.dequantize() if plain.is_quantized else plain
    count = plain.numel()
    if plain.is_complex() or not count:
        return ["NA"] * 4 + [str(count)] + ["NA"] * 3
    odd = [0, 0, 0]
    wide = plain.to(torch.float64).reshape(-1)
    if plain.is_floating_point():
        sums = torch.stack([wide.isnan().sum(), wide.isneginf().sum(), wide.isposinf().sum()])
        odd = sums.tolist()
        wide = wide[wide.isfinite()] if any(odd) else wide
    if not wide.numel():
        return ["NA"] * 4 + [str(count), *map(str, odd)]
    values = torch.stack([wide.max(), wide.min(), wide.mean(), wide.norm()]).tolist()
    return [*map(repr, values), str(count), *map(str, odd)]
