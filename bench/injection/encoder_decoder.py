"""A model that reads with one half and writes with the other, which attends to what was read. Norms
come after the sums, and linear layers have biases."""

from __future__ import annotations

import numpy as np

from injection.families import add, chance, dense, gain, gelu, layer_norm, normal, softmax
from injection.machine import Array, Machine
from injection.program import Function, Program


def encoder_decoder(rng: np.random.Generator, quantised: bool) -> Program:
    p = Program(quantised=quantised)
    heads, source, target = int(rng.integers(2, 5)), *map(int, rng.integers(16, 36, 2))
    width = heads * int(rng.choice([16, 24]))
    p.data["source"] = lambda g: g.standard_normal((source, width))
    p.data["target"] = lambda g: g.standard_normal((target, width))
    mask = p.weight(np.triu(np.full((target, target), -1e4), 1))
    read = "source"
    for _ in range(int(rng.integers(2, 5))):
        read = _normed(p, rng, read, _attention(p, rng, read, read, (width, heads), ""), width)
        read = _normed(p, rng, read, _feed_forward(p, rng, read, width), width)
    x = "target"
    for _ in range(int(rng.integers(2, 5))):
        x = _normed(p, rng, x, _attention(p, rng, x, x, (width, heads), mask), width)
        x = _normed(p, rng, x, _attention(p, rng, x, read, (width, heads), ""), width)
        x = _normed(p, rng, x, _feed_forward(p, rng, x, width), width)
    p.op("SoftmaxV2", softmax, _biased(p, rng, x, width, 40))
    return p


def _biased(p: Program, rng: np.random.Generator, x: str, inside: int, outside: int) -> str:
    product = p.linear(x, dense(rng, inside, outside))
    return p.op("BiasAdd", add, product, p.weight(normal(rng, outside)), part=chance(rng))


def _normed(p: Program, rng: np.random.Generator, x: str, more: str, width: int) -> str:
    weights = p.weight(gain(rng, width)), p.weight(normal(rng, width))
    return p.op("LayerNormV3", layer_norm(1e-5), p.op("Add", add, x, more), *weights)


def _feed_forward(p: Program, rng: np.random.Generator, x: str, width: int) -> str:
    hidden = p.op("Gelu", gelu, _biased(p, rng, x, width, 3 * width))
    return _biased(p, rng, hidden, 3 * width, width)


def _attention(
    p: Program, rng: np.random.Generator, x: str, memory: str, shape: tuple[int, int], mask: str
) -> str:
    """`shape`: width and heads."""
    width, heads = shape
    q, k, v = (
        p.op("TransposeD", _to_heads(heads), _biased(p, rng, read, width, width))
        for read in (x, memory, memory)
    )
    turned = p.op("TransposeD", lambda m, a: a.transpose(0, 2, 1), k)
    scores = p.op("BatchMatMulV2", Machine.matmul, q, turned)
    scores = p.op("Muls", lambda m, a: m.take(a) * m.compute(0.25), scores)
    if mask:
        scores = p.op("MaskAdd", add, scores, mask, part=chance(rng))
    mixed = p.op("BatchMatMulV2", Machine.matmul, p.op("SoftmaxV2", softmax, scores), v)
    mixed = p.op("TransposeD", _from_heads, mixed)
    return _biased(p, rng, mixed, width, width)


def _to_heads(heads: int) -> Function:
    return lambda m, a: a.reshape(len(a), heads, -1).transpose(1, 0, 2)


def _from_heads(m: Machine, a: Array) -> Array:
    return a.transpose(1, 0, 2).reshape(a.shape[1], -1)
