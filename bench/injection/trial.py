"""One model, clean and with faults, as the rows a comparison would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from injection.catalogue import FAMILIES
from injection.faults import FAULTS, Site
from injection.machine import BITS, Array, Machine
from injection.program import Node, Program, prepared, run
from trueness.compare.metrics import Choice
from trueness.compare.standards import standard_of
from trueness.compare.tensors import Outcome, compare_tensors
from trueness.model import Graph, GraphOp, Result, TensorRef
from trueness.read.array import tensor_from_array

MISSING = 0.08
"""Share of operators that were not dumped."""
VISIBLE = 4.0
"""An effect smaller than this many times the rounding of the result is no fault to be found. In
models of int8 that is the rounding to int8, also where a result is kept in fp16."""

ATEN: Mapping[str, str] = {
    "MatMulV2": "aten.mm.default",
    "BatchMatMulV2": "aten.bmm.default",
    "Add": "aten.add.Tensor",
    "MaskAdd": "aten.add.Tensor",
    "BiasAdd": "aten.add.Tensor",
    "Mul": "aten.mul.Tensor",
    "Muls": "aten.mul.Scalar",
    "SoftmaxV2": "aten._softmax.default",
    "Swish": "aten.silu.default",
    "Sigmoid": "aten.sigmoid.default",
    "Relu": "aten.relu.default",
    "RmsNorm": "aten.rms_norm.default",
    "LayerNormV3": "aten.native_layer_norm.default",
    "BatchNorm": "aten._native_batch_norm_legit_no_training.default",
    "ReduceMean": "aten.mean.dim",
    "MaxPoolV3": "aten.max_pool2d_with_indices.default",
    "Conv2D": "aten.convolution.default",
}
"""What golden calls an operator; what is not here is several operators there."""

_STANDARD = standard_of("bitwise")
_CHOICE = Choice("basic")


@dataclass(frozen=True)
class Column:
    """`golden`: "fp64", "fp32" or "same dtype", which sums in another order. `dtype` of my: bf16,
    fp16, or int8 with fp16 between."""

    family: str
    dtype: str
    golden: str


@dataclass(frozen=True)
class View:
    """What the dumps hold."""

    inputs: bool
    graph: bool
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fault:
    kind: str
    operator: str
    my: Mapping[str, Array]
    read: Mapping[tuple[str, int], Array] = field(default_factory=dict)


class Trial:
    """A model of a seed in both runs, with `third` also in a run of another implementation.
    Everything follows from column and seed."""

    def __init__(self, column: Column, seed: int, *, third: bool = False) -> None:
        self.column = column
        self._rng = np.random.default_rng([seed, *map(ord, column.family + column.dtype)])
        store = {"bf16": "bfloat16", "fp16": "float16", "int8": "float16"}[column.dtype]
        self.program = FAMILIES[column.family](self._rng, column.dtype == "int8")
        data = prepared(self.program, self._rng, BITS[store])
        run(self.program, Machine(np.float64), data)  # fixes the steps of int8
        golden = {
            "fp64": Machine(np.float64),
            "fp32": Machine(np.float32),
            "same dtype": Machine(np.float32, store, 4),
        }
        self.machine = Machine(np.float32, store)
        self._third = run(self.program, golden["same dtype"], data) if third else {}
        self.golden = run(self.program, golden[column.golden], data)
        self.my = run(self.program, self.machine, data)
        other = {
            name: draw(self._rng).astype(np.float32) for name, draw in self.program.data.items()
        }
        self.other = run(self.program, self.machine, other)
        for name in self.program.weights:
            del self.other[name]
        self.kernels = _kernels(self.program)
        self._golden_dtype = {"fp64": "float64", "fp32": "float32", "same dtype": store}
        self._store = store
        self._clean = {name: self._compare(name, self.my[name]) for name in self.golden}

    def view(self, *, inputs: bool, graph: bool, spare: str = "") -> View:
        names = [name for name, _ in self.kernels if name != spare]
        lost = frozenset(name for name in names if self._rng.random() < MISSING)
        return View(inputs, graph, lost)

    def fault(self, kind: str) -> Fault | None:
        """The fault at a random operator it fits, where its effect is above the noise."""
        for at in self._rng.permutation(len(self.program.nodes))[:40]:
            node = self.program.nodes[at]
            inputs = [self.my[name] for name in node.inputs]
            site = Site(self.program, node, self.machine, inputs, self.other, self._rng)
            broken = FAULTS[kind](site)
            if broken is None or not self._visible(site, broken[0]):
                continue
            stored = self.machine.keep(broken[0], node.kind)
            my = self._rerun(int(at), stored)
            operator = next(name for name, nodes in self.kernels if node in nodes)
            return Fault(kind, operator, my, {(node.name, i): x for i, x in broken[1].items()})
        return None

    def rows(self, view: View, fault: Fault | None = None) -> Iterator[Result]:
        """What the engine would yield."""
        my = fault.my if fault else self.my
        read = fault.read if fault else {}
        for place, (name, nodes) in enumerate(self.kernels):
            if name in view.missing:
                continue
            kind = nodes[0].type if len(nodes) == 1 else "AutomaticBufferFusionOp"
            pairing = "FX name"
            if len(nodes) > 1:
                pairing += f", fused from {' + '.join(node.name for node in nodes)}"
            ref = TensorRef(name, op_name=name, op_type=kind, rank=0, token=0, order=place + 1)
            theirs = ATEN.get(nodes[-1].type, "")
            if view.inputs:
                for index, (tensor, key) in enumerate(_outer(nodes)):
                    values = read.get(key, my[tensor])
                    yield self._row(ref, theirs, "input", index, tensor, values, pairing)
            made = nodes[-1].name
            yield self._row(ref, theirs, "output", 0, made, my[made], pairing)

    def replayable(self, operator: str) -> bool:
        """Whether golden has it as one aten operator."""
        nodes = next(nodes for name, nodes in self.kernels if name == operator)
        return len(nodes) == 1 and nodes[0].type in ATEN

    def graph(self) -> Graph:
        ops = {
            node.name: GraphOp(node.name, node.type, tuple(f"{i}:0" for i in node.inputs), ("x",))
            for node in self.program.nodes
        }
        return Graph("graph.txt", "graph", 1, 0, ops)

    def _visible(self, site: Site, wrong: Array) -> bool:
        """Whether what the kernel writes shows the fault."""
        if not np.isfinite(wrong).all():
            return False
        kind, exact = self._written(site, site.compute())
        right = self.machine.keep(exact, kind).astype(np.float64)
        shown = self.machine.keep(self._written(site, wrong)[1], kind).astype(np.float64)
        rounding = np.linalg.norm(right - exact)
        if self.column.dtype == "int8" and kind == "float":
            step = float(np.abs(right).max()) / 127 or 1.0
            rounding = max(rounding, np.linalg.norm(np.rint(right / step) * step - right))
        return bool(np.linalg.norm(shown - right) > VISIBLE * rounding)

    def _written(self, site: Site, result: Array) -> tuple[str, Array]:
        """What becomes of an operator's result in the rest of its kernel, not yet stored."""
        nodes = next(nodes for _, nodes in self.kernels if site.node in nodes)
        last = site.node
        for node in nodes[nodes.index(site.node) + 1 :]:
            values = {**self.my, last.name: self.machine.keep(result, last.kind)}
            result, last = node.function(self.machine, *(values[i] for i in node.inputs)), node
        return last.kind, np.asarray(result)

    def _rerun(self, at: int, stored: Array) -> dict[str, Array]:
        """The run from the broken operator on; what does not depend on it stays the same object."""
        values = {**self.my, self.program.nodes[at].name: stored}
        changed = {self.program.nodes[at].name}
        for node in self.program.nodes[at + 1 :]:
            if changed.intersection(node.inputs):
                result = node.function(self.machine, *(values[name] for name in node.inputs))
                values[node.name] = self.machine.keep(result, node.kind)
                changed.add(node.name)
        return values

    def _compare(self, tensor: str, my: Array) -> Outcome:
        golden = self.golden[tensor]
        if golden.shape != my.shape:
            my = my.swapaxes(-1, -2)
        sides = tensor_from_array(golden), tensor_from_array(my)
        reference = tensor_from_array(self._third[tensor]) if self._third else None
        return compare_tensors(*sides, _STANDARD, _CHOICE, 1, reference)

    def _row(
        self,
        ref: TensorRef,
        golden_type: str,
        io: str,
        index: int,
        tensor: str,
        my: Array,
        pairing: str,
    ) -> Result:
        same = my is self.my[tensor]
        outcome = self._clean[tensor] if same else self._compare(tensor, my)
        own = TensorRef(
            ref.path, None, ref.op_name, ref.op_type, io, index, rank=0, token=0, order=ref.order
        )
        whole = my.dtype == np.int8
        theirs = replace(own, op_type=golden_type)
        return Result(
            theirs,
            own,
            outcome.state,
            outcome.reason,
            outcome.metrics,
            outcome.passed,
            pairing=pairing,
            golden_dtype="int8" if whole else self._golden_dtype[self.column.golden],
            golden_shape=self.golden[tensor].shape,
            my_dtype="int8" if whole else self._store,
            my_shape=my.shape,
        )


def _kernels(program: Program) -> list[tuple[str, list[Node]]]:
    found: list[list[Node]] = []
    for node in program.nodes:
        if node.part:
            found[-1].append(node)
        else:
            found.append([node])
    return [("".join(node.name for node in nodes), nodes) for nodes in found]


def _outer(nodes: list[Node]) -> Iterator[tuple[str, tuple[str, int]]]:
    """Tensors that enter a kernel, and which input of which node each is."""
    inner = {node.name for node in nodes}
    for node in nodes:
        for place, tensor in enumerate(node.inputs):
            if tensor not in inner:
                yield tensor, (node.name, place)
