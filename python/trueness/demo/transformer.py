"""A patch embedding and two transformer layers: the first in float16, the second in bfloat16."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueness.demo.recorder import Recorder, Value

WIDTH = 64
TOKENS = 16
HEAD_SCALE = WIDTH**-0.5
PLANTED = "Mul_1"
"""The operator that is wrong: it scales the attention scores of the second layer twice."""


def run(seed: int = 7) -> Recorder:
    """Both runs of the model on one input."""
    rng = np.random.default_rng(seed)
    model = Recorder()
    image = model.data(rng.standard_normal((1, 16, 16, 16)), "float16", "NC1HWC0")
    kernel = model.data(rng.standard_normal((WIDTH, 16, 4, 4)) / 16, "float16")
    patches = model.op(
        "Conv2D", "aten.convolution.default", _patches, image, kernel, layout="NC1HWC0"
    )
    x = model.op("Reshape", "aten.view.default", lambda a: a.reshape(WIDTH, TOKENS).T, patches)
    x = _layer(model, rng, x, wrong=False)
    x = model.op("Cast", "aten._to_copy.default", lambda a: a, x, dtype="bfloat16")
    _layer(model, rng, x, wrong=True)
    return model


def _layer(model: Recorder, rng: np.random.Generator, x: Value, *, wrong: bool) -> Value:
    def weight(rows: int, columns: int) -> Value:
        values = rng.standard_normal((rows, columns)) / rows**0.5
        return model.data(values, x.dtype, "FRACTAL_NZ")

    def matmul(a: Value, b: Value) -> Value:
        return model.op("MatMulV2", "aten.mm.default", np.matmul, a, b, layout="FRACTAL_NZ")

    gain = model.data(1 + 0.1 * rng.standard_normal(WIDTH), x.dtype)
    bias = model.data(0.1 * rng.standard_normal(4 * WIDTH), x.dtype)
    normed = model.op("RmsNorm", "npu.npu_rms_norm.default", _rms_norm, x, gain, 1e-6)
    query = matmul(normed, weight(WIDTH, WIDTH))
    key = matmul(normed, weight(WIDTH, WIDTH))
    value = matmul(normed, weight(WIDTH, WIDTH))
    turned = model.op("Transpose", "aten.t.default", np.transpose, key)
    scores = matmul(query, turned)
    scaled = model.op(
        "Mul",
        "aten.mul.Tensor",
        np.multiply,
        scores,
        HEAD_SCALE,
        wrong=(lambda a, scale: a * scale * scale) if wrong else None,
    )
    shares = model.op("SoftmaxV2", "aten._softmax.default", _softmax, scaled, -1, False)
    mixed = matmul(matmul(shares, value), weight(WIDTH, WIDTH))
    x = model.op("Add", "aten.add.Tensor", np.add, x, mixed)
    up = matmul(x, weight(WIDTH, 4 * WIDTH))
    hidden = model.op("Add", "aten.add.Tensor", np.add, up, bias)
    hidden = model.op("Relu", "aten.relu.default", lambda a: np.maximum(a, 0), hidden, fuse=True)
    down = matmul(hidden, weight(4 * WIDTH, WIDTH))
    return model.op("Add", "aten.add.Tensor", np.add, x, down)


def _patches(image: Any, kernel: Any) -> Any:
    """A convolution whose windows do not overlap."""
    n, c, h, w = image.shape
    windows = image.reshape(n, c, h // 4, 4, w // 4, 4)
    return np.einsum("nchiwj,kcij->nkhw", windows, kernel)


def _rms_norm(x: Any, gain: Any, epsilon: float) -> Any:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * gain


def _softmax(x: Any, axis: int, _half_to_float: bool) -> Any:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
