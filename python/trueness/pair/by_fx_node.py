"""FX against ONNX: torch's exporter leaves, on each ONNX node, the FX node that it was made from.

The name of a tensor alone proves nothing: an exporter that takes operators apart numbers them anew,
so that `view_1` may be another view. A pair agrees in name, operator, shape and, where the FX dump
has its graph, in who made what it takes. The metadata: `pkg.torch.onnx.fx_node` of
https://docs.pytorch.org/docs/stable/onnx_export.html."""

from __future__ import annotations

import re
from collections import defaultdict
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
_DECOMPOSED = "dump the program that was exported, after run_decompositions()"
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
    """My graph: the FX node of each ONNX node, and for each FX result the tensor that is it."""

    def __init__(self, dump: Dump) -> None:
        ops = dump.graphs[0].ops if dump.graphs else {}
        optimised = any(graph.optimised for graph in dump.graphs)
        self.by_op = {
            name: node
            for name, op in ops.items()
            for node in [parsed(next(filter(None, op.fx_names), ""))]
            if node
        }
        self.by_name = {node.name: node for node in self.by_op.values()}
        # In an optimised graph the last step of a node may be fused into what follows it.
        self._last = {} if optimised else self._ends(ops)

    def _ends(self, ops: Mapping[str, GraphOp]) -> Mapping[str, Key]:
        """By FX node the one output that no other step of it takes."""
        inner = {
            edge
            for name, node in self.by_op.items()
            for edge in ops[name].inputs
            if self.by_op.get(edge.rpartition(":")[0]) == node
        }
        ends: defaultdict[str, list[Key]] = defaultdict(list)
        for name, node in self.by_op.items():
            if f"{name}:0" not in inner:
                ends[node.name].append((name, 0))
        return {name: found[0] for name, found in ends.items() if len(found) == 1}

    def is_result(self, node: FxNode, ref: TensorRef) -> bool:
        """Whether this tensor is what the FX node gives, and no step on the way."""
        return ref.member == node.name or self._last.get(node.name) == (ref.op_name, ref.index)

    def source(self, name: str) -> str:
        """Through the nodes that only take a member out of a result."""
        node = self.by_name.get(name)
        return node.item[0] if node and node.item else name


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
            if ref.io == "input":
                reason = "an input; compared are the outputs that it is one of"
                yield Unmatched(ref, None, reason, expected=True)
            else:
                reason = refused.get(ref.path, "no ONNX node says that it was made from this one")
                yield Unmatched(ref, None, reason)

    def _row(self, ref: TensorRef) -> Pair | Unmatched:
        """A refused pair is Unmatched with both sides."""
        node = self._nodes.by_op.get(ref.op_name)
        if node is None:
            made_up = ref.op_type == _MODEL_INPUT
            reason = "an input of the model" if made_up else "it does not say which FX node it is"
            return Unmatched(None, ref, reason, made_up)
        if not self._nodes.is_result(node, ref):
            return Unmatched(None, ref, f"a step on the way to {node.name}", expected=True)
        refs = self._theirs.get(node.item or (node.name, ref.index), [])
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
        origin = self._nodes.by_name.get(node.item[0]) if node.item else node
        taken = [self._nodes.source(name) for name in (origin.takes if origin else ())]
        own = [name for name in taken if name in self._nodes.by_name]
        known = [name for name in made if name in self._nodes.by_name or name in own]
        if origin and sorted(known) != sorted(own):
            return (
                f"the golden {node.name} is made from {', '.join(made) or 'inputs'}, that of the "
                f"exporter from {', '.join(own) or 'inputs'}"
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
