"""Writes GE dumps as an NPU does, field by field: the protobuf encoding is done by hand so that a
test can also write what no writer would. Numbers of dtypes and formats are those of the files."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)

DTYPES = {
    "float32": 1,
    "float16": 2,
    "int8": 3,
    "uint8": 4,
    "int16": 5,
    "uint16": 6,
    "int32": 7,
    "int64": 8,
    "uint32": 9,
    "uint64": 10,
    "bool": 11,
    "float64": 12,
    "complex64": 16,
    "complex128": 17,
    "bfloat16": 27,
    "int4": 28,
    "uint1": 29,
}
NCHW, NHWC, ND, NC1HWC0, FRACTAL_Z, NC1HWC0_C04 = 0, 1, 2, 3, 4, 12
CHWN, HWCN, C1HWNCOC0, NDHWC, FRACTAL_NZ, NCDHW = 14, 16, 25, 27, 29, 30
DHWCN, NDC1HWC0, FRACTAL_Z_3D, DHWNC = 31, 32, 33, 36


def varint(value: int, length: int = 1) -> bytes:
    """`length`: at least so many bytes, which only a writer that is not minimal makes."""
    value %= 1 << 64
    out = bytearray()
    while value > 0x7F or len(out) + 1 < length:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def put(number: int, value: int | str | bytes) -> bytes:
    """A varint field for a number, a length-delimited one for text and messages."""
    if isinstance(value, int):
        return tag(number, VARINT) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return tag(number, BYTES) + varint(len(content)) + content


def put_some(number: int, value: int | str) -> bytes:
    """As proto3 writers do: a default value is left out."""
    return put(number, value) if value else b""


def shape(dims: Iterable[int], packed: bool = True) -> bytes:
    if packed:
        content = b"".join(map(varint, dims))
        return put(1, content) if content else b""
    return b"".join(put(1, dim) for dim in dims)


@dataclass(frozen=True)
class Tensor:
    """An input or output. `size` overrides the length of `data`, the bytes behind the header."""

    dtype: int
    dims: Sequence[int] | None
    data: bytes = b""
    format: int = ND
    original: Sequence[int] | None = None
    size: int | None = None
    sub_format: int = 0
    address: int = 0x12C0_0000_0000
    origin_format: int | None = None
    origin_name: str = ""
    packed: bool = True
    extra: bytes = b""

    def message(self, io: str, inline: bool = False) -> bytes:
        shift = 0 if io == "output" else -1
        parts = [put_some(1, self.dtype), put_some(2, self.format)]
        if self.dims is not None:
            parts.append(put(3, shape(self.dims, self.packed)))
        if io == "output" and self.origin_format is not None:
            op = put_some(1, self.origin_name) + put_some(4, self.origin_format)
            parts.append(put(4, op))
        if inline:
            parts.append(put(5 + shift, self.data))
        parts.append(put_some(6 + shift, len(self.data) if self.size is None else self.size))
        if self.original is not None:
            parts.append(put(7 + shift, shape(self.original, self.packed)))
        parts.append(put_some(8 + shift, self.sub_format))
        parts.append(put_some(9 + shift, self.address))
        return b"".join(parts) + self.extra


@dataclass(frozen=True)
class Block:
    """A buffer or a workspace."""

    data: bytes = b""
    type: int = 0
    size: int | None = None

    def message(self, inline: bool = False) -> bytes:
        data = put(2, self.data) if inline else b""
        size = len(self.data) if self.size is None else self.size
        return put_some(1, self.type) + data + put_some(3, size)


@dataclass(frozen=True)
class Dump:
    """One operator. `extra` is appended to the header as it is."""

    outputs: Sequence[Tensor] = ()
    inputs: Sequence[Tensor] = ()
    buffers: Sequence[Block] = ()
    spaces: Sequence[Block] = ()
    op_name: str = ""
    attributes: Sequence[tuple[str, str]] = ()
    dfx_message: str = ""
    version: str = "2.0"
    dump_time: int = 1706596912161941
    extra: bytes = b""

    def header(self, inline: bool = False) -> bytes:
        parts = [put_some(1, self.version), put_some(2, self.dump_time)]
        parts += [put(3, tensor.message("output", inline)) for tensor in self.outputs]
        parts += [put(4, tensor.message("input", inline)) for tensor in self.inputs]
        parts += [put(5, block.message(inline)) for block in self.buffers]
        parts.append(put_some(6, self.op_name))
        parts += [put(7, put(1, name) + put(2, value)) for name, value in self.attributes]
        parts += [put(8, block.message(inline)) for block in self.spaces]
        parts.append(put_some(9, self.dfx_message))
        return b"".join(parts) + self.extra

    def payload(self) -> bytes:
        blocks = [*self.inputs, *self.outputs, *self.buffers, *self.spaces]
        return b"".join(block.data for block in blocks)

    def encode(self) -> bytes:
        """The 2.0 container: length word, header, payload."""
        return with_header(self.header(), self.payload())

    def encode_legacy(self) -> bytes:
        """The 1.0 form: one message that holds the bytes of its tensors."""
        return self.header(inline=True)


def with_header(header: bytes, payload: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + payload


@dataclass(frozen=True)
class NanoTensor:
    """dtype and format in the numbering of ge::DataType and ge::Format."""

    dtype: int
    dims: Sequence[int]
    data: bytes = b""
    format: int = ND
    original: Sequence[int] | None = None
    origin_format: int = ND
    name: str = ""
    size: int | None = None
    extra: bytes = b""

    def description(self, is_output: bool) -> bytes:
        sections = section(0, struct.pack(f"<{len(self.dims)}Q", *self.dims))
        if self.original is not None:
            sections += section(1, struct.pack(f"<{len(self.original)}Q", *self.original))
        if is_output and self.name:
            sections += section(2, self.name.encode())
        sections += self.extra
        origin = struct.pack("<3i", 0, self.dtype, self.origin_format) if is_output else b""
        size = len(self.data) if self.size is None else self.size
        return (
            struct.pack("<3i", self.dtype, self.format, 0)
            + origin
            + struct.pack("<3QI", 4096, 0, size, len(sections))
            + sections
        )


def section(number: int, value: bytes) -> bytes:
    return struct.pack("<2I", number, len(value)) + value


@dataclass(frozen=True)
class NanoDump:
    inputs: Sequence[NanoTensor] = ()
    outputs: Sequence[NanoTensor] = ()
    version: int = 1
    extra: bytes = field(default=b"")

    def header(self) -> bytes:
        head = struct.pack("<2I", 0x5A5A5A5A, self.version)
        for number, tensors in ((4, self.inputs), (5, self.outputs)):
            listed = b"".join(tensor.description(number == 5) for tensor in tensors)
            head += section(number, struct.pack("<I", len(tensors)) + listed)
        return head + self.extra

    def payload(self) -> bytes:
        return b"".join(tensor.data for tensor in [*self.inputs, *self.outputs])

    def encode(self) -> bytes:
        return with_header(self.header(), self.payload())
