"""Inert stand-ins for the globals that torch.save writes. Nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trueness.read.pickle_machine import Function

Dims = tuple[int, ...]
MAX_RANK = 64

_STORAGE_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
    "QInt8Storage": "qint8",
    "QInt32Storage": "qint32",
    "QUInt8Storage": "quint8",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}
_DTYPES = {
    **{name: name for name in ("float64", "float32", "float16", "bfloat16", "bool")},
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{name: name for name in ("float8_e4m3fn", "float8_e5m2", "complex32", "complex64")},
    "complex128": "complex128",
    "float8_e8m0fnu": "float8_e8m0",
}
_UNDECODED_DTYPES = (
    "float8_e4m3fnuz float8_e5m2fnuz float4_e2m1fn_x2 bits8 bits16 bits1x8 bits2x4 bits4x2 "
    "qint8 qint32 quint8 quint4x2 quint2x4 "
) + " ".join(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8))


@dataclass(frozen=True, slots=True)
class DType:
    """A torch dtype by its name here, or by torch's where this package cannot decode it."""

    name: str


@dataclass(frozen=True, slots=True)
class StorageType:
    dtype: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A global that stands for itself: a tensor class, a layout, a quantization scheme."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """One data record of the archive: `key` names it, `dtype` is the type it was saved under."""

    dtype: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A view of a storage: offset, shape and strides in elements. `problem`: why it has no values
    that could be read, else ""."""

    storage: Storage | None
    offset: int
    shape: Dims
    strides: Dims
    dtype: str
    problem: str = ""


def load_storage(identity: object) -> Storage:
    """The storage behind a persistent id ("storage", type, key, device, element count)."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise ValueError("unknown kind of persistent id")
    storage_type, key = identity[1], identity[2]
    if not isinstance(storage_type, StorageType) or not isinstance(key, str):
        raise ValueError("a storage without type or key")
    return Storage(storage_type.dtype, key)


def resolve(module: str, name: str) -> object:
    """The stand-in for a global. Raises LookupError with its full name when it is not one of
    those that describe tensors."""
    full = f"{module}.{name}"
    if module in ("torch", "torch.storage", "torch.cuda") and name in _STORAGE_DTYPES:
        return StorageType(_STORAGE_DTYPES[name])
    if module == "torch" and name in _DTYPES:
        return DType(_DTYPES[name])
    if module == "torch" and name in _UNDECODED_DTYPES.split():
        return DType(name)
    if full in _CONSTANTS:
        return Constant(full)
    if full in _FUNCTIONS:
        return _FUNCTIONS[full]
    raise LookupError(full[:200])


def _dims(value: object) -> Dims:
    if not isinstance(value, tuple | list) or len(value) > MAX_RANK:
        raise ValueError(f"dimensions that are no tuple of at most {MAX_RANK}")
    for dim in value:
        if not isinstance(dim, int) or isinstance(dim, bool) or not 0 <= dim < 1 << 63:
            raise ValueError("a dimension that is no size")
    return tuple(value)


def _view(
    storage: object, offset: object, size: object, stride: object, dtype: str
) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    if not isinstance(offset, int) or not 0 <= offset < 1 << 63:
        raise ValueError("a storage offset that is no position")
    shape, strides = _dims(size), _dims(stride)
    if len(shape) != len(strides):
        raise ValueError(f"{len(shape)} dimensions and {len(strides)} strides")
    return StoredTensor(storage, offset, shape, strides, dtype)


def _with_metadata(tensor: StoredTensor, metadata: object) -> StoredTensor:
    if not isinstance(metadata, dict):
        return tensor
    lazy = [f"resolve_{name}()" for name in ("conj", "neg") if metadata.get(name)]
    if not lazy:
        return tensor
    problem = f"saved with a pending operation; save tensor.{'.'.join(lazy)} instead"
    return StoredTensor(
        tensor.storage, tensor.offset, tensor.shape, tensor.strides, tensor.dtype, problem
    )


def _rebuild(
    storage: Storage, offset: object, size: object, stride: object, *rest: object
) -> StoredTensor:
    metadata = rest[2] if len(rest) > 2 else None
    return _with_metadata(_view(storage, offset, size, stride, storage.dtype), metadata)


def _rebuild_npu(
    storage: Storage, offset: object, size: object, stride: object, *_: object
) -> StoredTensor:
    return _view(storage, offset, size, stride, storage.dtype)


def _rebuild_v3(
    storage: Storage,
    offset: object,
    size: object,
    stride: object,
    _requires_grad: object,
    _hooks: object,
    dtype: DType,
    metadata: object = None,
) -> StoredTensor:
    return _with_metadata(_view(storage, offset, size, stride, dtype.name), metadata)


def _first(value: object, *_: object) -> object:
    return value


def _rebuild_from_type(
    function: Function, _type: object, arguments: tuple[object, ...], *_: object
) -> object:
    if not isinstance(function, Function):
        raise ValueError("no function that rebuilds a tensor")
    return function.call(*arguments)


def _without_values(kind: str) -> Function:
    problem = f"a {kind} tensor has no plain values"
    return Function(kind, lambda *_: StoredTensor(None, 0, (), (), kind, problem))


def _dictionary(items: object = ()) -> dict[object, object]:
    if not isinstance(items, list | tuple):
        raise ValueError("a dictionary of something else than pairs")
    return {key: value for key, value in items if isinstance(key, str | int)}


def _size(dims: object) -> Dims:
    return _dims(dims)


def _device(*parts: object) -> str:
    return ":".join(str(part) for part in parts if isinstance(part, str | int))


def _encode(text: str, encoding: str) -> bytes:
    # How protocol 2, which has no opcode for bytes, spells them.
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("another encoding than latin1")
    return text.encode("latin1")


_CONSTANTS = {
    "torch.Tensor",
    "torch._tensor.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch_npu.npu._format.Format",
    "torch.per_tensor_affine",
    "torch.per_tensor_symmetric",
    "torch.per_channel_affine",
    "torch.per_channel_symmetric",
    "torch.per_channel_affine_float_qparams",
}
_CALLS: dict[str, Function | Callable[..., object]] = {
    "torch._utils._rebuild_tensor": _rebuild,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch._utils._rebuild_tensor_v3": _rebuild_v3,
    "torch_npu.utils.storage._rebuild_npu_tensor": _rebuild_npu,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
    "torch._tensor._rebuild_from_type": _rebuild_from_type,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch._utils._rebuild_sparse_tensor": _without_values("sparse"),
    "torch._utils._rebuild_qtensor": _without_values("quantized"),
    "torch._utils._rebuild_nested_tensor": _without_values("nested"),
    "torch._utils._rebuild_meta_tensor_no_storage": _without_values("meta"),
    "torch.serialization._get_layout": _first,
    "torch.Size": _size,
    "torch.device": _device,
    "collections.OrderedDict": _dictionary,
    **{
        f"{builtins}.{name}": call
        for builtins in ("builtins", "__builtin__")
        for name, call in (("set", _first), ("complex", complex), ("bytearray", _first))
    },
    "_codecs.encode": _encode,
}
_FUNCTIONS = {
    name: call if isinstance(call, Function) else Function(name, call)
    for name, call in _CALLS.items()
}
