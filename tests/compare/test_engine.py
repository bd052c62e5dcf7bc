import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trueness.compare import open_files
from trueness.compare.engine import BATCH, FEW, compare_pairs
from trueness.compare.files import compare_files
from trueness.errors import UsageError
from trueness.model import Pair, Result, State, TensorRef, Unmatched

VALUES = np.linspace(-1, 1, 12, dtype=np.float32)


def saved(folder: Path, name: str, values: np.ndarray) -> TensorRef:
    np.save(folder / name, values)
    return TensorRef(str(folder / f"{name}.npy"), op_name=name)


def one(tmp_path: Path, golden: np.ndarray, my: np.ndarray, **options: object) -> Result:
    pair = Pair(saved(tmp_path, "golden", golden), saved(tmp_path, "my", my), "by hand")
    (result,) = compare_pairs([pair], **options)
    return result


def test_results_come_in_order(tmp_path: Path) -> None:
    refs = [saved(tmp_path, f"t{i}", VALUES + i) for i in range(5 * BATCH)]
    pairs = [Pair(ref, ref, "itself") for ref in refs]
    results = list(compare_pairs(pairs, jobs=3))
    assert [result.my.op_name for result in results] == [ref.op_name for ref in refs]
    assert all(result.passed and result.state is State.OK for result in results)


def test_work_in_flight_is_bounded(tmp_path: Path) -> None:
    """Names of a million pairs must not be made before the first is compared."""
    ref = saved(tmp_path, "t", VALUES)
    taken = 0

    def pairs() -> Iterator[Pair]:
        nonlocal taken
        for taken in range(100_000):  # noqa: B007 - read outside
            yield Pair(ref, ref, "itself")

    results = compare_pairs(pairs(), jobs=2)
    next(results)
    assert taken < 10 * FEW
    for done in range(2000):
        next(results)
        assert taken < done + 10 * BATCH
    results.close()


def test_stopping_early_leaves_no_thread(tmp_path: Path) -> None:
    ref = saved(tmp_path, "t", VALUES)
    results = compare_pairs([Pair(ref, ref, "itself")] * 1000, jobs=2)
    next(results)
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("trueness")]


def test_an_interrupt_while_pairing_leaves_no_thread(tmp_path: Path) -> None:
    ref = saved(tmp_path, "t", VALUES)

    def pairs() -> Iterator[Pair]:
        yield from [Pair(ref, ref, "itself")] * 100
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(compare_pairs(pairs(), jobs=2))
    assert not [t for t in threading.enumerate() if t.name.startswith("trueness")]


def test_failures_are_rows_among_the_others(tmp_path: Path) -> None:
    good = saved(tmp_path, "good", VALUES)
    missing = TensorRef(str(tmp_path / "missing.npy"))
    broken = tmp_path / "broken.npy"
    broken.write_bytes((tmp_path / "good.npy").read_bytes()[:-8])
    text = tmp_path / "text"
    text.write_text("no tensor")
    pairs = [
        Pair(good, good, "itself"),
        Pair(good, missing, "by hand"),
        Pair(TensorRef(str(broken)), good, "by hand"),
        Pair(good, TensorRef(str(text)), "by hand"),
        Pair(good, TensorRef(good.path, member=("input", 3)), "by hand"),
        Pair(good, good, "itself"),
    ]
    results = list(compare_pairs(pairs, jobs=2))
    states = [result.state for result in results]
    assert states == [State.OK, *[State.UNREADABLE] * 4, State.OK]
    for result, path in zip(
        results[1:5], (missing.path, str(broken), str(text), good.path), strict=True
    ):
        assert path in result.reason
        assert result.passed is False
        assert result.verdict == "not compared"
    assert "input:3" in results[4].reason


def test_unmatched_are_rows() -> None:
    ref = TensorRef("x")
    rows = [Unmatched(ref, None, "alone"), Unmatched(None, ref, "a number", expected=True)]
    golden, my = compare_pairs(rows)
    assert (golden.state, golden.passed, golden.reason) == (State.UNMATCHED_GOLDEN, False, "alone")
    assert (my.state, my.passed, my.verdict) == (State.UNMATCHED_MY, None, "")


@pytest.mark.parametrize(
    ("golden", "my", "state", "passed"),
    [
        (VALUES, VALUES, State.OK, True),
        (VALUES, VALUES * 1.5, State.OK, False),
        (VALUES, VALUES[:6], State.SHAPE_MISMATCH, False),
        (VALUES.reshape(3, 4), VALUES.reshape(4, 3), State.SHAPE_MISMATCH, False),
        (VALUES.reshape(3, 4), VALUES.reshape(1, 3, 4, 1), State.OK, True),
        (VALUES[:0], VALUES[:0], State.EMPTY, True),
        (VALUES[:0], VALUES, State.SHAPE_MISMATCH, False),
        (VALUES * 0, VALUES, State.ZERO_GOLDEN, False),
        (VALUES * 0, VALUES * 0, State.ZERO_GOLDEN, True),
        (VALUES, np.where(VALUES > 0.9, np.nan, VALUES), State.NONFINITE_MY, False),
        (np.where(VALUES > 0.9, np.inf, VALUES), VALUES, State.NONFINITE_GOLDEN, False),
    ],
)
def test_states(
    tmp_path: Path, golden: np.ndarray, my: np.ndarray, state: State, passed: bool
) -> None:
    result = one(tmp_path, golden.astype(np.float32), my.astype(np.float32))
    assert (result.state, result.passed) == (state, passed)
    assert bool(result.reason) is not (passed and golden.shape == my.shape and golden.size > 0)
    assert bool(result.metrics) is (state.compared and golden.size > 0)


def test_nonfinite_values_have_to_agree_in_place_and_kind(tmp_path: Path) -> None:
    first, last = VALUES.copy(), VALUES.copy()
    first[0] = last[-1] = np.nan
    assert one(tmp_path, first, first).passed
    moved = one(tmp_path, first, last)
    assert (moved.state, moved.passed) == (State.NONFINITE_BOTH, False)
    other = first.copy()
    other[0] = np.inf
    assert not one(tmp_path, first, other).passed


def test_shapes_that_differ_are_named(tmp_path: Path) -> None:
    result = one(tmp_path, VALUES.reshape(3, 4), VALUES.reshape(4, 3))
    assert result.reason == "golden shape [3, 4], my shape [4, 3]"
    squeezed = one(tmp_path, VALUES.reshape(3, 4), VALUES.reshape(3, 1, 4))
    assert squeezed.passed
    assert "[3, 4] and [3, 1, 4]" in squeezed.reason


def test_a_huge_pair_is_the_same_as_a_small_one(tmp_path: Path, monkeypatch) -> None:
    values = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    small = one(tmp_path, values, values * 1.001)
    monkeypatch.setattr(sys.modules[compare_files.__module__], "HUGE", 1)
    assert one(tmp_path, values, values * 1.001, threads=2) == small


def test_files_of_several_tensors_are_compared_by_their_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "g.npz", a=VALUES, b=VALUES, only_g=VALUES)
    np.savez(tmp_path / "m.npz", b=VALUES, a=VALUES * 2, only_m=VALUES)
    results = compare_files(tmp_path / "g.npz", tmp_path / "m.npz")
    found = {
        (r.golden.member if r.golden else None, r.my.member if r.my else None): r for r in results
    }
    assert set(found) == {("a", "a"), ("b", "b"), ("only_g", None), (None, "only_m")}
    assert found["b", "b"].passed
    assert not found["a", "a"].passed
    assert found["only_g", None].state is State.UNMATCHED_GOLDEN
    assert found[None, "only_m"].state is State.UNMATCHED_MY


def test_chosen_metrics_only(tmp_path: Path) -> None:
    result = one(tmp_path, VALUES, VALUES, metrics=["rmse"])
    assert "rmse" in result.metrics
    assert "cosine_similarity" not in result.metrics
    assert result.passed


@pytest.mark.parametrize(
    "options", [{"metrics": "speed"}, {"standard": "hope"}, {"jobs": 0}], ids=str
)
def test_wrong_options_are_refused_at_once(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        compare_pairs([], **options)


def test_open_files_are_few_and_opened_once(tmp_path: Path, monkeypatch) -> None:
    refs = [saved(tmp_path, f"t{i}", VALUES) for i in range(6)]
    opened = []
    real = open_files.read.open_file
    monkeypatch.setattr(open_files.read, "open_file", lambda p: opened.append(p) or real(p))
    files = open_files.OpenFiles(capacity=4)
    for ref in (refs[0], refs[0], *refs, refs[5], refs[0]):
        files.tensors(ref.path)
    assert opened == [refs[0].path, *(ref.path for ref in refs[1:]), refs[0].path]


def test_nothing_stays_open(tmp_path: Path) -> None:
    refs = [saved(tmp_path, f"t{i}", VALUES) for i in range(20)]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    list(compare_pairs([Pair(ref, ref, "itself") for ref in refs]))
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
