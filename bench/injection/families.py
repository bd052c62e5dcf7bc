"""Three families of models: a transformer, one of experts with grouped heads, a convolutional
network. Weights are random with a few strong channels, as trained ones have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from injection.machine import Array, Machine
from injection.program import Program, in_steps


def transformer(rng: np.random.Generator, quantised: bool) -> Program:
    """Root mean square norm, full heads, gated feed-forward."""
    p = Program(quantised=quantised)
    heads, tokens = int(rng.integers(2, 5)), int(rng.integers(20, 48))
    width = heads * int(rng.choice([16, 24, 32]))
    p.data["data"] = lambda g: g.standard_normal((tokens, width))
    mask = p.weight(np.triu(np.full((tokens, tokens), -1e4), 1))
    x = "data"
    for _ in range(int(rng.integers(5, 9))):
        h = p.op("RmsNorm", rms_norm(1e-6), x, p.weight(gain(rng, width)))
        q, k, v = (_heads(p, p.linear(h, dense(rng, width, width)), heads) for _ in range(3))
        x = _attend(p, rng, x, (q, k, v), mask, width)
        h = p.op("RmsNorm", rms_norm(1e-6), x, p.weight(gain(rng, width)))
        gate = p.op("Swish", silu, p.linear(h, dense(rng, width, 2 * width)))
        h = p.op("Mul", multiply, gate, p.linear(h, dense(rng, width, 2 * width)), part=chance(rng))
        x = p.op("Add", add, x, p.linear(h, dense(rng, 2 * width, width)))
    p.linear(p.op("RmsNorm", rms_norm(1e-6), x, p.weight(gain(rng, width))), dense(rng, width, 64))
    return p


def experts(rng: np.random.Generator, quantised: bool) -> Program:
    """Layer norm, rotary positions, grouped heads, two of the experts a token."""
    p = Program(quantised=quantised)
    groups, tokens = int(rng.integers(1, 3)), int(rng.integers(20, 40))
    heads, head = 2 * groups, int(rng.choice([16, 24]))
    width = heads * head
    p.data["data"] = lambda g: g.standard_normal((tokens, width))
    mask = p.weight(np.triu(np.full((tokens, tokens), -1e4), 1))
    angle = np.outer(np.arange(tokens), 1e3 ** (-np.arange(head // 2) / head))
    cos, sin = (p.weight(np.tile(f(angle), 2)) for f in (np.cos, np.sin))
    x = "data"
    for _ in range(int(rng.integers(4, 7))):
        h = _layer_norm(p, rng, x, width)
        q = _heads(p, p.linear(h, dense(rng, width, width)), heads)
        k, v = (_heads(p, p.linear(h, dense(rng, width, groups * head)), groups) for _ in range(2))
        q, k = (_rotate(p, t, cos, sin) for t in (q, k))
        k, v = (p.op("Expand", lambda m, a: np.repeat(a, 2, axis=0), t) for t in (k, v))
        x = _attend(p, rng, x, (q, k, v), mask, width)
        h = _layer_norm(p, rng, x, width)
        x = p.op("Add", add, x, _mixture(p, rng, h, width))
    p.linear(_layer_norm(p, rng, x, width), dense(rng, width, 48))
    return p


def convolutional(rng: np.random.Generator, quantised: bool) -> Program:
    """Residual blocks of two convolutions, each with a norm of fixed statistics."""
    p = Program(quantised=quantised)
    channels, size = int(rng.choice([16, 24, 32])), int(rng.integers(8, 13))
    p.data["data"] = lambda g: g.standard_normal((3, size, size))
    x = p.op("Relu", relu, _norm(p, rng, _conv(p, rng, "data", 3, channels), channels))
    for block in range(int(rng.integers(6, 12))):
        h = p.op("Relu", relu, _norm(p, rng, _conv(p, rng, x, channels, channels), channels))
        h = _norm(p, rng, _conv(p, rng, h, channels, channels), channels)
        x = p.op("Add", add, x, h)
        x = p.op("Relu", relu, x, part=chance(rng))
        if block == 3:
            x = p.op("MaxPoolV3", max_pool, x)
    x = p.op("ReduceMean", lambda m, a: m.mean(a.reshape(1, len(a), -1))[..., 0], x)
    x = p.op("Add", add, p.linear(x, dense(rng, channels, 32)), p.weight(normal(rng, 32)))
    p.op("SoftmaxV2", softmax, x)
    return p


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return 0.1 * rng.standard_normal(shape)


def dense(rng: np.random.Generator, rows: int, columns: int) -> Array:
    return rng.standard_normal((rows, columns)) / rows**0.5


def gain(rng: np.random.Generator, width: int) -> Array:
    """About one, and a few strong channels."""
    values = 1 + 0.2 * rng.standard_normal(width)
    values[rng.integers(0, width, 2)] *= 4
    return values


def chance(rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.5)


def add(m: Machine, a: Array, b: Array) -> Array:
    return m.take(a) + m.take(b)


def multiply(m: Machine, a: Array, b: Array) -> Array:
    return m.take(a) * m.take(b)


def relu(m: Machine, x: Array) -> Array:
    return np.maximum(m.take(x), 0)


def silu(m: Machine, x: Array) -> Array:
    return m.take(x) / (1 + np.exp(-m.take(x)))


def softmax(m: Machine, x: Array) -> Array:
    x = m.take(x)
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / (m.mean(powers) * x.shape[-1])


def rms_norm(epsilon: float) -> Callable[..., Array]:
    def rms(m: Machine, x: Array, gain: Array) -> Array:
        x = m.take(x)
        return x / np.sqrt(m.mean(x * x) + m.compute(epsilon)) * m.take(gain)

    return rms


def layer_norm(epsilon: float) -> Callable[..., Array]:
    def norm(m: Machine, x: Array, gain: Array, bias: Array) -> Array:
        x = m.take(x)
        x = x - m.mean(x)
        return x / np.sqrt(m.mean(x * x) + m.compute(epsilon)) * m.take(gain) + m.take(bias)

    return norm


def batch_norm(epsilon: float) -> Callable[..., Array]:
    def norm(m: Machine, x: Array, mean: Array, variance: Array, gain: Array) -> Array:
        mean, variance, gain = (m.take(a)[:, None, None] for a in (mean, variance, gain))
        return (m.take(x) - mean) / np.sqrt(variance + m.compute(epsilon)) * gain

    return norm


def convolve(m: Machine, x: Array, kernel: Array) -> Array:
    """3 x 3 over (channels, height, width), as many rows and columns out as in."""
    c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    columns = windows.transpose(1, 2, 0, 3, 4).reshape(h * w, c * 9)
    return m.matmul(columns, kernel.reshape(len(kernel), -1).T).T.reshape(-1, h, w)


def max_pool(m: Machine, x: Array) -> Array:
    c, h, w = x.shape
    x = x[:, : h // 2 * 2, : w // 2 * 2]
    return x.reshape(c, h // 2, 2, w // 2, 2).max((2, 4))


def _heads(p: Program, x: str, heads: int) -> str:
    return p.op("TransposeD", lambda m, a: a.reshape(len(a), heads, -1).transpose(1, 0, 2), x)


def _attend(
    p: Program, rng: np.random.Generator, x: str, qkv: tuple[str, str, str], mask: str, width: int
) -> str:
    q, k, v = qkv
    turned = p.op("TransposeD", lambda m, a: a.transpose(0, 2, 1), k)
    scores = p.op("BatchMatMulV2", Machine.matmul, q, turned)
    scores = p.op("Muls", lambda m, a: m.take(a) * m.compute(0.25), scores)
    scores = p.op("MaskAdd", add, scores, mask, part=chance(rng))
    shares = p.op("SoftmaxV2", softmax, scores)
    mixed = p.op("BatchMatMulV2", Machine.matmul, shares, v)
    mixed = p.op("TransposeD", lambda m, a: a.transpose(1, 0, 2).reshape(a.shape[1], -1), mixed)
    return p.op("Add", add, x, p.linear(mixed, dense(rng, width, width)))


def _layer_norm(p: Program, rng: np.random.Generator, x: str, width: int) -> str:
    return p.op(
        "LayerNormV3", layer_norm(1e-5), x, p.weight(gain(rng, width)), p.weight(normal(rng, width))
    )


def _rotate(p: Program, x: str, cos: str, sin: str) -> str:
    def half_turn(m: Machine, a: Array) -> Array:
        one, two = np.split(a, 2, axis=-1)
        return np.concatenate([-two, one], -1)

    straight = p.op("Mul", multiply, x, cos)
    turned = p.op("Mul", multiply, p.op("RotateHalf", half_turn, x), sin)
    return p.op("Add", add, straight, turned)


def _mixture(p: Program, rng: np.random.Generator, h: str, width: int, count: int = 4) -> str:
    """Every expert sees every token; what a token did not choose counts nothing."""

    def choose(m: Machine, shares: Array) -> Array:
        shares = m.take(shares)
        kept = np.where(shares >= np.sort(shares, -1)[:, -2:-1], shares, 0)
        return kept / kept.sum(-1, keepdims=True)

    router = p.op("MatMulV2", Machine.matmul, h, p.weight(3 * dense(rng, width, count)))
    shares = p.op("MoeGatingTopK", choose, p.op("SoftmaxV2", softmax, router))
    total = ""
    for expert in range(count):
        inner = p.op("Gelu", gelu, p.linear(h, dense(rng, width, width)))
        out = p.linear(inner, dense(rng, width, width))
        scaled = p.op(
            "MoeScale", lambda m, a, s, e=expert: m.take(a) * m.take(s)[:, e : e + 1], out, shares
        )
        total = p.op("Add", add, total, scaled) if total else scaled
    return total


def gelu(m: Machine, x: Array) -> Array:
    x = m.take(x)
    return x / 2 * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def _conv(p: Program, rng: np.random.Generator, x: str, inside: int, outside: int) -> str:
    kernel = rng.standard_normal((outside, inside, 3, 3)) * (2 / (9 * inside)) ** 0.5
    if not p.quantised or x == "data":
        return p.op("Conv2D", convolve, x, p.weight(kernel))
    whole, step = in_steps(kernel)
    return p.op(
        "QuantConv2D",
        lambda m, a, b: convolve(m, a, b) * (p.steps[x] * step),
        p.quantise(x),
        p.weight(whole),
    )


def _norm(p: Program, rng: np.random.Generator, x: str, channels: int) -> str:
    variance = np.exp(0.5 * rng.standard_normal(channels))
    mean = 0.2 * rng.standard_normal(channels)
    weights = (p.weight(values) for values in (mean, variance, gain(rng, channels)))
    return p.op("BatchNorm", batch_norm(1e-5), x, *weights)
