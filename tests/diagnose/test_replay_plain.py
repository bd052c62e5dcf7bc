"""Operators run again by numpy: golden tells what they compute, to which mine is held."""

import math
from pathlib import Path

import numpy as np
import pytest

from trueness.diagnose.plain_operators import ways_of
from trueness.diagnose.replay import BYTES, replay
from trueness.diagnose.replayed import Replay
from trueness.model import Pair, Statistics, TensorRef, Unmatched

RANDOM = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def conv(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """3 x 3, a frame of zeros, one image of several channels."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(kernel), *x.shape[1:]))
    for row in range(3):
        for column in range(3):
            part = padded[:, row : row + x.shape[1], column : column + x.shape[2]]
            out += np.tensordot(kernel[:, :, row, column], part, (1, 0))
    return out


def gelu(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))


GAIN, OFFSET = draw(16), draw(16)
TABLE = {
    "Add": (lambda a, b: a + b, (12, 16), (12, 16)),
    "aten.add.Tensor": (lambda a, b: a + b, (12, 16), (16,)),
    "Sub": (lambda a, b: a - b, (12, 16), (12, 16)),
    "BiasAdd": (lambda a: a + OFFSET, (12, 16)),
    "Mul": (lambda a, b: a * b, (12, 16), (12, 1)),
    "RealDiv": (lambda a, b: a / b, (12, 16), (12, 1)),
    "aten.gelu.default": (gelu, (12, 16)),
    "Muls": (lambda a: a * 0.25, (12, 16)),
    "MatMulV2": (lambda a, b: a @ b, (12, 16), (16, 8)),
    "aten.mm.default": (lambda a, b: a.T @ b, (16, 12), (16, 8)),
    "BatchMatMulV2": (lambda a, b: a @ b.swapaxes(-1, -2), (3, 12, 16), (3, 8, 16)),
    "aten.addmm.default": (lambda c, a, b: a @ b + c, (8,), (12, 16), (16, 8)),
    "QuantBatchMatmulV3": (lambda a, b: (a @ b) * np.arange(1, 9), (12, 16), (16, 8)),
    "SoftmaxV2": (softmax, (12, 16)),
    "LayerNormV3": (lambda a: layer_norm(a) * GAIN + OFFSET, (12, 16)),
    "aten.rms_norm.default": (lambda a: a / np.sqrt((a * a).mean(-1, keepdims=True)), (12, 16)),
    "BatchNorm": (lambda a: a * GAIN[:3, None, None] + 1, (3, 8, 8)),
    "Conv2D": (conv, (3, 8, 8), (4, 3, 3, 3)),
    "Relu": (lambda a: np.maximum(a, 0), (12, 16)),
    "Swish": (lambda a: a / (1 + np.exp(-a)), (12, 16)),
    "aten.sigmoid.default": (lambda a: 1 / (1 + np.exp(-a)), (12, 16)),
    "Tanh": (np.tanh, (12, 16)),
    "TransposeD": (lambda a: a.T, (12, 16)),
    "ReduceMean": (lambda a: a.mean((1, 2)), (12, 4, 4)),
    "MaxPoolV3": (lambda a: a.reshape(3, 4, 2, 4, 2).max((2, 4)), (3, 8, 8)),
}
"""By type: what it computes here, and the shapes of what it reads."""


class Recorded:
    """An operator as two dumps have it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.items: list[Pair | Unmatched] = []

    def ref(self, side: str, io: str, index: int, array, name: str = "op", kind: str = ""):
        path = self.folder / f"{side}.{name}.{io}.{index}.npy"
        np.save(path, array)
        return TensorRef(str(path), op_name=name, op_type=kind or self.kind, io=io, index=index)

    def pair(self, io: str, index: int, golden, my, name: str = "op", kind: str = ""):
        theirs = self.ref("golden", io, index, golden, name, kind)
        self.items.append(Pair(theirs, self.ref("my", io, len(self.items), my), "test"))
        return self


def recorded(folder: Path, kind: str, spoil=lambda x: x) -> Recorded:
    """My inputs are off by noise, and what I make of them is spoilt."""
    function, *shapes = TABLE[kind]
    golden = [draw(*shape) for shape in shapes]
    my = [(x * (1 + 1e-3 * draw(*x.shape))).astype(np.float32) for x in golden]
    made = Recorded(folder, kind)
    for at, (theirs, mine) in enumerate(zip(golden, my, strict=True)):
        made.pair("input", at, theirs, mine)
    outputs = (np.asarray(function(*side), np.float32) for side in (golden, my))
    theirs, mine = outputs
    return made.pair("output", 0, theirs, np.asarray(spoil(mine), np.float32))


@pytest.mark.parametrize("kind", TABLE)
def test_an_operator_is_cleared_though_its_inputs_are_off(kind: str, tmp_path: Path) -> None:
    found = replay_without_torch(recorded(tmp_path, kind).items)
    assert found.problem == ""
    assert found.cleared
    assert found.inherited > 10 * found.own


@pytest.mark.parametrize("kind", TABLE)
def test_half_a_percent_is_seen(kind: str, tmp_path: Path) -> None:
    found = replay_without_torch(recorded(tmp_path, kind, lambda x: x * 1.005).items)
    assert not found.problem
    assert not found.cleared
    assert found.own == pytest.approx(5e-3, rel=0.05)


def replay_without_torch(items: list[Pair | Unmatched]) -> Replay:
    from trueness.compare.open_files import OpenFiles
    from trueness.diagnose.replay_plain import replay_plain

    return replay_plain(items, OpenFiles(), BYTES)


def problem_of(items: list[Pair | Unmatched]) -> str:
    return replay(items).problem


def test_what_a_type_computes_is_not_guessed_where_golden_differs(tmp_path: Path) -> None:
    made = Recorded(tmp_path, "Add").pair("input", 0, draw(4, 4), draw(4, 4))
    made.pair("input", 1, draw(4, 4), draw(4, 4)).pair("output", 0, draw(4, 4), draw(4, 4))
    assert "nothing its type may compute makes golden's output" in problem_of(made.items)


def test_a_type_that_is_not_known(tmp_path: Path) -> None:
    assert ways_of("MoeGatingTopK") is None
    x = draw(4, 4)
    made = Recorded(tmp_path, "Odd").pair("input", 0, x, x).pair("output", 0, x, x)
    assert "Odd is not an aten operator" in problem_of(made.items)


def times_hundred(folder: Path, mine: np.ndarray) -> Replay:
    """Of values up to 1000, so that half precision cannot hold the result."""
    x, factor = np.linspace(-1000, 1000, 64), np.full(64, 100.0)
    made = Recorded(folder, "Mul").pair("input", 0, x, x).pair("input", 1, factor, factor)
    return replay_without_torch(made.pair("output", 0, x * factor, mine).items)


def test_what_is_too_large_for_its_dtype_is_not_rounding(tmp_path: Path) -> None:
    exact = np.linspace(-100_000, 100_000, 64)
    with np.errstate(over="ignore"):
        overflown = times_hundred(tmp_path, exact.astype(np.float16))
    assert overflown.own == math.inf
    assert not overflown.cleared
    # Float32 that has no more bits than half precision, and a greater range.
    short = (exact.astype(np.float32).view(np.uint32) & 0xFFFFE000).view(np.float32)
    assert not times_hundred(tmp_path, short * np.float32(1.25)).cleared
    assert times_hundred(tmp_path, short).noise < 1e-2


def fused(folder: Path, spoil: float, between: bool = True) -> list[Pair | Unmatched]:
    """relu(a @ b + c): mine as one operator, golden as three."""
    golden = draw(12, 16), draw(16, 8), draw(12, 8)
    my = [x + 1e-3 * draw(*x.shape) for x in golden]
    made = Recorded(folder, "AutomaticBufferFusionOp")
    parts = (("MatMul_1", "MatMulV2", 0), ("MatMul_1", "MatMulV2", 1), ("Add_1", "Add", 1))
    for (name, kind, at), theirs, mine in zip(parts, golden, my, strict=True):
        made.pair("input", at, theirs, mine, name, kind)
    product = golden[0] @ golden[1]
    if between:
        for name, kind, inner in (
            ("MatMul_1", "MatMulV2", product),
            ("Add_1", "Add", product + golden[2]),
        ):
            ref = made.ref("golden", "output", 0, inner, name, kind)
            made.items.append(Unmatched(ref, None, "inside a fused operator", expected=True))
    theirs = np.maximum(product + golden[2], 0)
    mine = np.maximum(my[0] @ my[1] + my[2], 0) * np.float32(spoil)
    return made.pair("output", 0, theirs, mine, "Relu_1", "Relu").items


def test_a_fused_operator_goes_through_its_golden_parts(tmp_path: Path) -> None:
    assert replay(fused(tmp_path, 1.0)).cleared
    spoilt = replay(fused(tmp_path, 1.005))
    assert not spoilt.cleared
    assert spoilt.own == pytest.approx(5e-3, rel=0.05)


def test_a_fused_operator_whose_inside_was_not_dumped(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="what lies between is not dumped"):
        replay_without_torch(fused(tmp_path, 1.0, between=False))


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (((1, 40_000), (40_000, 1), (4,)), "Add"),
        (((1, 40_000), (40_000, 1), (4,)), "Mul"),
        (((40_000, 1), (1, 40_000), (4,)), "MatMulV2"),
        (((1, 1, 4), (4, 1, 3, 3), (4, 1, 1)), "Conv2D"),
        (((4, 4), (0,)), "Relu"),
        (((7,), (3, 5, 2)), "MaxPoolV3"),
        (((7,), (3, 5, 2)), "ReduceMean"),
        (((7,), ()), "SoftmaxV2"),
        (((3, 4), (5,)), "LayerNormV3"),
        (((3, 4), (5,)), "BatchNorm"),
        (((3, 4), (5,)), "TransposeD"),
    ],
)
def test_shapes_that_do_not_go_together_are_refused(shapes, kind: str, tmp_path: Path) -> None:
    *inputs, output = shapes
    made = Recorded(tmp_path, kind)
    for at, shape in enumerate(inputs):
        made.pair("input", at, draw(*shape), draw(*shape))
    assert problem_of(made.pair("output", 0, draw(*output), draw(*output)).items)


def test_nan_and_infinity_are_no_way_out(tmp_path: Path) -> None:
    x = np.array([[1, np.nan, np.inf, 2]], np.float32)
    made = Recorded(tmp_path, "Muls").pair("input", 0, x, x).pair("output", 0, x * 2, x * 2)
    assert problem_of(made.items)


def test_statistics_and_too_much_are_refused(tmp_path: Path) -> None:
    from trueness.compare.open_files import OpenFiles
    from trueness.diagnose.replay_plain import replay_plain

    items = recorded(tmp_path, "Add").items
    with pytest.raises(Exception, match="bytes in float64"):
        replay_plain(items, OpenFiles(), 1000)
    ref = TensorRef("none", op_name="op", op_type="Add", io="input", statistics=Statistics())
    with pytest.raises(Exception, match="only statistics"):
        replay_plain([Pair(ref, ref, ""), *items[2:]], OpenFiles(), BYTES)
