"""What replay needs of an operator: its aten name, and its tensors as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from injection.machine import Array
from injection.program import Node
from injection.trial import ATEN, Fault, Trial, View
from trueness.diagnose.operators import Read, outputs_by_name, with_inputs
from trueness.model import Finding, Pair, TensorRef, Unmatched

Argument = Callable[[list[Array]], object]
"""Makes an argument of the arrays that an operator read: an array, or a number or list of them."""


def _read(place: int) -> Argument:
    return lambda arrays: arrays[place]


def _image(arrays: list[Array]) -> Array:
    """A batch of one."""
    return arrays[0][None]


def _width(arrays: list[Array]) -> list[int]:
    return [arrays[0].shape[-1]]


def _zeros(place: int) -> Argument:
    return lambda arrays: np.zeros(len(arrays[place]), arrays[place].dtype)


def _always(value: object) -> Argument:
    return lambda arrays: value


_ONES, _TWOS = _always([1, 1]), _always([2, 2])
_ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "Muls": (_read(0), _always(0.25)),
    "SoftmaxV2": (_read(0), _always(-1), _always(False)),
    "RmsNorm": (_read(0), _width, _read(1), _always(1e-6)),
    "LayerNormV3": (_read(0), _width, _read(1), _read(2), _always(1e-5)),
    "BatchNorm": (
        *(_image, _read(3), _zeros(1), _read(1), _read(2)),
        *(_always(0.1), _always(1e-5)),
    ),
    "ReduceMean": (_read(0), _always([1, 2])),
    "MaxPoolV3": (_image, _TWOS, _TWOS),
    "Conv2D": (
        *(_image, _read(1), _zeros(1), _ONES, _ONES, _ONES),
        *(_always(False), _always([0, 0]), _always(1)),
    ),
}
"""Of types that take more, or in another order, than what they read here."""


def _made(item: Pair | Unmatched) -> bool:
    ref = item.golden
    return ref is not None and ref.io == "output"


@dataclass(frozen=True)
class Dumped:
    """The files of one run of a model, written when they are asked for."""

    trial: Trial
    view: View
    fault: Fault | None
    folder: Path

    def items(self, findings: Sequence[Finding]) -> Sequence[Read]:
        """What a dump would have of the operator of each finding."""
        return [self._of(finding) for finding in findings]

    def _of(self, finding: Finding) -> Read:
        nodes = next(nodes for name, nodes in self.trial.kernels if name == finding.op_name)
        own = finding.result.my
        assert own is not None
        ref = replace(own, io="input", index=0)
        if len(nodes) > 1:
            fused = list(self._fused(nodes, ref))
            group = fused if self.view.inputs else [item for item in fused if _made(item)]
        else:
            made = self._output(nodes[0].name, replace(ref, io="output"))
            group = [*self._inputs(nodes[0], ref), made] if self.view.inputs else [made]
        if self.view.inputs or not self.view.graph:
            return group, ()
        read = {name for node in nodes for name in node.inputs if self._has(name)}
        outputs = [self._output(name, replace(ref, io="output", op_name=name)) for name in read]
        return with_inputs(group, outputs_by_name(outputs), self.trial.graph().ops)

    def _output(self, name: str, ref: TensorRef) -> Pair:
        return self._pair(ref, self.trial.golden[name], self._my()[name])

    def _fused(self, nodes: Sequence[Node], ref: TensorRef) -> Iterable[Pair | Unmatched]:
        """Golden has an operator for each of its nodes, and what they hand to each other."""
        inner = [node.name for node in nodes]
        read = self.fault.read if self.fault else {}
        for node in nodes:
            own = replace(ref, op_name=node.name, op_type=node.type)
            for at, name in enumerate(node.inputs):
                if name not in inner:
                    theirs = self._saved(replace(own, index=at), "golden", self.trial.golden[name])
                    values = read.get((node.name, at), self._my()[name])
                    place = replace(ref, index=len(inner) + at, label=node.name)
                    yield Pair(theirs, self._saved(place, "my", values), "fused")
            result = replace(own, io="output", index=0)
            theirs = self._saved(result, "golden", self.trial.golden[node.name])
            if node is nodes[-1]:
                mine = self._saved(replace(ref, io="output"), "my", self._my()[node.name])
                yield Pair(theirs, mine, f"fused from {' + '.join(inner)}")
            else:
                yield Unmatched(theirs, None, "inside a fused operator", expected=True)

    def _has(self, tensor: str) -> bool:
        """Whether the view has the tensor as the output of an operator."""
        return any(
            nodes[-1].name == tensor and name not in self.view.missing
            for name, nodes in self.trial.kernels
        )

    def _my(self) -> Mapping[str, Array]:
        return self.fault.my if self.fault else self.trial.my

    def _inputs(self, node: Node, ref: TensorRef) -> Iterable[Pair | Unmatched]:
        read = self.fault.read if self.fault else {}
        golden = [self.trial.golden[name] for name in node.inputs]
        my = [read.get((node.name, i), self._my()[name]) for i, name in enumerate(node.inputs)]
        own = tuple(_read(place) for place in range(len(node.inputs)))
        for index, argument in enumerate(_ARGUMENTS.get(node.type, own)):
            place = replace(ref, index=index)
            theirs, mine = argument(golden), argument(my)
            if isinstance(theirs, np.ndarray):
                yield self._pair(place, theirs, np.asarray(mine))
            else:
                number = self._saved(place, "golden", np.asarray(theirs))
                yield Unmatched(number, None, "a Python number", expected=True)

    def _pair(self, ref: TensorRef, golden: Array, my: Array) -> Pair:
        return Pair(self._saved(ref, "golden", golden), self._saved(ref, "my", my), "FX name")

    def _saved(self, ref: TensorRef, side: str, values: Array) -> TensorRef:
        path = self.folder / f"{side}.{ref.op_name}.{ref.label}.{ref.io}.{ref.index}.npy"
        np.save(path, values)
        kind = ATEN.get(ref.op_type, ref.op_type) if side == "golden" else ref.op_type
        return replace(ref, path=str(path), op_type=kind)
