"""Operators as the files that a GE dump of an NPU consists of: a length, a protobuf header and the
bytes of inputs and outputs. Field numbers: DumpData of CANN's dump_data.proto."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trueness.dump.wire import delimited, number, varint

DTYPES = {
    "F32": 1,
    "F16": 2,
    "I8": 3,
    "U8": 4,
    "I16": 5,
    "U16": 6,
    "I32": 7,
    "I64": 8,
    "U32": 9,
    "U64": 10,
    "BOOL": 11,
    "F64": 12,
    "BF16": 27,
}
"""Number in a GE dump by the name that safetensors gives the type."""
MAPPING = "mapping.csv"
_LONGEST = 255
_ND = 2
_VERSION, _TIME, _OUTPUT, _INPUT, _NAME = 1, 2, 3, 4, 6
_TYPE, _FORMAT, _SHAPE = 1, 2, 3
_SIZE, _ORIGINAL = {"output": 6, "input": 5}, {"output": 7, "input": 6}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`dtype` is a key of DTYPES; `content` anything with a buffer, in C order."""

    dtype: str
    shape: Sequence[int]
    content: Any


@dataclass(frozen=True, slots=True)
class Operator:
    """`task` stands in the name of the file; operators run in its order."""

    name: str
    op_type: str
    task: int
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


def write_operator(folder: str, operator: Operator, microseconds: int) -> str:
    """Writes `{op_type}.{op_name}.{task}.{stream}.{time}` and returns that name. What a name of a
    file cannot hold becomes an underscore, as CANN does it, and one too long a line of
    mapping.csv; the header has the name as it is. Raises OSError."""
    plain = "".join("_" if c in " ./\\" or not c.isprintable() else c for c in operator.name)
    kind = "".join(c if c.isalnum() or c == "_" else "_" for c in operator.op_type)
    name = f"{kind}.{plain}.{operator.task}.0.{microseconds}"
    if len(name.encode("utf-8", "surrogateescape")) > _LONGEST:
        short = uuid.uuid3(uuid.NAMESPACE_DNS, repr(name)).hex
        with open(os.path.join(folder, MAPPING), "ab") as mapping:
            mapping.write(f"{short},{name}\n".encode("utf-8", "surrogateescape"))
        name = short
    header = _header(operator, microseconds)
    with open(os.path.join(folder, name), "xb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in (*operator.inputs, *operator.outputs):
            file.write(tensor.content)
    return name


def _header(operator: Operator, microseconds: int) -> bytes:
    parts = [delimited(_VERSION, b"2.0"), number(_TIME, microseconds)]
    parts += [delimited(_OUTPUT, _described(tensor, "output")) for tensor in operator.outputs]
    parts += [delimited(_INPUT, _described(tensor, "input")) for tensor in operator.inputs]
    parts.append(delimited(_NAME, operator.name.encode("utf-8", "replace")))
    return b"".join(parts)


def _described(tensor: Tensor, io: str) -> bytes:
    dims = b"".join(map(varint, tensor.shape))
    shape = delimited(1, dims) if dims else b""
    return b"".join(
        (
            number(_TYPE, DTYPES[tensor.dtype]),
            number(_FORMAT, _ND),
            delimited(_SHAPE, shape),
            number(_SIZE[io], memoryview(tensor.content).nbytes),
            delimited(_ORIGINAL[io], shape),
        )
    )
