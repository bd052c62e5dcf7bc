"""What replay needs of an operator: its aten name, and its tensors as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from injection.machine import Array
from injection.program import Node
from injection.trial import ATEN, Fault, Trial
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


@dataclass(frozen=True)
class Dumped:
    """The files of one run of a model, written when they are asked for."""

    trial: Trial
    fault: Fault | None
    folder: Path

    def items(self, finding: Finding) -> Iterable[Pair | Unmatched]:
        """What a dump would have of the operator of a finding."""
        nodes = next(nodes for name, nodes in self.trial.kernels if name == finding.op_name)
        own = finding.result.my
        assert own is not None and len(nodes) == 1
        ref = replace(own, io="input", index=0)
        yield from self._inputs(nodes[0], ref)
        golden, my = self.trial.golden[nodes[0].name], self._my()[nodes[0].name]
        yield self._pair(replace(ref, io="output"), golden, my)

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
                number = self._saved(place, "golden", np.asarray(theirs), ATEN[node.type])
                yield Unmatched(number, None, "a Python number", expected=True)

    def _pair(self, ref: TensorRef, golden: Array, my: Array) -> Pair:
        theirs = self._saved(ref, "golden", golden, ATEN[ref.op_type])
        return Pair(theirs, self._saved(ref, "my", my, ref.op_type), "FX name")

    def _saved(self, ref: TensorRef, side: str, values: Array, kind: str) -> TensorRef:
        path = self.folder / f"{side}.{ref.op_name}.{ref.io}.{ref.index}.npy"
        np.save(path, values)
        return replace(ref, path=str(path), op_type=kind)
