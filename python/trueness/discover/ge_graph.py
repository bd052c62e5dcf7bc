"""The graph torchair writes beside a GE dump: `dynamo_original_graph_*.txt`, a ge.proto.GraphDef in
text form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from trueness.discover import textproto
from trueness.discover.textproto import Message, Value
from trueness.errors import FormatError
from trueness.model import Graph, GraphOp

FILE_NAME = re.compile(
    r"dynamo_original_graph_(?:(\d{1,9})_rank_(\d{1,9})_pid_\d+_ts_\d+|\d+)\.txt"
)
"""Number and rank; before PTA 7.1.0 the name holds neither, only a time."""
_FX_NAME_KEY = "_fx_tensor_name"
Content = tuple[str, dict[str, GraphOp]]
"""Name and operators."""


def read_graph(path: Path, known: dict[bytes, Content] | None = None) -> Graph:
    """Raises FormatError where the text stops being a graph; unknown fields are passed over.
    `known` holds what was read of a dump, by digest: most ranks have the same text."""
    match = FILE_NAME.fullmatch(path.name)
    written = path.read_bytes()
    digest = sha256(written).digest()
    known = {} if known is None else known
    if digest not in known:
        known[digest] = _content(path, written.decode("utf-8", "replace"))
    name, ops = known[digest]
    number, rank = (int(match[1]), int(match[2])) if match and match[1] else (None, None)
    return Graph(str(path), name, number, rank, ops)


def _content(path: Path, text: str) -> Content:
    name = ""
    ops: dict[str, GraphOp] = {}
    try:
        for key, value in textproto.parse(text):
            if key == "name" and isinstance(value, str):
                name = value
            elif key == "op" and isinstance(value, dict):
                op = _op(value)
                ops[op.name] = op
    except textproto.TextError as error:
        offset = len(text[: error.offset].encode("utf-8", "replace"))
        raise FormatError(str(path), offset, "", error.expected, error.found) from None
    return name, ops


def _op(message: Message) -> GraphOp:
    edges = (edge for edge in message.get("input", ()) if isinstance(edge, str))
    return GraphOp(
        name=_text(message, "name"),
        type=_text(message, "type"),
        inputs=tuple(edge for edge in edges if edge and not edge.endswith(":-1")),
        fx_names=tuple(_fx_name(desc) for desc in message.get("output_desc", ())),
    )


def _fx_name(output_desc: Value) -> str:
    for attr in _messages(output_desc, "attr"):
        if _text(attr, "key") == _FX_NAME_KEY:
            for value in _messages(attr, "value"):
                return _text(value, "s")
    return ""


def _messages(parent: Value, key: str) -> Iterator[Message]:
    if isinstance(parent, dict):
        yield from (value for value in parent.get(key, ()) if isinstance(value, dict))


def _text(message: Message, key: str) -> str:
    """The last occurrence, as for every scalar of a protocol buffer."""
    for value in reversed(message.get(key, [])):
        if isinstance(value, str):
            return value
    return ""
