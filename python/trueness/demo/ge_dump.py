"""The NPU side on disk: GE dump files and their graph, as torchair has them written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trueness.demo.recorder import Array, Op, Recorder, Value, to_bfloat16

_DTYPES = {"float32": 1, "float16": 2, "bfloat16": 27}
_FORMATS = {"ND": 2, "NC1HWC0": 3, "FRACTAL_NZ": 29}
_FIRST_TIME = 1767225600000000
_STEP = 137
_BLOCK = 16


def write(model: Recorder, root: Path) -> Path:
    """Returns the folder to compare."""
    folder = root / "worldsize1_global_rank0" / "20260101000000" / "0" / "graph_1" / "1" / "0"
    folder.mkdir(parents=True)
    graph = root / "dynamo_original_graph_1_rank_0_pid_4711_ts_20260101000000000000.txt"
    graph.write_text(graph_text(model), encoding="utf-8")
    for place, kernel in enumerate(model.kernels):
        name = "".join(op.name for op in kernel)
        kind = kernel[0].type if len(kernel) == 1 else "AutomaticBufferFusionOp"
        time = _FIRST_TIME + place * _STEP
        path = folder / f"{kind}.{name}.{place + 1}.2.{time}"
        path.write_bytes(file_bytes(name, time, _outer_arguments(kernel), [kernel[-1].result]))
    return root


def _outer_arguments(kernel: Sequence[Op]) -> list[Value]:
    """Tensors that enter the kernel, in order. GE makes constants of factors; what only steers
    an operator, such as an axis, becomes an attribute."""
    inner = {op.result.edge for op in kernel}
    found = []
    for op in kernel:
        for argument in op.arguments:
            if isinstance(argument, Value):
                if argument.edge not in inner:
                    found.append(argument)
            elif op.type == "Mul":
                constant = np.float32(argument) * np.ones((), np.float32)
                found.append(Value(constant, constant, "float32", "Const:0"))
    return found


def graph_text(model: Recorder) -> str:
    """A ge.proto.GraphDef in text form with what a comparison needs."""
    blocks = ['name: "graph_1"']
    blocks += [_node(value.edge.removesuffix(":0"), "Data", (), "") for value in model.inputs]
    for kernel in model.kernels:
        for op in kernel:
            edges = [value.edge for value in op.arguments if isinstance(value, Value)]
            blocks.append(_node(op.name, op.type, edges, f"{op.fx_name}.OUTPUT.0"))
    return "\n".join(blocks) + "\n"


def _node(name: str, kind: str, edges: Sequence[str], fx_name: str) -> str:
    inputs = "".join(f'\n  input: "{edge}"' for edge in edges)
    attribute = f'attr {{ key: "_fx_tensor_name" value {{ s: "{fx_name}" }} }}' if fx_name else ""
    output = f'output_desc {{ name: "y0" layout: "ND" {attribute} }}'
    return f'op {{\n  name: "{name}"\n  type: "{kind}"{inputs}\n  {output}\n}}'


def file_bytes(name: str, time: int, inputs: Sequence[Value], outputs: Sequence[Value]) -> bytes:
    """A GE dump file: length of the header, header, then the tensors, inputs first."""
    header = _bytes(1, b"2.0") + _number(2, time)
    payload = b""
    for field, size, original, values in ((3, 6, 7, outputs), (4, 5, 6, inputs)):
        for value in values:
            header += _bytes(field, _descriptor(value, size, original))
    for value in (*inputs, *outputs):
        payload += _stored(value).tobytes()
    header += _bytes(6, name.encode())
    return struct.pack("<Q", len(header)) + header + payload


def _descriptor(value: Value, size_field: int, original_field: int) -> bytes:
    stored = _stored(value)
    return (
        _number(1, _DTYPES[value.dtype])
        + _number(2, _FORMATS[value.format])
        + _bytes(3, _shape(stored.shape))
        + _number(size_field, stored.nbytes)
        + _bytes(original_field, _shape(value.my.shape))
    )


def _stored(value: Value) -> npt.NDArray[Any]:
    layout = {"NC1HWC0": _nc1hwc0, "FRACTAL_NZ": _fractal_nz}.get(value.format)
    values = layout(value.my) if layout else value.my
    return to_bfloat16(values) if value.dtype == "bfloat16" else values.astype(value.dtype)


def _nc1hwc0(values: Array) -> Array:
    n, c, h, w = values.shape
    padded = np.zeros((n, -(-c // _BLOCK) * _BLOCK, h, w), np.float32)
    padded[:, :c] = values
    return np.ascontiguousarray(padded.reshape(n, -1, _BLOCK, h, w).transpose(0, 1, 3, 4, 2))


def _fractal_nz(values: Array) -> Array:
    m, n = values.shape
    padded = np.zeros((-(-m // _BLOCK) * _BLOCK, -(-n // _BLOCK) * _BLOCK), np.float32)
    padded[:m, :n] = values
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK)
    return np.ascontiguousarray(blocks.transpose(2, 0, 1, 3))


def _shape(dims: Sequence[int]) -> bytes:
    return _bytes(1, b"".join(map(_varint, dims))) if dims else b""


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
