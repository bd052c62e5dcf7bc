"""The names people give element types, brought down to the ones of this package."""

from __future__ import annotations

from trueness._core import DTYPE_BITS
from trueness.errors import UsageError

_ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "fp16": "float16",
    "fp32": "float32",
    "fp64": "float64",
    "bf16": "bfloat16",
    "fp8": "float8_e4m3fn",
    "fp8_e4m3": "float8_e4m3fn",
    "fp8_e4m3fn": "float8_e4m3fn",
    "fp8_e5m2": "float8_e5m2",
    "fp8_e8m0": "float8_e8m0",
    "float8_e4m3": "float8_e4m3fn",
    "float8_e8m0fnu": "float8_e8m0",
    "hif8": "hifloat8",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    "char": "int8",
    "byte": "uint8",
    **{
        f"{short}{bits}": f"{long}int{bits}"
        for short, long in (("i", ""), ("u", "u"))
        for bits in (8, 16, 32, 64)
    },
    "i4": "int4",
    "u1": "uint1",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
}


def canonical_dtype(name: object) -> str:
    """This package's name for an element type given as text ("fp16", "bf16", "float32" ...), or as
    a numpy or torch dtype. Raises UsageError listing the known names."""
    text = name.__name__ if isinstance(name, type) else str(name)
    key = text.lower().removeprefix("torch.").removeprefix("dt_")
    key = _ALIASES.get(key, key)
    if key not in DTYPE_BITS:
        raise UsageError(f"unknown dtype '{text}'; known are {', '.join(DTYPE_BITS)}")
    return key
