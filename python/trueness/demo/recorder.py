"""Runs a model in float32 and beside it as an NPU would: each operator rounded to a short dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Number = float | int
Function = Callable[..., Any]


def to_bfloat16(values: Array) -> npt.NDArray[np.uint16]:
    """Bits of the nearest bfloat16, ties to even. NaN does not occur here."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + even) >> np.uint32(16)).astype(np.uint16)


def rounded(values: Array, dtype: str) -> Array:
    """The values as they are after being stored in `dtype`, as float32."""
    if dtype == "bfloat16":
        return (to_bfloat16(values).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.astype(dtype).astype(np.float32)


@dataclass(frozen=True)
class Value:
    """A tensor in both runs. `edge` is "producer:output" in the graph."""

    golden: Array
    my: Array
    dtype: str
    edge: str
    format: str = "ND"


@dataclass(frozen=True)
class Op:
    """One operator: as GE calls it and as FX calls it."""

    type: str
    name: str
    fx_name: str
    arguments: Sequence[Value | Number]
    result: Value


@dataclass
class Recorder:
    """What ran so far. `kernels` are the operators that the NPU runs as one, in order."""

    inputs: list[Value] = field(default_factory=list)
    kernels: list[list[Op]] = field(default_factory=list)
    _names: Counter[str] = field(default_factory=Counter)

    def data(self, values: npt.NDArray[Any], dtype: str, layout: str = "ND") -> Value:
        """A weight or an input of the model. Both runs get the same, rounded, values."""
        values = rounded(values.astype(np.float32), dtype)
        value = Value(values, values, dtype, f"arg{len(self.inputs)}_1:0", layout)
        self.inputs.append(value)
        return value

    def op(
        self,
        kind: str,
        target: str,
        function: Function,
        *arguments: Value | Number,
        dtype: str = "",
        layout: str = "ND",
        wrong: Function | None = None,
        fuse: bool = False,
    ) -> Value:
        """Runs one operator in both worlds; `wrong` is what the NPU does instead, `fuse` makes it
        part of the kernel before. The dtype is that of the first argument when none is given."""
        first = next(a for a in arguments if isinstance(a, Value))
        dtype = dtype or first.dtype
        golden = function(*(a.golden if isinstance(a, Value) else a for a in arguments))
        mine = (wrong or function)(*(a.my if isinstance(a, Value) else a for a in arguments))
        name = self._unique(kind)
        result = Value(
            np.ascontiguousarray(golden, np.float32),
            rounded(np.ascontiguousarray(mine, np.float32), dtype),
            dtype,
            f"{name}:0",
            layout,
        )
        node = self._unique(target.split(".")[1])
        op = Op(kind, name, f"{node}-{target}", arguments, result)
        if fuse:
            self.kernels[-1].append(op)
        else:
            self.kernels.append([op])
        return result

    def _unique(self, name: str) -> str:
        """The name, and from the second time on with a number, as torchair does it."""
        count = self._names[name]
        self._names[name] += 1
        return f"{name}_{count}" if count else name
