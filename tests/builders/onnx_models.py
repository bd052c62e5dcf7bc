"""Small ONNX models made in code: a residual CNN and a transformer encoder."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STATISTICS = {"scale": 1, "bias": 0.1, "mean": 0.2, "var": 2}


class Builder:
    """Nodes and weights as they are added; `add` returns the name of the output."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(seed)

    def add(self, op: str, inputs: Sequence[str], name: str, **attributes: object) -> str:
        node = helper.make_node(op, inputs, [f"{name}_out"], name, **attributes)
        self.nodes.append(node)
        return f"{name}_out"

    def weight(self, name: str, shape: Sequence[int], scale: float = 0.0) -> str:
        scale = scale or 1 / np.sqrt(np.prod(shape[1:]) or 1)
        values = self.random.standard_normal(shape) * scale
        return self.constant(name, values.astype(np.float32))

    def constant(self, name: str, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def model(
        self, given: Sequence[object], result: str, shape: Sequence[object]
    ) -> onnx.ModelProto:
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "model",
            [info("x", TensorProto.FLOAT, given)],
            [info(result, TensorProto.FLOAT, shape)],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def cnn(size: int = 16, width: int = 8, blocks: int = 2) -> onnx.ModelProto:
    """Convolutions with batch normalisation, Relu and shortcuts; input [1, 3, size, size]."""
    b = Builder(1)

    def conv(x: str, name: str, inner: int, outer: int) -> str:
        y = b.add("Conv", [x, b.weight(f"{name}_w", (outer, inner, 3, 3))], name, pads=[1] * 4)
        ones = np.ones(outer, np.float32)
        norm = [b.constant(f"{name}_{k}", ones * v) for k, v in STATISTICS.items()]
        return b.add("BatchNormalization", [y, *norm], f"{name}_bn")

    x = b.add("Relu", [conv("x", "stem", 3, width)], "stem_relu")
    for block in range(blocks):
        y = b.add("Relu", [conv(x, f"block{block}_a", width, width)], f"block{block}_relu")
        y = b.add("Add", [conv(y, f"block{block}_b", width, width), x], f"block{block}_add")
        x = b.add("Relu", [y], f"block{block}_out")
    pooled = b.add("GlobalAveragePool", [x], "pool")
    flat = b.add("Flatten", [pooled], "flatten")
    result = b.add("Gemm", [flat, b.weight("fc_w", (width, 10)), b.weight("fc_b", (10,))], "fc")
    return b.model([1, 3, size, size], result, [1, 10])


def encoder(tokens: object = 8, width: int = 32, layers: int = 2) -> onnx.ModelProto:
    """Single-head attention and a gated MLP; input [1, tokens, width], `tokens` may be a name."""
    b = Builder(2)
    x = "x"
    for layer in range(layers):
        at = f"layer{layer}"
        ones = [
            b.constant(f"{at}_{k}", np.full(width, v, np.float32)) for k, v in (("g", 1), ("c", 0))
        ]
        normed = b.add("LayerNormalization", [x, *ones], f"{at}_norm")
        q, k, v = (
            b.add("MatMul", [normed, b.weight(f"{at}_w{n}", (width, width))], f"{at}_{n}")
            for n in "qkv"
        )
        turned = b.add("Transpose", [k], f"{at}_kt", perm=[0, 2, 1])
        scores = b.add("MatMul", [q, turned], f"{at}_scores")
        scale = b.constant(f"{at}_scale", np.float32(width**-0.5))
        shares = b.add("Softmax", [b.add("Mul", [scores, scale], f"{at}_scaled")], f"{at}_softmax")
        context = b.add("MatMul", [shares, v], f"{at}_context")
        x = b.add("Add", [x, context], f"{at}_add")
        up = b.add("MatMul", [x, b.weight(f"{at}_up", (width, 2 * width))], f"{at}_up")
        gated = b.add("Mul", [up, b.add("Sigmoid", [up], f"{at}_gate")], f"{at}_silu")
        down = b.add("MatMul", [gated, b.weight(f"{at}_down", (2 * width, width))], f"{at}_down")
        x = b.add("Add", [x, down], f"{at}_out")
    return b.model([1, tokens, width], x, [1, tokens, width])
