"""Every metric against exact arithmetic: every dtype pair, adversarial values, edge lengths."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import metrics as oracle
from trueness import _core

# name -> (bytes of an element, fraction bits, least exponent) for the floats
FLOATS = {
    "float16": (2, 10, -14),
    "bfloat16": (2, 7, -126),
    "float32": (4, 23, -126),
    "float64": (8, 52, -1022),
    "float8_e4m3fn": (1, 3, -6),
    "float8_e5m2": (1, 2, -14),
}
OTHERS = {
    "float8_e8m0": 1,
    "hifloat8": 1,
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
}
SIZES = {name: facts[0] for name, facts in FLOATS.items()} | OTHERS
NARROW = {name for name, size in SIZES.items() if size <= 4}


def tensor(data: bytes, dtype: str, shape: tuple[int, ...]) -> _core.Tensor:
    holder = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(1, np.uint8)
    return _core.Tensor.from_address(
        holder.ctypes.data, len(data), dtype=dtype, shape=shape, owner=holder
    )


def array_tensor(array: np.ndarray, dtype: str | None = None) -> _core.Tensor:
    return tensor(array.tobytes(), dtype or array.dtype.name, (array.size,))


def stored_as(array: np.ndarray, dtype: str) -> _core.Tensor:
    """float32 values in that dtype; bfloat16 cut, not rounded."""
    if dtype == "bfloat16":
        return array_tensor(np.ascontiguousarray(array.view(np.uint16)[1::2]), dtype)
    return array_tensor(array.astype(dtype))


def values(t: _core.Tensor) -> list[float]:
    array = t.numpy().reshape(-1)
    if array.dtype.kind == "c":
        array = array.view(array.real.dtype)
    return [int(x) if isinstance(x, bool) else x for x in array.tolist()]


def close(actual: float, expected: float, relative: float, absolute: float) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return actual == expected or (math.isnan(actual) and math.isnan(expected))
    if math.isinf(actual):
        return actual > 0 and expected >= NEARLY_INFINITE
    return abs(actual - expected) <= max(relative * abs(expected), absolute)


# Where an intermediate result may already overflow.
NEARLY_INFINITE = 1e306

DIVIDING = {"max_relative_error", "mean_relative_error"}
# A difference near zero of numbers that are not: what is left of them is rounding.
CANCELLING = {"cosine_similarity": 1e-15, "kl_divergence": 1e-9}


def check(golden: _core.Tensor, my: _core.Tensor, narrow: bool) -> dict[str, float]:
    actual = _core.compare(golden, my, threads=1).finish()
    expected = oracle.metrics(values(golden), values(my))
    if golden.dtype.startswith("complex"):
        expected["max_absolute_index"] //= 2
    for name, value in expected.items():
        relative = 1e-6 if narrow and name in DIVIDING else 1e-12
        if name == "kl_divergence":
            relative = 1e-4
        assert close(actual[name], value, relative, CANCELLING.get(name, 0.0)), (
            name,
            actual[name],
            value,
        )
    return actual


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str, bytes, bytes]:
    golden, my = draw(st.sampled_from(sorted(SIZES))), draw(st.sampled_from(sorted(SIZES)))
    n = draw(st.integers(0, 40))
    data = draw(st.binary(min_size=n * SIZES[golden], max_size=n * SIZES[golden]))
    if golden == my and draw(st.booleans()):
        changed = bytearray(data)
        for i in draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=3)):
            if data:
                changed[i] ^= 1
        return golden, my, data, bytes(changed)
    return golden, my, data, draw(st.binary(min_size=n * SIZES[my], max_size=n * SIZES[my]))


@given(pairs())
def test_any_bytes_of_any_dtype_pair(pair: tuple[str, str, bytes, bytes]) -> None:
    golden, my, golden_data, my_data = pair
    shape = (len(golden_data) // SIZES[golden],)
    check(
        tensor(golden_data, golden, shape),
        tensor(my_data, my, shape),
        golden in NARROW and my in NARROW,
    )


@pytest.mark.parametrize("my", sorted(SIZES))
@pytest.mark.parametrize("golden", sorted(SIZES))
def test_every_dtype_pair(golden: str, my: str) -> None:
    rng = np.random.default_rng(abs(hash((len(golden), len(my)))) % 1000)
    n = 41
    a = tensor(rng.bytes(n * SIZES[golden]), golden, (n,))
    b = tensor(rng.bytes(n * SIZES[my]), my, (n,))
    actual = check(a, b, golden in NARROW and my in NARROW)
    if golden in FLOATS and my in FLOATS:
        _, mantissa, least = min(FLOATS[golden], FLOATS[my], key=lambda facts: facts[1])
        expected = oracle.max_ulp_error(values(a), values(b), mantissa, least)
        assert actual["max_ulp_error"] == float(expected)
    elif "e8m0" not in golden + my or (golden in OTHERS and my in OTHERS):
        is_float = {golden, my} <= {"float8_e8m0"}
        assert is_float or math.isnan(actual["max_ulp_error"])


floats = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(floats, floats), max_size=40))
def test_float64_of_any_magnitude(items: list[tuple[float, float]]) -> None:
    g = np.array([a for a, _ in items], np.float64)
    m = np.array([b for _, b in items], np.float64)
    check(array_tensor(g), array_tensor(m), narrow=False)


@given(st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), max_size=70))
def test_float32_of_any_magnitude(items: list[tuple[float, float]]) -> None:
    g = np.array([a for a, _ in items], np.float32)
    m = np.array([b for _, b in items], np.float32)
    check(array_tensor(g), array_tensor(m), narrow=True)


wide_ints = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(wide_ints, st.one_of(wide_ints, st.integers(-3, 3))), max_size=20))
def test_int64_differences_are_exact(items: list[tuple[int, int]]) -> None:
    g = np.array([a for a, _ in items], np.int64)
    m = np.array(
        [a + b if -3 <= b <= 3 and -(2**63) <= a + b < 2**63 else b for a, b in items], np.int64
    )
    actual = _core.compare(array_tensor(g), array_tensor(m)).finish()
    differences = [abs(int(b) - int(a)) for a, b in zip(g, m, strict=True)]
    if differences:
        assert actual["max_absolute_error"] == float(max(differences))
        assert actual["mean_absolute_error"] == pytest.approx(
            sum(differences) / len(differences), rel=1e-12
        )


LENGTHS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 511, 512, 513, 1000]
AROUND_BLOCKS = [("float32", 8191), ("float32", 8192), ("float32", 16389), ("float64", 8193)]


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "int32"])
@pytest.mark.parametrize("n", LENGTHS)
def test_lengths_around_lanes_groups_and_strips(n: int, dtype: str) -> None:
    rng = np.random.default_rng(n)
    scale = 50 if dtype.startswith("int") else 1
    g = (rng.standard_normal(n) * scale).astype(dtype)
    m = (g.astype(np.float64) * (1 + 0.01 * rng.standard_normal(n))).astype(dtype)
    check(array_tensor(g), array_tensor(m), narrow=dtype != "float64")


@pytest.mark.parametrize(("dtype", "n"), AROUND_BLOCKS)
def test_lengths_around_blocks(dtype: str, n: int) -> None:
    rng = np.random.default_rng(n)
    g = rng.standard_normal(n).astype(dtype)
    m = (g * (1 + 1e-3 * rng.standard_normal(n))).astype(dtype)
    g[n // 3], m[n // 2], g[-1], m[-1] = np.nan, np.inf, -np.inf, -np.inf
    actual = check(array_tensor(g), array_tensor(m), narrow=dtype != "float64")
    assert actual["count"] == n
    assert actual["finite_count"] == n - 3
    assert actual["nonfinite_both_count"] == actual["nonfinite_equal_count"] == 1


def rising(g: np.ndarray) -> np.ndarray:
    """Each strip far above the one before: weights change what they refer to."""
    return g + np.float32(20) * (np.arange(g.size) // 512).astype(np.float32)


def falling(g: np.ndarray) -> np.ndarray:
    """The extremes of either side, and the largest errors, come first."""
    return g * np.linspace(4, 1, g.size, dtype=np.float32)


def with_zeros(g: np.ndarray) -> np.ndarray:
    """Zeros of both signs, from the second block on."""
    changed = g.copy()
    changed[9000::700], changed[9001::700] = 0, -0.0
    return changed


def positive(g: np.ndarray) -> np.ndarray:
    return np.abs(g) + np.float32(1e-3)


def negative(g: np.ndarray) -> np.ndarray:
    return -np.abs(g) - np.float32(1000)


def in_pieces(golden: _core.Tensor, my: _core.Tensor, length: int) -> dict[str, float]:
    """Merged from pieces too short to hold a whole strip."""
    sums = None
    for start in range(0, golden.shape[0], length):
        parts = []
        for side in (golden, my):
            data = side.raw()
            size = len(data) // side.shape[0]
            piece = data[start * size : (start + length) * size]
            parts.append(tensor(piece, side.dtype, (len(piece) // size,)))
        part = _core.compare(*parts)
        sums = part if sums is None else _core.Sums.merge(sums, part)
    assert sums is not None
    return sums.finish()


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float32", "float32"),
        ("bfloat16", "bfloat16"),
        ("float16", "float16"),
        ("float32", "bfloat16"),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-3, 0.3])
@pytest.mark.parametrize("kind", [rising, falling, with_zeros, positive, negative])
def test_strips_of_near_pairs(
    kind: Callable[[np.ndarray], np.ndarray], noise: float, dtypes: tuple[str, str]
) -> None:
    rng = np.random.default_rng(3)
    n = 2 * 8192 + 700
    g = kind(rng.standard_normal(n).astype(np.float32))
    m = (g * (1 + noise * rng.uniform(-1, 1, n))).astype(np.float32)
    pair = [stored_as(x, dtype) for x, dtype in zip((g, m), dtypes, strict=True)]
    actual = _core.compare(*pair).finish()
    for name, value in in_pieces(*pair, 500).items():
        relative = 1e-6 if name in DIVIDING else 1e-12
        if name == "kl_divergence":
            relative = 1e-4
        assert close(actual[name], value, relative, CANCELLING.get(name, 1e-15)), name


@pytest.mark.parametrize("offset", range(1, 9))
def test_elements_at_any_byte_offset(offset: int) -> None:
    rng = np.random.default_rng(offset)
    g = rng.standard_normal(1500).astype(np.float32)
    m = g + np.float32(1e-3)
    shifted = np.frombuffer(b"\0" * offset + g.tobytes(), np.uint8)
    moved = _core.Tensor.from_address(
        shifted.ctypes.data + offset, g.nbytes, dtype="float32", shape=(1500,), owner=shifted
    )
    assert _core.compare(moved, array_tensor(m)) == _core.compare(array_tensor(g), array_tensor(m))


def test_packed_and_complex_types() -> None:
    nibbles = tensor(bytes([0x21, 0x8F, 0x07]), "int4", (5,))
    assert values(nibbles) == [1, 2, -1, -8, 7]
    check(nibbles, array_tensor(np.array([1, 2, -1, -7, 7], np.int8)), narrow=True)
    bits = tensor(bytes([0b10110000]), "uint1", (5,))
    check(bits, array_tensor(np.array([1, 0, 1, 1, 1], np.uint8)), narrow=True)
    g = np.array([1 + 2j, -3 + 0.5j, 0], np.complex64)
    m = np.array([1 + 2.5j, -3 + 0.5j, 1j], np.complex64)
    actual = check(array_tensor(g), array_tensor(m), narrow=True)
    assert actual["count"] == 6
    real = _core.compare(array_tensor(m.real.copy()), array_tensor(m)).finish()
    assert real["max_absolute_error"] == 2.5
    assert real["max_absolute_index"] == 0
    halves = tensor(np.array([1, 2, -3, 0.5, 0, 0], np.float16).tobytes(), "complex32", (3,))
    assert values(halves) == [1, 2, -3, 0.5, 0, 0]
    assert _core.compare(halves, array_tensor(g)).finish()["max_absolute_error"] == 0


@pytest.mark.parametrize(
    ("g", "m", "expected"),
    [
        ([0, 0], [0, 0], {"cosine_similarity": 1, "relative_euclidean_distance": 0}),
        ([0, 0], [0, 1], {"cosine_similarity": 0, "relative_euclidean_distance": math.inf}),
        ([1, 2], [0, 0], {"cosine_similarity": 0, "relative_euclidean_distance": 1}),
        ([1, 2], [2, 4], {"cosine_similarity": 1, "norm_ratio": 2, "max_absolute_index": 1}),
        ([0, 5e-8], [0.5, 0], {"max_relative_error": 0, "max_relative_index": -1}),
        ([1, 1, 1], [2, 2, 0], {"max_absolute_index": 0, "max_relative_index": 0}),
        ([math.nan, 1], [math.nan, 1], {"finite_count": 1, "max_absolute_index": 1}),
        ([math.inf], [math.inf], {"nonfinite_equal_count": 1, "max_absolute_index": -1}),
        ([1, -1], [1, -1], {"kl_divergence": 0, "max_ulp_error": 0}),
    ],
)
def test_special_cases(g: list[float], m: list[float], expected: dict[str, float]) -> None:
    for dtype in (np.float32, np.float64):
        actual = _core.compare(
            array_tensor(np.array(g, dtype)), array_tensor(np.array(m, dtype))
        ).finish()
        assert {name: actual[name] for name in expected} == expected


def test_nothing_finite_leaves_pair_metrics_undefined() -> None:
    for g in ([], [math.nan]):
        actual = _core.compare(
            array_tensor(np.array(g, np.float32)), array_tensor(np.array(g, np.float32))
        ).finish()
        assert math.isnan(actual["cosine_similarity"])
        assert math.isnan(actual["max_absolute_error"])
        assert math.isnan(actual["kl_divergence"])


def test_extreme_float64_is_neither_infinite_nor_lost() -> None:
    g = np.array([1.0, 1e300])
    same = _core.compare(array_tensor(g), array_tensor(g)).finish()
    assert same["cosine_similarity"] == 1
    assert same["relative_euclidean_distance"] == 0
    tiny = np.array([5e-324, 1e-310])
    check(array_tensor(tiny), array_tensor(tiny * 3), narrow=False)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_equal_tensors_are_exactly_equal(scale: float) -> None:
    g = (np.random.default_rng(1).standard_normal(20000) * scale).astype(np.float32)
    actual = _core.compare(array_tensor(g), array_tensor(g)).finish()
    assert actual["cosine_similarity"] == 1
    assert actual["kl_divergence"] == 0
    assert actual["max_ulp_error"] == actual["max_absolute_error"] == 0
    assert actual["error_ratio_1e-4"] == 1


def test_only_what_is_asked_for_is_defined() -> None:
    g = array_tensor(np.arange(100, dtype=np.float32))
    names = _core.METRIC_GROUPS
    cosine = _core.compare(g, g, metrics=names["cosine_similarity"]).finish()
    for name, bit in names.items():
        wanted = bit == names["cosine_similarity"]
        assert math.isnan(cosine[name]) != wanted, name


def test_different_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot compare 2 elements with 3"):
        _core.compare(array_tensor(np.zeros(2, np.float32)), array_tensor(np.zeros(3, np.float32)))
