"""Ten ways in which an operator is wrong. Each says which operators it can befall and what they
compute then; None where it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from injection.families import batch_norm, layer_norm, rms_norm
from injection.machine import BITS, Array, Machine, round_bits
from injection.program import Node, Program

COPIES = ("TransposeD", "Expand", "RotateHalf", "SplitD")
PRODUCTS = ("MatMulV2", "BatchMatMulV2", "QuantBatchMatmulV3", "Conv2D", "QuantConv2D")
NORMS = {"RmsNorm": rms_norm, "LayerNormV3": layer_norm, "BatchNorm": batch_norm}


@dataclass(frozen=True)
class Site:
    """An operator and what it reads. `other` are the tensors of a run on other data."""

    program: Program
    node: Node
    machine: Machine
    inputs: list[Array]
    other: Mapping[str, Array]
    rng: np.random.Generator

    def compute(self, inputs: list[Array] | None = None) -> Array:
        result = self.node.function(self.machine, *(self.inputs if inputs is None else inputs))
        return np.asarray(result)


Broken = tuple[Array, dict[int, Array]]
"""The result before it is stored, and inputs that were read differently by their place."""


def _result(values: Array) -> Broken:
    return values, {}


def scale(site: Site) -> Broken | None:
    return None if site.node.type in COPIES else _result(site.compute() * 1.005)


def bias(site: Site) -> Broken | None:
    if site.node.type in COPIES:
        return None
    result = site.compute()
    size = np.sqrt(np.mean(np.square(result))) * 10 ** site.rng.uniform(-2, -0.5)
    return _result(result + size)


def wrong_epsilon(site: Site) -> Broken | None:
    norm = NORMS.get(site.node.type)
    if norm is None:
        return None
    wrong = norm(10 ** site.rng.uniform(-2.0, -0.5))
    return _result(np.asarray(wrong(site.machine, *site.inputs)))


def transposed_operand(site: Site) -> Broken | None:
    if site.node.type not in PRODUCTS:
        return None
    turned = site.inputs[1].swapaxes(-1, -2)
    if turned.shape != site.inputs[1].shape:
        return None
    return site.compute([site.inputs[0], turned]), {}


def dropped_head(site: Site) -> Broken | None:
    if site.node.type not in PRODUCTS:
        return None
    result = site.compute().copy()
    axis = 0 if result.ndim == 3 else -1
    parts = np.array_split(np.arange(result.shape[axis]), min(8, result.shape[axis]))
    lost = parts[int(site.rng.integers(len(parts)))]
    result[(slice(None),) * (axis % result.ndim) + (lost,)] = 0
    return _result(result)


def off_by_one(site: Site) -> Broken | None:
    """The mask of attention by a token, the window of a convolution by a pixel."""
    if site.node.type == "MaskAdd":
        mask = np.full(site.inputs[1].shape, -1e4)
        return site.compute([site.inputs[0], np.triu(mask, 2)]), {}
    if site.node.type == "DepthwiseConv1D":
        return site.compute([np.roll(site.inputs[0], 1, axis=0), *site.inputs[1:]]), {}
    if site.node.type in ("Conv2D", "QuantConv2D", "MaxPoolV3"):
        return site.compute([np.roll(site.inputs[0], 1, axis=-1), *site.inputs[1:]]), {}
    return None


def wrong_rounding(site: Site) -> Broken | None:
    if site.node.type in COPIES or site.node.kind != "float":
        return None
    return _result(round_bits(site.compute(), BITS[site.machine.store] - 2, chop=True))


def saturation(site: Site) -> Broken | None:
    if site.node.type in COPIES:
        return None
    result = site.compute()
    limit = np.quantile(np.abs(result), site.rng.uniform(0.95, 0.999))
    return _result(np.clip(result, -limit, limit))


def stale_input(site: Site) -> Broken | None:
    """Reads what another step left, all of it or the second half."""
    places = [i for i, name in enumerate(site.node.inputs) if name in site.other]
    if not places:
        return None
    place = int(site.rng.choice(places))
    stale = site.other[site.node.inputs[place]]
    if site.rng.random() < 0.5:
        half = len(stale) // 2
        stale = np.concatenate([site.inputs[place][:half], stale[half:]])
    inputs = list(site.inputs)
    inputs[place] = stale
    return site.compute(inputs), {place: stale}


def swapped_weights(site: Site) -> Broken | None:
    if site.node.type not in PRODUCTS or site.node.inputs[1] not in site.program.weights:
        return None
    own = site.inputs[1]
    others = [
        w
        for name, w in site.program.weights.items()
        if w.shape == own.shape and w.dtype == own.dtype and name != site.node.inputs[1]
    ]
    if not others:
        return None
    other = others[int(site.rng.integers(len(others)))]
    return site.compute([site.inputs[0], other]), {1: other}


FAULTS: Mapping[str, Callable[[Site], Broken | None]] = {
    "scale 0.5 %": scale,
    "bias": bias,
    "wrong eps": wrong_epsilon,
    "transposed operand": transposed_operand,
    "dropped head": dropped_head,
    "off-by-one mask": off_by_one,
    "wrong rounding": wrong_rounding,
    "saturation": saturation,
    "stale input": stale_input,
    "swapped weights": swapped_weights,
}
