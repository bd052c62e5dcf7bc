"""Same bits on every ISA, thread count and chunking; sums merge and pickle."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from trueness import _core
from trueness.model import Metrics

N = 3 * 262144 + 12345


@pytest.fixture(autouse=True)
def best_isa() -> Iterator[None]:
    chosen = _core.isa()
    yield
    _core.use_isa(chosen)


def tensor(array: np.ndarray) -> _core.Tensor:
    return _core.Tensor.from_address(
        array.ctypes.data, array.nbytes, dtype=array.dtype.name, shape=array.shape, owner=array
    )


def sample(dtype: str, kind: str, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(len(kind))
    g = rng.standard_normal(n) * (40 if dtype.startswith("int") else 1)
    m = g * (1 + 1e-3 * rng.standard_normal(n))
    if kind == "far":
        m = rng.standard_normal(n) * (20 if dtype.startswith("int") else 3)
    if kind == "extreme" and dtype == "float64":
        g[::1001] *= 1e300
        m[::999] *= 1e-300
    golden, my = g.astype(dtype), m.astype(dtype)
    if kind == "masked":
        golden[::7] = -np.inf
        my[::7] = -np.inf
        my[5::1000] = np.nan
    return golden, my


KINDS = {
    "float32": ["near", "far", "masked"],
    "float16": ["near", "masked"],
    "float64": ["near", "far", "masked", "extreme"],
    "int8": ["near"],
    "int32": ["near"],
}
CASES = [(dtype, kind) for dtype, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize(("dtype", "kind"), CASES)
def test_same_bits_on_every_isa_and_thread_count(dtype: str, kind: str) -> None:
    golden, my = sample(dtype, kind)
    results = []
    for isa in _core.isas():
        _core.use_isa(isa)
        assert _core.isa() == isa
        for threads in (1, 2, 5):
            results.append(pickle.dumps(_core.compare(tensor(golden), tensor(my), threads=threads)))
    assert len(set(results)) == 1


def test_same_bits_in_place_and_gathered() -> None:
    golden, my = sample("float32", "near", 300_000)
    wide = np.zeros((300_000, 2), np.float32)
    wide[:, 0] = golden
    strided = _core.Tensor.from_address(
        wide.ctypes.data, wide.nbytes, dtype="float32", shape=(300_000,), strides=(8,), owner=wide
    )
    assert _core.compare(strided, tensor(my)) == _core.compare(tensor(golden), tensor(my))


@pytest.mark.parametrize(("dtype", "kind"), CASES)
def test_merged_parts_give_the_metrics_of_the_whole(dtype: str, kind: str) -> None:
    golden, my = sample(dtype, kind, 50_000)
    whole = _core.compare(tensor(golden), tensor(my)).finish()
    merged = None
    for start, end in [(0, 1), (1, 20_000), (20_000, 20_000), (20_000, 50_000)]:
        part = _core.compare(tensor(golden[start:end].copy()), tensor(my[start:end].copy()))
        merged = part if merged is None else _core.Sums.merge(merged, part)
    assert merged is not None
    # Other blocks, hence other groups of float quotients and other near or far weights.
    loose = {"mean_relative_error": (1e-6, 0.0), "kl_divergence": (1e-4, 1e-9)}
    for name, value in merged.finish().items():
        relative, absolute = loose.get(name, (1e-12, 1e-13))
        assert value == pytest.approx(whole[name], rel=relative, abs=absolute, nan_ok=True), name
    for name in ("max_absolute_index", "max_relative_index", "max_absolute_error", "finite_count"):
        assert merged.finish()[name] == whole[name]


def test_merging_with_nothing_changes_nothing() -> None:
    golden, my = sample("float32", "near", 1000)
    sums = _core.compare(tensor(golden), tensor(my))
    nothing = _core.compare(tensor(golden[:0]), tensor(my[:0]))
    assert _core.Sums.merge(sums, nothing) == sums == _core.Sums.merge(nothing, sums)


def test_pickle_round_trip_and_refusal() -> None:
    golden, my = sample("float32", "near", 1000)
    sums = _core.compare(tensor(golden), tensor(my))
    assert pickle.loads(pickle.dumps(sums)) == sums
    with pytest.raises(ValueError, match="another version"):
        _core.Sums.__new__(_core.Sums).__setstate__(b"short")


def test_cancelling_sums_keep_their_digits() -> None:
    g = np.array([3e38, 1, -3e38, 0.25], np.float32)
    assert _core.compare(tensor(g), tensor(g)).finish()["golden_mean_value"] == 0.3125


def test_unknown_isa_is_refused() -> None:
    with pytest.raises(ValueError, match="instruction set 'mmx'"):
        _core.use_isa("mmx")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TRUENESS_ISA", "baseline", "baseline"),
        ("TRUENESS_ISA", "abacus", "instruction set 'abacus'"),
        ("TRUENESS_THREADS", "many", "TRUENESS_THREADS must be a number"),
        ("TRUENESS_THREADS", "2", _core.isas()[-1]),
    ],
)
def test_environment_variables(variable: str, value: str, expected: str) -> None:
    code = (
        "import numpy as np\n"
        "from trueness import _core\n"
        "a = np.zeros(4, np.float32)\n"
        "t = _core.Tensor.from_address(a.ctypes.data, 16, dtype='float32', shape=(4,), owner=a)\n"
        "try:\n    _core.compare(t, t); print(_core.isa())\n"
        "except ValueError as error:\n    print(error)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRUENESS_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {variable: value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in done.stdout


def test_flush_to_zero_of_the_caller_does_not_matter() -> None:
    tiny = np.full(100, 1e-41, np.float32)
    doubled = tiny * np.float32(2)
    actual = _core.compare(tensor(tiny), tensor(doubled)).finish()
    assert actual["norm_ratio"] == pytest.approx(2, rel=1e-4)


def test_packed_metrics_are_those_by_name() -> None:
    golden, my = sample("float32", "near", 1000)
    sums = _core.compare(tensor(golden), tensor(my))
    unpacked = Metrics.unpacked(_core.METRIC_NAMES, sums.finish_packed())
    by_name = sums.finish()
    assert dict(unpacked.items()) == dict(unpacked) == by_name
    assert unpacked == Metrics(by_name)
    assert unpacked.pick(("count", "no such", "rmse"))[::2] == (1000, by_name["rmse"])
    assert unpacked.get("rmse") == by_name["rmse"]
    assert unpacked.get("no such", 7) == 7


@pytest.mark.parametrize(
    ("golden", "my", "ordinary"),
    [
        ([1, 0], [0, 0], True),
        ([0, -0.0], [1, 2], False),
        ([1, np.inf], [1, np.inf], False),
        ([1, 2], [1, np.nan], False),
        ([np.nan, 2], [1, 2], False),
        ([], [], False),
    ],
)
def test_ordinary_is_what_has_nothing_but_its_metrics(
    golden: list[float], my: list[float], ordinary: bool
) -> None:
    sides = [tensor(np.array(side, np.float32)) for side in (golden, my)]
    assert _core.compare(*sides).ordinary is ordinary
    assert not _core.compare(*sides, metrics=_core.METRIC_GROUPS["rmse"]).ordinary
