"""The graph that `trueness.dump.fx` writes beside its tokens: `graph.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueness.errors import FormatError
from trueness.model import Graph, GraphOp

FILE_NAME = "graph.json"
VERSION = 1
MAX_BYTES = 1 << 30


def read_graph(path: Path, rank: int) -> tuple[Graph, dict[str, str]]:
    """The graph, and the module that called each operator. Raises FormatError, or OSError."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(str(path), 0, "", f"at most {MAX_BYTES} bytes", f"{size}")
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']!r:.40} is not known")
        nodes = [_checked(node) for node in content["nodes"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"
        raise FormatError(str(path), 0, "", "a graph of trueness.dump.fx", found[:200]) from None
    name = path.parent.name
    number = int(name.rpartition("_")[2])
    ops = {node["name"]: _op(node) for node in nodes}
    return Graph(str(path), name, number, rank, ops), {n["name"]: n["scope"] for n in nodes}


def _checked(node: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = [node[key] for key in ("name", "op", "target", "scope")]
    texts += [text for edge in node["inputs"] for text in edge]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a name is no text")
    return node


def _op(node: Mapping[str, Any]) -> GraphOp:
    edges = tuple((place, edge) for place, edge in node["inputs"])
    return GraphOp(
        name=node["name"],
        type=node["target"] if node["op"] == "call_function" else node["op"],
        inputs=tuple(edge for _, edge in edges),
        fx_names=(f"{node['name']}.OUTPUT.0",),
        places=tuple(place for place, _ in edges),
    )
