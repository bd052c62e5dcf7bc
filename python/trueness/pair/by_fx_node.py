"""FX against ONNX: torch's exporter leaves, on each ONNX node, the FX node that it was made from.

The name of a tensor alone proves nothing: an exporter that takes operators apart numbers them anew,
so that `view_1` may be another view. A pair agrees in name, operator, shape and, where the FX dump
has its graph, in who made what it takes. The metadata: `pkg.torch.onnx.fx_node` of
https://docs.pytorch.org/docs/stable/onnx_export.html."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueness.errors import FormatError
from trueness.model import Describe, Dump, GraphOp, Pair, Statistics, TensorRef, Unmatched
from trueness.pair.groups import Meeting, leftovers, meet

_TEXT = re.compile(
    r"%(?P<name>\w+) :[^%]*= call_function\[target=(?P<target>[\w.]+)\]\(args = \((?P<args>.*)"
)
_NAME = re.compile(r"%(\w+)")
_GETITEM = re.compile(r"%(\w+), (\d{1,4})\)")
_DECOMPOSED = "dump the exported_program that torch.onnx.export returns, which is decomposed"
_MODEL_INPUT = "Input"

Key = tuple[str, int]
"""Name of a node, and which of its outputs."""


@dataclass(frozen=True, slots=True)
class FxNode:
    """What the metadata says: `takes` are the names among its arguments."""

    name: str
    target: str
    takes: Sequence[str]
    item: Key | None = None
    """For one that takes a member out of a result: which."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """`golden` is FX, `my` ONNX. In the order of my nodes, what golden has alone behind each
    token."""
    nodes = _Nodes(my)
    producers = _producers(golden)
    for met in meet(golden, my):
        if isinstance(met, Meeting):
            yield from _Meeting(met, nodes, producers, describe).rows()
        else:
            yield met
    yield from leftovers(golden, my)


def parsed(text: str) -> FxNode | None:
    """`%mul : [num_users=1] = call_function[target=torch.ops.aten.mul.Tensor](args = (%x, 2), ...`;
    None for what is no call of a function."""
    found = _TEXT.match(text)
    if found is None:
        return None
    target = found["target"].removeprefix("torch.ops.")
    item = _GETITEM.match(found["args"]) if target.endswith("getitem") else None
    taken = tuple(_NAME.findall(found["args"]))
    return FxNode(found["name"], target, taken, (item[1], int(item[2])) if item else None)


class _Nodes:
    """My graph: the FX node of each ONNX node, and which FX result each tensor is."""

    def __init__(self, dump: Dump) -> None:
        ops = dump.graphs[0].ops if dump.graphs else {}
        self.by_op = {
            name: node
            for name, op in ops.items()
            for node in [parsed(next(filter(None, op.fx_names), ""))]
            if node
        }
        self.names = {node.name for node in self.by_op.values()}
        self.mentioned = {name for node in self.by_op.values() for name in node.takes}
        self._makers = {str(ref.member): ref.op_name for ref in dump.tensors}
        # In an optimised graph the last step of a node may be fused into what follows it.
        self.optimised = any(graph.optimised for graph in dump.graphs)
        self._places = {} if self.optimised else self._ends(ops)

    def _ends(self, ops: Mapping[str, GraphOp]) -> Mapping[str, int]:
        """The tensors that no other step of their FX node takes, in order: by ONNX node which
        output of the FX node it gives."""
        inner = {
            edge.rpartition(":")[0]
            for name, node in self.by_op.items()
            for edge in ops[name].inputs
            if self.by_op.get(edge.rpartition(":")[0]) == node
        }
        count: Counter[str] = Counter()
        places = {}
        for name, node in self.by_op.items():
            if name not in inner:
                places[name] = count[node.name]
                count[node.name] += 1
        return places

    def place(self, node: FxNode, ref: TensorRef) -> Key | None:
        """Which output of which FX node this tensor is; None for a step on the way."""
        if node.item:
            return node.item
        if ref.member == node.name:
            return node.name, 0
        place = self._places.get(ref.op_name)
        return None if place is None else (node.name, place + ref.index)

    def source(self, name: str) -> str:
        """The FX node behind one that only takes a member out of a result."""
        node = self.by_op.get(self._makers.get(name, ""))
        return name if node is None else node.item[0] if node.item else node.name


def _producers(dump: Dump) -> Mapping[tuple[str, str], Sequence[str]]:
    """By graph and operator the operators that made what it takes, in order."""
    return {
        (graph.name, name): [
            made for edge in op.inputs for made, mark, _ in [edge.partition("-")] if mark
        ]
        for graph in dump.graphs
        for name, op in graph.ops.items()
    }


class _Meeting:
    def __init__(
        self,
        met: Meeting,
        nodes: _Nodes,
        producers: Mapping[tuple[str, str], Sequence[str]],
        describe: Describe,
    ) -> None:
        self._met = met
        self._nodes = nodes
        self._producers = producers
        self._describe = describe
        self._shapes: dict[str, dict[str, tuple[int, ...]]] = {}
        self._theirs: defaultdict[Key, list[TensorRef]] = defaultdict(list)
        for ref in met.golden:
            if ref.io == "output":
                self._theirs[ref.op_name.partition("-")[0], ref.index].append(ref)

    def rows(self) -> Iterator[Pair | Unmatched]:
        used: set[str] = set()
        refused: dict[str, str] = {}
        for ref in self._met.my:
            found = self._row(ref)
            if isinstance(found, Pair):
                used.add(found.golden.path)
            elif found.golden:
                refused[found.golden.path] = found.reason
                found = Unmatched(None, ref, found.reason)
            yield found
        for ref in self._met.golden:
            if ref.path in used:
                continue
            reason = refused.get(ref.path, "no ONNX node says that it was made from this one")
            expected = False
            if ref.io == "input":
                reason, expected = "an input; compared are the outputs that it is one of", True
            elif self._left_out(ref):
                reason, expected = "the exporter made no node of it", True
            elif self._nodes.optimised and ref.path not in refused:
                reason, expected = "fused away: my graph has no such tensor", True
            yield Unmatched(ref, None, reason, expected)

    def _left_out(self, ref: TensorRef) -> bool:
        """Others of the exported program take it, but no node says that it was made from it."""
        name = ref.op_name.partition("-")[0]
        return name in self._nodes.mentioned and name not in self._nodes.names

    def _row(self, ref: TensorRef) -> Pair | Unmatched:
        """A refused pair is Unmatched with both sides."""
        node = self._nodes.by_op.get(ref.op_name)
        if node is None:
            if ref.op_type == _MODEL_INPUT:
                return Unmatched(None, ref, "an input of the model", True)
            made_up = ", made by the optimiser" if self._nodes.optimised else ""
            reason = f"it does not say which FX node it is{made_up}"
            return Unmatched(None, ref, reason, bool(made_up))
        place = self._nodes.place(node, ref)
        if place is None:
            return Unmatched(None, ref, f"a step on the way to {node.name}", expected=True)
        refs = self._theirs.get(place, [])
        if len(refs) != 1:
            many = f"{len(refs)} graphs of golden have a node {node.name}"
            none = f"golden has no output of a node {node.name}; {_DECOMPOSED}"
            return Unmatched(None, ref, many if refs else none)
        (theirs,) = refs
        problem = self._problem(theirs, ref, node)
        if problem:
            return Unmatched(theirs, ref, f"{problem}; {_DECOMPOSED}")
        doubt = self._met.doubt
        if (theirs.graph, theirs.op_name) not in self._producers:
            unknown = "golden has no graph: only name, operator and shape were looked at"
            doubt = "; ".join(filter(None, (doubt, unknown)))
        return Pair(theirs, ref, "fx_node", doubt)

    def _problem(self, theirs: TensorRef, mine: TensorRef, node: FxNode) -> str:
        """Why the golden node of this name is another one, or ""."""
        if not node.item and theirs.op_type != node.target:
            return f"the golden {node.name} is {theirs.op_type}, that of the exporter {node.target}"
        shapes = self._shape(theirs), self._shape(mine)
        if None not in shapes and shapes[0] != shapes[1]:
            return f"the golden {node.name} has shape {shapes[0]}, that of the exporter {shapes[1]}"
        made = self._producers.get((theirs.graph, theirs.op_name))
        if made is None:
            return ""
        if node.item:
            return ""
        taken = {self._nodes.source(name) for name in node.takes}
        # Where a member's own node is fused away, nothing tells whose member it was.
        unknown = sum(name.startswith("getitem") for name in taken - self._nodes.names)
        extra = taken & self._nodes.names - set(made)
        if extra or len(set(made) - taken) > unknown:
            return (
                f"the golden {node.name} is made from {', '.join(made) or 'inputs'}, that of the "
                f"exporter from {', '.join(sorted(taken)) or 'inputs'}"
            )
        return ""

    def _shape(self, ref: TensorRef) -> tuple[int, ...] | None:
        if isinstance(ref.statistics, Statistics):
            return ref.statistics.shape
        if ref.path not in self._shapes:
            try:
                found = self._describe(ref)
            except (FormatError, OSError, MemoryError):
                found = []
            shapes = {tensor.name: tuple(tensor.shape) for tensor in found if tensor.dtype}
            self._shapes[ref.path] = shapes
        known = self._shapes[ref.path]
        if isinstance(ref.member, str):
            return known.get(ref.member)
        return next(iter(known.values()), None)
