"""What a model is made of, told by the names of its operators."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trueness.model import TensorRef

SAME = {
    "LinearQuantOperation": "LinearOperation",
    "LinearDequantOnly": "LinearNoQuant",
    "LinearRowParallelNoAdd": "LinearRowParallelAndAdd",
}
"""Quantised operators and what they stand for."""
_PARTS = (
    ("norm", re.compile(r"norm|ln_f", re.I)),
    ("embedding", re.compile(r"embed|wte", re.I)),
    ("head", re.compile(r"lm_?head", re.I)),
    ("attention", re.compile(r"att(?:entio)?n", re.I)),
    ("mlp", re.compile(r"mlp|feed_?forward|ffn", re.I)),
    ("linear", re.compile(r"linear|_proj$|^dense", re.I)),
)


@dataclass
class Node:
    """An operator: `name` as in the path, `kind` what it is aligned by."""

    name: str
    path: str
    kind: str
    parts: dict[str, Node] = field(default_factory=dict)


def tree_of(names: Mapping[str, Sequence[TensorRef]]) -> Node:
    """Of operators named by their path."""
    root = Node("", "", "")
    for path in names:
        node = root
        for name in path.split("/"):
            whole = f"{node.path}/{name}" if node.path else name
            node = node.parts.setdefault(name, Node(name, whole, kind_of(name)))
    return root


def kind_of(name: str) -> str:
    """`{k}_{Op}` without number, a quantised operator as what it stands for."""
    number, _, rest = name.partition("_")
    op = rest if number.isdecimal() and rest else name
    return SAME.get(op, op)


def modules_of(names: Mapping[str, Sequence[TensorRef]]) -> Node:
    root = Node("", "", "")
    for path, refs in names.items():
        node = root
        for name in path.split("."):
            whole = f"{node.path}.{name}" if node.path else name
            node = node.parts.setdefault(name, Node(name, whole, ""))
        node.kind = refs[0].op_type
    return root


def torch_outline(node: Node) -> Iterator[tuple[str, Node]]:
    """What a model is made of, layers of a list as such, without what only holds others."""
    for child in node.parts.values():
        if _is_list(child):
            yield from (("layer", layer) for layer in child.parts.values())
        elif (len(node.parts) == 1 and child.parts) or any(map(_is_list, below(child))):
            yield from torch_outline(child)
        else:
            yield part_of(child), child


def atb_outline(root: Node) -> Iterator[tuple[str, Node]]:
    nodes = list(root.parts.values())
    while len(nodes) == 1 and nodes[0].parts and not _is_layer(nodes[0]):
        nodes = list(nodes[0].parts.values())
    whole = Counter(node.kind for node in nodes if node.parts and not part_of(node))
    layer = whole.most_common(1)[0][0] if whole else None
    yield from (("layer" if node.kind == layer else part_of(node), node) for node in nodes)


def _is_layer(node: Node) -> bool:
    return any(part_of(part) in ("attention", "mlp") for part in node.parts.values())


def _is_list(node: Node) -> bool:
    return bool(node.parts) and all(name.isdecimal() for name in node.parts)


def below(node: Node) -> Iterator[Node]:
    waiting = list(reversed(node.parts.values()))
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(found.parts.values())


def leaves(node: Node, part: str) -> list[Node]:
    return [leaf for leaf in below(node) if not leaf.parts and part_of(leaf) == part]


def part_of(node: Node) -> str:
    """What a node is, told by its name, else by its type; "" when neither says."""
    for text in (node.name, node.kind):
        for part, pattern in _PARTS:
            if pattern.search(text):
                return part
    return ""
