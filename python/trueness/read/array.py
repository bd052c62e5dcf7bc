"""Arrays in memory as tensors of the core, without copying them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trueness._core import DTYPE_BITS, Tensor
from trueness.errors import UsageError

_DLPACK_CPU = (1, 3)
"""kDLCPU and kDLCUDAHost: memory that this process can read."""

_ML_DTYPES = {
    "bfloat16": "bfloat16",
    "float8_e4m3fn": "float8_e4m3fn",
    "float8_e5m2": "float8_e5m2",
    "float8_e8m0fnu": "float8_e8m0",
    "int4": "int4",
}


def tensor_from_array(obj: object) -> Tensor:
    """A view of numpy, CPU torch, DLPack or buffer-protocol memory, of any strides.

    Python numbers and nested lists become arrays first. The tensor keeps `obj` alive; the memory
    must not change while it is compared. Raises UsageError for what has no numbers in CPU memory.
    """
    if isinstance(obj, Tensor):
        return obj
    if _is_torch_tensor(obj):
        return _from_torch(obj)
    return _from_numpy(_as_numpy(obj))


def _is_torch_tensor(obj: object) -> bool:
    # Whoever made a torch tensor has imported torch already.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(obj, torch.Tensor)


def _from_torch(tensor: Any) -> Tensor:
    if str(tensor.layout) != "torch.strided" or tensor.is_nested:
        raise UsageError(f"a {tensor.layout} torch tensor has no plain memory: pass .to_dense()")
    if tensor.is_quantized:
        raise UsageError("a quantized torch tensor: pass .dequantize() or .int_repr()")
    if tensor.device.type != "cpu":
        raise UsageError(f"a torch tensor on {tensor.device}: pass tensor.cpu()")
    # Both are no-ops unless an operation is still pending on the memory.
    plain = tensor.detach().resolve_conj().resolve_neg()
    name = str(plain.dtype).removeprefix("torch.")
    dtype = _ML_DTYPES.get(name, name)
    if dtype not in DTYPE_BITS:
        raise UsageError(f"torch tensors of type {name} cannot be compared: pass tensor.float()")
    item = plain.element_size()
    shape, strides = tuple(plain.shape), tuple(s * item for s in plain.stride())
    return _at(plain.data_ptr(), dtype, item, shape, strides, False, plain)


def _as_numpy(obj: object) -> npt.NDArray[Any]:
    if isinstance(obj, np.ma.MaskedArray):
        raise UsageError("a masked array: pass .filled(value) or .compressed()")
    if isinstance(obj, np.ndarray | np.generic):
        return np.asarray(obj)
    if hasattr(obj, "__dlpack__"):
        return _from_dlpack(obj)
    if hasattr(obj, "__array_interface__") or hasattr(obj, "__array__"):
        return np.asarray(obj)
    try:
        return np.asarray(memoryview(obj))  # type: ignore[arg-type]
    except TypeError:
        pass
    try:
        return np.asarray(obj)
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"{type(obj).__name__} cannot become an array: {error}") from error


def _from_dlpack(obj: Any) -> npt.NDArray[Any]:
    kind = obj.__dlpack_device__()[0] if hasattr(obj, "__dlpack_device__") else _DLPACK_CPU[0]
    if kind not in _DLPACK_CPU:
        raise UsageError(f"{type(obj).__name__} lies on a device: copy it to the CPU first")
    try:
        return np.from_dlpack(obj)
    except (BufferError, RuntimeError, TypeError) as error:
        # numpy's DLPack knows no bfloat16 and no 8-bit floats; most such arrays offer __array__.
        if hasattr(obj, "__array__"):
            return np.asarray(obj)
        raise UsageError(f"{type(obj).__name__} cannot be read through DLPack: {error}") from error


def _from_numpy(array: npt.NDArray[Any]) -> Tensor:
    dtype = _numpy_dtype(array.dtype)
    swapped = array.dtype.byteorder == (">" if sys.byteorder == "little" else "<")
    address = array.__array_interface__["data"][0]
    return _at(address, dtype, array.itemsize, array.shape, array.strides, swapped, array)


def _numpy_dtype(dtype: np.dtype[Any]) -> str:
    name = _ML_DTYPES.get(dtype.name, dtype.name) if dtype.kind in "Vf" else dtype.name
    if dtype.names is not None:
        raise UsageError(f"a structured array: pass one of its fields {list(dtype.names)}")
    if name not in DTYPE_BITS:
        raise UsageError(f"arrays of type {dtype} cannot be compared: cast them to a numeric type")
    return name


def _at(
    address: int,
    dtype: str,
    item: int,
    shape: Sequence[int],
    strides: Sequence[int],
    swapped: bool,
    owner: object,
) -> Tensor:
    """`address` is that of element 0, and `strides` are in bytes."""
    if 0 in shape:
        return Tensor.from_address(0, 0, dtype=dtype, shape=shape, owner=owner)
    steps = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    low = sum(step for step in steps if step < 0)
    high = sum(step for step in steps if step > 0) + item
    if DTYPE_BITS[dtype] < 8:
        # ml_dtypes keeps each int4 in the low half of a byte of its own.
        strides = [2 * stride for stride in strides]
    return Tensor.from_address(
        address + low,
        high - low,
        dtype=dtype,
        shape=shape,
        strides=strides,
        byte_swapped=swapped,
        owner=owner,
    )
