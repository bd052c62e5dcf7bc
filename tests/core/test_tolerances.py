"""What verdicts ask of single elements, against exact arithmetic, on every dtype pair."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.test_metrics import FLOATS, SIZES, array_tensor, pairs, tensor, values
from oracles import metrics as oracle
from trueness import _core

WITHIN = [(1e-5, 1e-3), (0.5, 0.0), (0.0, 0.0), (1e-8, 2.0**-7)]
SMALL = (2.0**-8, 2.0**-16)


def measure(
    golden: _core.Tensor, my: _core.Tensor, ulp: int | None = 2, threads: int = 1
) -> _core.Sums:
    asked = _core.Tolerances(
        WITHIN, errors=True, small_value=SMALL[0], small_error=SMALL[1], worst=True, ulp=ulp
    )
    return _core.compare(golden, my, threads=threads, tolerances=asked)


def check(golden: _core.Tensor, my: _core.Tensor) -> dict[str, float]:
    actual = measure(golden, my).tolerances()
    g, m = values(golden), values(my)
    expected = oracle.tolerances(g, m, WITHIN, *SMALL)
    for name, value in expected.items():
        if isinstance(value, tuple):
            assert value[0] <= actual[name] <= value[1], (name, actual[name], value)
        elif name == "normal_rmse" and not 1e-150 < value < 1e150:
            assert actual[name] >= 0  # squares leave the range of a double; documented
        elif value > 1e306:
            assert actual[name] >= 1e306
        else:
            assert actual[name] == pytest.approx(value, rel=1e-12, abs=1e-300), name
    if {golden.dtype, my.dtype} <= set(FLOATS):
        _, mantissa, least = min((FLOATS[golden.dtype], FLOATS[my.dtype]), key=lambda f: f[1])
        distances = oracle.ulp_distances(g, m, mantissa, least)
        if distances:
            n = len(distances)
            assert actual["mean_ulp_error"] == pytest.approx(sum(distances) / n, rel=1e-12)
            assert actual["ulp_outside_ratio"] == sum(d > 2 for d in distances) / n
    if not expected:
        assert all(math.isnan(value) for value in actual.values())
    return actual


@given(pairs())
def test_any_bytes_of_any_dtype_pair(pair: tuple[str, str, bytes, bytes]) -> None:
    golden, my, golden_data, my_data = pair
    shape = (len(golden_data) // SIZES[golden],)
    check(tensor(golden_data, golden, shape), tensor(my_data, my, shape))


@pytest.mark.parametrize("my", sorted(SIZES))
@pytest.mark.parametrize("golden", sorted(SIZES))
def test_every_dtype_pair(golden: str, my: str) -> None:
    rng = np.random.default_rng(len(golden) * 100 + len(my))
    n = 13
    check(
        tensor(rng.bytes(n * SIZES[golden]), golden, (n,)),
        tensor(rng.bytes(n * SIZES[my]), my, (n,)),
    )


floats = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(floats, floats), max_size=30))
def test_float64_of_any_magnitude(items: list[tuple[float, float]]) -> None:
    check(
        array_tensor(np.array([a for a, _ in items], np.float64)),
        array_tensor(np.array([b for _, b in items], np.float64)),
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "complex64"])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 33, 513])
def test_lengths_around_lanes_and_blocks(n: int, dtype: str) -> None:
    rng = np.random.default_rng(n)
    g = (rng.standard_normal(n) * (50 if dtype == "int8" else 1)).astype(dtype)
    m = (g + (g * 0.002 * rng.standard_normal(n)).astype(dtype)).astype(dtype)
    g[n // 2] = 0
    if dtype != "int8" and n > 8:
        g[n // 3], m[n // 4], m[-1] = np.nan, np.inf, np.nan
    check(array_tensor(g), array_tensor(m))


def test_a_block_and_more_against_numpy() -> None:
    rng = np.random.default_rng(3)
    g = rng.standard_normal(8195).astype(np.float32)
    m = g * (1 + 1e-3 * rng.standard_normal(g.size).astype(np.float32))
    actual = measure(array_tensor(g), array_tensor(m)).tolerances()
    wide, d = g.astype(np.float64), np.abs(m.astype(np.float64) - g)
    normal = np.abs(wide) >= SMALL[0]
    relative = d[normal] / (np.abs(wide[normal]) + 1e-7)
    for k, (atol, rtol) in enumerate(WITHIN):
        assert actual[f"outside_ratio_{k}"] == (d > atol + rtol * np.abs(wide)).mean()
    assert actual["small_value_count"] == (~normal).sum() > 0
    assert actual["small_error_count"] == (d[~normal] > SMALL[1]).sum()
    assert actual["mare"] == relative.max()
    assert actual["mere"] == pytest.approx(relative.mean(), rel=1e-12)
    assert actual["golden_at_max_absolute"] == wide[d.argmax()]


def test_whole_numbers_beyond_the_precision_of_a_double() -> None:
    g = np.array([2**62, 2**62 + 1, -(2**63)], np.int64)
    m = np.array([2**62 + 1, 2**62, 2**63 - 1], np.int64)
    actual = check(array_tensor(g), array_tensor(m))
    assert actual["outside_ratio_2"] == 1
    assert actual["error_balance"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
def test_same_bits_on_every_isa_and_thread_count(dtype: str) -> None:
    chosen = _core.isa()
    rng = np.random.default_rng(1)
    g = (rng.standard_normal(600_001) * 3).astype(dtype)
    m = (g * (1 + 1e-3 * rng.standard_normal(g.size))).astype(dtype)
    if dtype != "int8":
        m[::5000] = np.nan
    results = []
    try:
        for isa in _core.isas():
            _core.use_isa(isa)
            results += [
                pickle.dumps(measure(array_tensor(g), array_tensor(m), threads=threads))
                for threads in (1, 3)
            ]
    finally:
        _core.use_isa(chosen)
    assert len(set(results)) == 1


def test_parts_merge_to_the_whole() -> None:
    rng = np.random.default_rng(2)
    g = rng.standard_normal(20_000).astype(np.float32)
    m = (g * np.float32(1.001)).astype(np.float32)
    whole = measure(array_tensor(g), array_tensor(m)).tolerances()
    first = measure(array_tensor(g[:7000]), array_tensor(m[:7000]))
    second = measure(array_tensor(g[7000:]), array_tensor(m[7000:]))
    merged = _core.Sums.merge(first, second)
    assert merged.tolerances() == pytest.approx(whole, rel=1e-12)
    other = _core.compare(array_tensor(g), array_tensor(m), tolerances=_core.Tolerances([(1, 1)]))
    mixed = _core.Sums.merge(first, other).tolerances()
    assert all(math.isnan(value) for value in mixed.values())


def test_what_is_not_asked_for_is_nan() -> None:
    g = array_tensor(np.ones(5, np.float32))
    plain = _core.compare(g, g).tolerances()
    assert all(math.isnan(value) for value in plain.values())
    one = _core.compare(g, g, tolerances=_core.Tolerances([(0, 0)])).tolerances()
    assert one.pop("outside_ratio_0") == 0
    assert all(math.isnan(value) for value in one.values())


@pytest.mark.parametrize(
    "arguments",
    [
        {"within": [(1, 1)] * 5},
        {"within": [(-1, 0)]},
        {"within": [(0, math.nan)]},
        {"small_value": -1},
    ],
)
def test_tolerances_that_mean_nothing_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        _core.Tolerances(**arguments)
