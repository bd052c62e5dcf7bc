"""What an ONNX file says of its nodes, read off the wire without loading its weights, and the same
model with more outputs.

A protobuf message followed by a second one of the same type is the two merged, repeated fields one
after the other: so the bytes of a model and a fragment that only has graph outputs are a model with
these outputs as well. No weight is parsed or copied, and no limit of a library applies.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap

from trueness.dump.wire import delimited
from trueness.errors import FormatError

Buffer = bytes | memoryview

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_OPSET = 7, 8
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_NODE_DOMAIN, _NODE_METADATA = 7, 9
_VALUE_NAME = 1
_TENSOR_NAME, _TENSOR_EXTERNAL = 8, 13
_ENTRY_KEY, _ENTRY_VALUE = 1, 2

LONGEST_ATTRIBUTES = 4096
"""Bytes of the attributes of one node; a constant may have gigabytes of them."""
_RESULT_SCALE = {
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul"), 6),
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax"), 3),
    **dict.fromkeys(("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearReduceMean"), 3),
    "QLinearConcat": 0,
    "QGemm": 7,
}
"""Which input is the scale of the result; its zero point follows. The operators of ONNX and of
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md."""


@dataclass(frozen=True, slots=True)
class Node:
    """`outputs` may hold "" for one that is left out; `metadata` is what an exporter left there.
    `attributes` are AttributeProto messages as they are; None when one is too long to be kept."""

    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...] = ()
    attributes: tuple[bytes, ...] | None = ()


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """The top graph of a model; the bodies of If, Loop and Scan and functions are not looked into.
    `inputs` are those that are no initializers; `opsets` OperatorSetIdProto messages.
    `external`: some weights lie in files of their own."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    initializers: frozenset[str]
    opsets: tuple[bytes, ...] = ()
    external: bool = False


def read_graph(model: Buffer, path: str) -> OnnxGraph:
    """Raises FormatError for what is not an ONNX model; `path` is for its message."""
    view = memoryview(model)
    nodes: list[Node] = []
    inputs: list[str] = []
    outputs: list[str] = []
    initializers: list[str] = []
    opsets: list[bytes] = []
    external = False
    wire = _Wire(view, path)
    for number, graph in wire.fields(0, len(view)):
        if number == _MODEL_OPSET:
            opsets.append(wire.content(graph))
        if number != _MODEL_GRAPH:
            continue
        for field, span in wire.fields(*graph):
            if field == _GRAPH_NODE:
                nodes.append(_node(wire, span))
            elif field == _GRAPH_INPUT:
                inputs.append(wire.name(span, _VALUE_NAME))
            elif field == _GRAPH_OUTPUT:
                outputs.append(wire.name(span, _VALUE_NAME))
            elif field == _GRAPH_INITIALIZER:
                initializers.append(wire.name(span, _TENSOR_NAME))
                external |= any(kind == _TENSOR_EXTERNAL for kind, _ in wire.fields(*span))
    if not nodes and not outputs:
        raise FormatError(path, 0, "", "an ONNX model", "no graph with nodes or outputs")
    weights = frozenset(initializers)
    own = tuple(name for name in inputs if name not in weights)
    return OnnxGraph(tuple(nodes), own, tuple(outputs), weights, tuple(opsets), external)


def graph_of(path: str) -> OnnxGraph:
    """Of a file, whose weights do not come into memory. Raises as `read_graph`, and OSError."""
    with (
        open(path, "rb") as file,
        mmap(file.fileno(), 0, access=ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        return read_graph(view, path)


def dequantised_twins(nodes: Iterable[Node]) -> list[Node]:
    """For each integer result of a quantised operator a node that gives its real values, which a
    comparison can understand. They change nothing that was there."""
    twins = []
    for node in nodes:
        place = _RESULT_SCALE.get(node.op_type)
        if place is None or len(node.inputs) < place + 2 or not node.inputs[place + 1]:
            continue
        given = (node.outputs[0], node.inputs[place], node.inputs[place + 1])
        name = f"{node.outputs[0]}.dequantized"
        twins.append(Node(name, "DequantizeLinear", "", given, (name,)))
    return twins


def node_fragment(nodes: Iterable[Node]) -> bytes:
    """What to put behind the bytes of a model to add nodes without attributes."""
    messages = b"".join(delimited(_GRAPH_NODE, _encoded(node)) for node in nodes)
    return delimited(_MODEL_GRAPH, messages) if messages else b""


def output_fragment(names: Iterable[str]) -> bytes:
    """What to put behind the bytes of a model to make these tensors outputs too. Their types are
    left to whoever loads it."""
    outputs = b"".join(delimited(_GRAPH_OUTPUT, _named(name)) for name in names)
    return delimited(_MODEL_GRAPH, outputs) if outputs else b""


def _named(name: str) -> bytes:
    return delimited(_VALUE_NAME, name.encode("utf-8", "surrogateescape"))


def _encoded(node: Node) -> bytes:
    texts = [
        *((_NODE_INPUT, name) for name in node.inputs),
        *((_NODE_OUTPUT, name) for name in node.outputs),
        (_NODE_NAME, node.name),
        (_NODE_TYPE, node.op_type),
    ]
    return b"".join(delimited(n, t.encode("utf-8", "surrogateescape")) for n, t in texts)


_Span = tuple[int, int]


class _Wire:
    """Reads fields of a message; every length is checked against what is there."""

    def __init__(self, view: memoryview, path: str) -> None:
        self._view = view
        self._path = path

    def fields(self, at: int, end: int) -> Iterator[tuple[int, _Span]]:
        """Number and place of each length-delimited field from `at` to `end`."""
        while at < end:
            start = at
            key, at = self._read_varint(at, end)
            kind = key & 7
            if kind == _VARINT:
                _, at = self._read_varint(at, end)
                continue
            if kind == _BYTES:
                length, at = self._read_varint(at, end)
            elif kind in (_FIXED32, _FIXED64):
                length = 4 if kind == _FIXED32 else 8
            else:
                raise self._damage(start, "a field of a known wire type", f"type {kind}")
            if length > end - at:
                raise self._damage(start, f"at most {end - at} bytes", f"a field of {length}")
            if kind == _BYTES:
                yield key >> 3, (at, at + length)
            at += length

    def content(self, span: _Span) -> bytes:
        return bytes(self._view[span[0] : span[1]])

    def text(self, span: _Span) -> str:
        return self.content(span).decode("utf-8", "surrogateescape")

    def name(self, span: _Span, field: int) -> str:
        """The last value of a text field of a message, "" when it has none."""
        found = ""
        for number, inner in self.fields(*span):
            if number == field:
                found = self.text(inner)
        return found

    def _read_varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        start = at
        while at < end and shift < 70:
            byte = self._view[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise self._damage(start, "a number of at most 10 bytes", "the end, or a longer one")

    def _damage(self, at: int, expected: str, found: str) -> FormatError:
        return FormatError(self._path, at, "", f"an ONNX model: {expected}", found)


def _node(wire: _Wire, span: _Span) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    metadata: list[tuple[str, str]] = []
    attributes: list[_Span] = []
    texts = dict.fromkeys((_NODE_NAME, _NODE_TYPE, _NODE_DOMAIN), "")
    for number, inner in wire.fields(*span):
        if number == _NODE_INPUT:
            inputs.append(wire.text(inner))
        elif number == _NODE_OUTPUT:
            outputs.append(wire.text(inner))
        elif number in texts:
            texts[number] = wire.text(inner)
        elif number == _NODE_ATTRIBUTE:
            attributes.append(inner)
        elif number == _NODE_METADATA:
            metadata.append((wire.name(inner, _ENTRY_KEY), wire.name(inner, _ENTRY_VALUE)))
    name, op_type, domain = texts.values()
    short = sum(end - begin for begin, end in attributes) <= LONGEST_ATTRIBUTES
    kept = tuple(map(wire.content, attributes)) if short else None
    return Node(name, op_type, domain, tuple(inputs), tuple(outputs), tuple(metadata), kept)
