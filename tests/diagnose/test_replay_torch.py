"""An operator run again alone: what is its own, what it inherited, and when nothing can be said."""

from pathlib import Path

import numpy as np
import pytest

from trueness.diagnose.operators import by_operator
from trueness.diagnose.replay import replay
from trueness.diagnose.replayed import Replay
from trueness.model import Pair, Statistics, TensorRef, Unmatched

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

RANDOM = np.random.default_rng(3)
A = RANDOM.standard_normal((16, 32)).astype(np.float32)
B = RANDOM.standard_normal((32, 8)).astype(np.float32)


def bf16(array: np.ndarray) -> np.ndarray:
    return torch.from_numpy(np.ascontiguousarray(array)).bfloat16().float().numpy()


class Recorded:
    """An operator as a dump has it: golden and my arrays by argument and output."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.target = target
        self.items: list[Pair | Unmatched] = []

    def ref(self, side: str, io: str, index: int, array, nested=(), **more) -> TensorRef:
        path = self.folder / f"{side}.{io}.{index}.{'.'.join(map(str, nested))}.npy"
        np.save(path, np.asarray(array))
        return TensorRef(
            str(path),
            op_name="op",
            op_type=self.target if side == "golden" else "GeType",
            io=io,
            index=index,
            nested=nested,
            **more,
        )

    def pair(self, io: str, index: int, golden, my=None, nested=()) -> "Recorded":
        theirs = self.ref("golden", io, index, golden, nested)
        mine = self.ref("my", io, index, golden if my is None else my, nested)
        self.items.append(Pair(theirs, mine, "test"))
        return self

    def scalar(self, index: int, value) -> "Recorded":
        ref = self.ref("golden", "input", index, value)
        self.items.append(Unmatched(ref, None, "a Python number", expected=True))
        return self

    def replay(self, **more) -> Replay:
        return replay(self.items, **more)


@pytest.fixture
def record(tmp_path):
    return lambda target: Recorded(tmp_path, target)


def matmul(record, my_a=A, my_out=None) -> Recorded:
    out = bf16(my_a @ B) if my_out is None else my_out
    made = record("aten.mm.default").pair("input", 0, A, my_a).pair("input", 1, B)
    return made.pair("output", 0, A @ B, out)


def test_rounding_alone_clears_an_operator(record):
    found = matmul(record).replay()
    assert found.cleared
    assert 0 < found.own < 2**-8
    assert found.inherited == 0
    assert found.sentence.startswith("cleared: alone it is off by")


def test_what_inputs_bring_is_not_the_operators_own(record):
    found = matmul(record, my_a=bf16(A * 1.5)).replay()
    assert found.cleared
    assert found.inherited == pytest.approx(0.5, rel=0.02)


def test_half_a_percent_is_seen_beside_the_rounding_of_bfloat16(record):
    found = matmul(record, my_out=bf16(A @ B * np.float32(1.005))).replay()
    assert not found.cleared
    assert found.own == pytest.approx(0.005, rel=0.2)


def test_what_is_its_own_stays(record):
    found = matmul(record, my_out=bf16(A @ B) * np.float32(1.25)).replay()
    assert not found.cleared
    assert found.own == pytest.approx(0.25, rel=0.02)
    assert found.sentence == "alone it is off by 2.5e-01, its inputs account for 0.0e+00"


def test_an_exact_operator_is_said_to_be_exact(record):
    made = record("aten.relu.default").pair("input", 0, A, A * 2)
    found = made.pair("output", 0, np.maximum(A, 0), np.maximum(A * 2, 0)).replay()
    assert found.own == 0
    assert "alone it is exact" in found.sentence


def test_numbers_and_lists_among_the_arguments(record):
    expected = A.sum(axis=1, keepdims=True)
    made = record("aten.sum.dim_IntList").pair("input", 0, A)
    found = made.scalar(1, np.array([1])).scalar(2, True).pair("output", 0, expected).replay()
    assert not found.problem
    assert found.cleared


def test_a_list_of_tensors(record):
    made = (
        record("aten.cat.default")
        .pair("input", 0, A, nested=(0,))
        .pair("input", 0, A * 2, A * 3, nested=(1,))
    )
    made.scalar(1, 1)
    out, mine = np.concatenate([A, A * 2], 1), np.concatenate([A, A * 3], 1)
    assert made.pair("output", 0, out, mine).replay().own == 0


def test_several_outputs_the_worst_counts(record):
    values, places = A.max(axis=1), A.argmax(axis=1)
    made = record("aten.max.dim").pair("input", 0, A).scalar(1, 1)
    found = made.pair("output", 0, values).pair("output", 1, places, places + 1).replay()
    assert found.own > 0.01


def test_a_keyword_that_no_dump_has_is_found_out(record):
    golden = A + 2 * A[::-1]
    made = record("aten.add.Tensor").pair("input", 0, A).pair("input", 1, A[::-1])
    found = made.pair("output", 0, golden).replay()
    assert "an attribute that was not dumped must differ from its default" in found.problem
    assert found.sentence.startswith("not replayable because")


def test_none_among_the_arguments(record):
    made = record("aten.native_layer_norm.default").pair("input", 0, A).scalar(1, [32])
    for index in (2, 3):
        ref = made.ref("golden", "input", index, 0)
        np.save(ref.path, np.array(None), allow_pickle=True)
        made.items.append(Unmatched(ref, None, "no tensor", expected=True))
    made.scalar(4, 1e-5)
    expected = torch.nn.functional.layer_norm(torch.from_numpy(A), [32]).numpy()
    assert made.pair("output", 0, expected).replay().cleared


def test_a_nan_of_its_own_is_never_cleared(record):
    broken = A @ B
    broken[0, 0] = np.nan
    found = matmul(record, my_out=broken).replay()
    assert found.own == np.inf
    assert not found.cleared


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("aten.dropout.default", "not among the operators"),
        ("aten.copy_.default", "not among the operators"),
        ("aten.mm.nothing", "this torch has no"),
        ("aten.__class__.mro", "not among the operators"),
        ("aten.mm.__class__", "this torch has no"),
        ("Odd", "not an aten operator"),
        ("", "its type is not an aten operator"),
    ],
)
def test_only_known_pure_operators_run(record, target, why):
    made = record(target).pair("input", 0, A).pair("output", 0, A)
    assert why in made.replay().problem


def test_what_is_missing_is_said(record):
    made = matmul(record)
    made.items[0] = Unmatched(made.items[0].golden, None, "my dump has none")
    assert "my input 0 was not dumped" in made.replay().problem
    assert "argument self was not dumped" in replay(made.items[1:]).problem
    assert "none of its outputs" in replay(made.items[1:2]).problem
    assert "on one side only" in replay(made.items[:1]).problem


def test_a_file_that_cannot_be_read_is_a_reason(record):
    made = matmul(record)
    Path(made.items[0].my.path).write_bytes(b"nothing")
    assert made.items[0].my.path in made.replay().problem


def test_memory_is_bounded(record):
    assert "more than 1,000" in matmul(record).replay(limit=1000).problem


def test_outputs_of_another_size_are_never_allocated(record):
    made = record("aten.repeat.default").pair("input", 0, A).scalar(1, np.array([1 << 40, 1 << 10]))
    assert "when replayed" in made.pair("output", 0, A).replay().problem


def test_statistics_cannot_be_run(record):
    made = matmul(record)
    ref = made.ref("my", "input", 0, A, statistics=Statistics(max_value=1.0))
    made.items[0] = Pair(made.items[0].golden, ref, "test")
    assert "only statistics" in made.replay().problem


def test_a_fused_operator_is_not_guessed(record):
    made = matmul(record)
    other = TensorRef(made.items[0].golden.path, op_name="other", op_type="aten.relu.default")
    made.items.append(Pair(other, made.items[0].my, "test"))
    assert "2 golden operators in one" in made.replay().problem


def test_items_are_grouped_by_my_operator_with_the_arguments_that_only_golden_has(record):
    made = record("aten.sum.dim_IntList").pair("input", 0, A).scalar(1, np.array([1]))
    stray = Unmatched(TensorRef("x", op_name="elsewhere"), None, "alone")
    assert by_operator([*made.items, stray]) == {(None, None, "", "op"): made.items}
