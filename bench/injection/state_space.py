"""A mixer without attention: short convolutions over time, and a recurrence whose decay depends on
the data, in gated blocks."""

from __future__ import annotations

import numpy as np

from injection.families import add, chance, dense, gain, multiply, normal, rms_norm, silu
from injection.machine import Array, Machine
from injection.program import Program

TAPS = 4


def state_space(rng: np.random.Generator, quantised: bool) -> Program:
    p = Program(quantised=quantised)
    tokens, width = int(rng.integers(20, 48)), int(rng.choice([32, 48, 64]))
    p.data["data"] = lambda g: g.standard_normal((tokens, width))
    x = "data"
    for _ in range(int(rng.integers(5, 10))):
        h = p.op("RmsNorm", rms_norm(1e-6), x, p.weight(gain(rng, width)))
        both = p.linear(h, dense(rng, width, 4 * width))
        inner = p.op("SplitD", lambda m, a: np.split(a, 2, axis=-1)[0], both)
        gate = p.op("SplitD", lambda m, a: np.split(a, 2, axis=-1)[1], both)
        inner = _convolved(p, rng, inner, 2 * width)
        decay = p.linear(inner, dense(rng, 2 * width, 2 * width))
        decay = p.op("Sigmoid", sigmoid, decay)
        inner = p.op("SelectiveScan", scan, inner, decay)
        gate = p.op("Swish", silu, gate)
        inner = p.op("Mul", multiply, inner, gate, part=chance(rng))
        x = p.op("Add", add, x, p.linear(inner, dense(rng, 2 * width, width)))
    p.linear(p.op("RmsNorm", rms_norm(1e-6), x, p.weight(gain(rng, width))), dense(rng, width, 56))
    return p


def _convolved(p: Program, rng: np.random.Generator, x: str, width: int) -> str:
    taps = p.weight(rng.standard_normal((TAPS, width)) / TAPS**0.5)
    x = p.op("DepthwiseConv1D", causal, x, taps)
    x = p.op("BiasAdd", add, x, p.weight(normal(rng, width)), part=chance(rng))
    return p.op("Swish", silu, x)


def causal(m: Machine, x: Array, taps: Array) -> Array:
    """Of each channel the last few tokens, weighted; (tokens, width) like x."""
    x, taps = m.take(x), m.take(taps)
    padded = np.pad(x, ((len(taps) - 1, 0), (0, 0)))
    terms = [padded[at : at + len(x)] * tap for at, tap in enumerate(taps)]
    # Another order of summation where the machine asks for one.
    return np.add.reduce(terms if m.chunks == 1 else terms[::-1])


def scan(m: Machine, x: Array, decay: Array) -> Array:
    """state = decay * state + (1 - decay) * x, token by token."""
    x, decay = m.take(x), m.take(decay)
    state, found = np.zeros_like(x[0]), np.empty_like(x)
    for token in range(len(x)):
        state = decay[token] * state + (1 - decay[token]) * x[token]
        found[token] = state
    return found


def sigmoid(m: Machine, x: Array) -> Array:
    return 1 / (1 + np.exp(-m.take(x)))
