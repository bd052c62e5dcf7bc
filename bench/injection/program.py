"""A model as a list of operators, and its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from injection.machine import Array, Machine, round_bits

Function = Callable[..., Array]
"""Machine and inputs to the result before it is stored."""


@dataclass(frozen=True)
class Node:
    """`inputs` are names of nodes, weights or data. `part`: runs as one kernel with the node
    before, whose result is then not written."""

    name: str
    type: str
    function: Function
    inputs: Sequence[str]
    kind: str = "float"
    part: bool = False


@dataclass
class Program:
    """Nodes in execution order. `data` is drawn anew for another input; `step` of a quantised
    tensor is fixed from the first run."""

    weights: dict[str, Array] = field(default_factory=dict)
    data: dict[str, Callable[[np.random.Generator], Array]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    quantised: bool = False
    steps: dict[str, float] = field(default_factory=dict)
    _names: Counter[str] = field(default_factory=Counter)
    _int8: dict[str, str] = field(default_factory=dict)

    def weight(self, values: Array) -> str:
        name = f"Const_{len(self.weights)}"
        self.weights[name] = values
        return name

    def op(
        self, kind: str, function: Function, *inputs: str, store: str = "float", part: bool = False
    ) -> str:
        count = self._names[kind]
        self._names[kind] += 1
        name = f"{kind}_{count}" if count else kind
        self.nodes.append(Node(name, kind, function, inputs, store, part))
        return name

    def linear(self, x: str, weight: Array) -> str:
        """x @ weight; of whole numbers where the program is quantised."""
        if not self.quantised:
            return self.op("MatMulV2", Machine.matmul, x, self.weight(weight))
        whole, w_step = in_steps(weight)
        return self.op(
            "QuantBatchMatmulV3",
            lambda m, a, b: m.matmul(a, b) * (self.steps[x] * w_step),
            self.quantise(x),
            self.weight(whole),
        )

    def quantise(self, x: str) -> str:
        """The node that rounds x to int8, made once."""
        if x not in self._int8:
            self._int8[x] = self.op(
                "AscendQuantV2", lambda m, a: m.take(a) / self._step(x, a), x, store="int8"
            )
        return self._int8[x]

    def _step(self, name: str, x: Array) -> float:
        return self.steps.setdefault(name, float(np.abs(x).max()) / 127)


def in_steps(weight: Array) -> tuple[Array, float]:
    """A weight as int8, and its step."""
    step = float(np.abs(weight).max()) / 127
    return np.rint(weight / step).astype(np.int8), step


def run(program: Program, machine: Machine, data: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of the model by name."""
    values: dict[str, Array] = {**program.weights, **data}
    for node in program.nodes:
        result = node.function(machine, *(values[name] for name in node.inputs))
        values[node.name] = machine.keep(result, node.kind)
    return values


def prepared(program: Program, rng: np.random.Generator, bits: int) -> dict[str, Array]:
    """Weights and data as they are stored: both runs have the same. Returns the data."""
    for name, values in program.weights.items():
        if values.dtype != np.int8:
            program.weights[name] = round_bits(values, bits).astype(np.float32)
    return {
        name: round_bits(draw(rng), bits).astype(np.float32) for name, draw in program.data.items()
    }
