"""A float tensor against an integer one that stands for (value - offset) * scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trueness import _core
from trueness.compare.open_files import NoSuchTensor, OpenFiles, pick
from trueness.model import Pair, TensorRef
from trueness.read.array import tensor_from_array

_Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quantised:
    """`golden` and `my` are in the unit of the values, float32 where they were dequantised, and
    `golden_steps` and `my_steps` in steps of the quantisation."""

    golden: _core.Tensor
    my: _core.Tensor
    golden_steps: _core.Tensor
    my_steps: _core.Tensor


def dequantised(pair: Pair, files: OpenFiles) -> Quantised:
    """Raises NoSuchTensor for a scale or offset that is not known how to apply, and what reading
    raises."""
    golden = pick(files.tensors(pair.golden.path), pair.golden)
    my = pick(files.tensors(pair.my.path), pair.my)
    values, wanted = _values(my), _values(golden)
    scale, offset = (_applied(ref, values.shape, files) for ref in pair.my.quantised)
    with np.errstate(all="ignore"):
        back = (values - offset) * scale
        fits = wanted.shape == values.shape
        steps = wanted / scale + offset if fits else wanted
    return Quantised(golden, tensor_from_array(back), tensor_from_array(steps), my)


def _values(tensor: _core.Tensor) -> _Array:
    return np.asarray(tensor.numpy(), dtype=np.float32)


def _applied(ref: TensorRef, shape: tuple[int, ...], files: OpenFiles) -> _Array:
    """One number, or one for each place along dimensions where it is as long as the weight and 1
    along the others. Groups and shapes without those dimensions would have to be guessed."""
    found = _values(pick(files.tensors(ref.path), ref))
    same_rank = found.ndim == len(shape)
    if found.size == 1:
        return found.reshape(())
    if same_rank and all(n in (1, size) for n, size in zip(found.shape, shape, strict=True)):
        return found
    raise NoSuchTensor(
        f"{ref.path}: {ref.op_name} of shape {list(found.shape)} does not fit a weight of shape "
        f"{list(shape)}: known are one number, or as many dimensions, each of 1 or as long"
    )
