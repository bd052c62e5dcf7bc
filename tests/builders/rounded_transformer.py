"""A decoder in numpy that rounds what each operator returns to a dtype, with faults to inject."""

from collections.abc import Callable, Sequence

import ml_dtypes
import numpy as np

HEADS = 4
ROUND = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
Fault = Callable[[np.ndarray], np.ndarray]


def _drop_head(x: np.ndarray) -> np.ndarray:
    kept = np.ones(x.shape[-1])
    kept[: x.shape[-1] // HEADS] = 0
    return x * kept


def _saturate(x: np.ndarray) -> np.ndarray:
    top = np.quantile(np.abs(x), 0.95)
    return np.clip(x, -top, top)


FAULTS: dict[str, Fault] = {
    "bias": lambda x: x + 0.08 * np.sqrt((x**2).mean()),
    "transposed": lambda x: x.reshape(-1, x.shape[-1]).T.reshape(x.shape),
    "dropped head": _drop_head,
    "saturation": _saturate,
    "stale input": lambda x: np.roll(x, 1, 0),
    "swapped weights": lambda x: np.roll(x, 1, -1),
}


class Transformer:
    """`layers` layers of `width`; the same weights for every run."""

    def __init__(self, seed: int, layers: int, width: int = 96, tokens: int = 20) -> None:
        rng = np.random.default_rng(seed)
        shapes = dict.fromkeys(("q", "k", "v", "o"), (width, width))
        shapes |= {"gate": (width, 2 * width), "up": (width, 2 * width), "down": (2 * width, width)}
        self.weights = [
            {name: rng.standard_normal(shape) / shape[0] ** 0.5 for name, shape in shapes.items()}
            for _ in range(layers)
        ]
        self.input = rng.standard_normal((tokens, width))

    def run(
        self, dtype: str, fault: tuple[str, Fault] | None = None, mask_shift: int | None = None
    ) -> list[tuple[str, np.ndarray]]:
        """Name and output of each operator in order. `fault` changes the output of the one so named
        before it is rounded; in layer `mask_shift` a token sees the next one."""
        outputs: list[tuple[str, np.ndarray]] = []

        def put(name: str, value: np.ndarray) -> np.ndarray:
            if fault and fault[0] == name:
                value = fault[1](value)
            outputs.append((name, value.astype(np.float32).astype(ROUND[dtype])))
            return outputs[-1][1].astype(np.float64)

        def weight(layer: int, name: str) -> np.ndarray:
            rounded = self.weights[layer][name].astype(np.float32).astype(ROUND[dtype])
            return rounded.astype(np.float64)

        hidden = self.input.astype(np.float32).astype(ROUND[dtype]).astype(np.float64)
        for layer in range(len(self.weights)):
            hidden = _attention(hidden, layer, put, weight, layer == mask_shift)
            hidden = _mlp(hidden, layer, put, weight)
        return outputs


def _norm(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)


def _attention(hidden, layer: int, put, weight, sees_next: bool) -> np.ndarray:
    tokens, width = hidden.shape
    normed = put(f"{layer}.norm1", _norm(hidden))
    q, k, v = (put(f"{layer}.{name}", normed @ weight(layer, name)) for name in "qkv")
    heads = [x.reshape(tokens, HEADS, width // HEADS) for x in (q, k, v)]
    scores = np.einsum("thd,shd->hts", heads[0], heads[1]) / (width // HEADS) ** 0.5
    scores = put(f"{layer}.scores", scores)
    seen = np.tril(np.ones((tokens, tokens)), int(sees_next)) > 0
    weights = np.exp(np.where(seen, scores, -np.inf) - scores.max(-1, keepdims=True))
    weights = put(f"{layer}.softmax", weights / weights.sum(-1, keepdims=True))
    context = np.einsum("hts,shd->thd", weights, heads[2]).reshape(tokens, width)
    context = put(f"{layer}.context", context)
    return put(f"{layer}.add1", hidden + put(f"{layer}.o", context @ weight(layer, "o")))


def _mlp(hidden, layer: int, put, weight) -> np.ndarray:
    normed = put(f"{layer}.norm2", _norm(hidden))
    gate, up = (put(f"{layer}.{name}", normed @ weight(layer, name)) for name in ("gate", "up"))
    active = put(f"{layer}.silu", gate / (1 + np.exp(-gate)) * up)
    return put(f"{layer}.add2", hidden + put(f"{layer}.down", active @ weight(layer, "down")))


def places(layers: int, operators: Sequence[str]) -> list[str]:
    """Those operators of the first, the middle and the last layer."""
    return [f"{layer}.{name}" for layer in (0, layers // 2, layers - 1) for name in operators]
