import math

import pytest

from trueness.compare.standards import AUTO, BITWISE, STANDARDS, lower_precision, standard_of
from trueness.errors import UsageError

FINITE = {"count": 4.0, "finite_count": 4.0, "nonfinite_equal_count": 0.0}


def metrics(**values: float) -> dict[str, float]:
    return FINITE | values


@pytest.mark.parametrize(
    ("golden", "my", "lower"),
    [
        ("float32", "float16", "float16"),
        ("bfloat16", "float16", "bfloat16"),
        ("float32", "float8_e4m3fn", "float8_e4m3fn"),
        ("float32", "int8", "int8"),
        ("float32", "int64", "float32"),
        ("float64", "float32", "float32"),
        ("bool", "float32", "float32"),
    ],
)
def test_the_lower_precision_decides(golden: str, my: str, lower: str) -> None:
    assert lower_precision(golden, my) == lower_precision(my, golden) == lower


@pytest.mark.parametrize(
    ("dtype", "limit"),
    [("float64", 1e-9), ("float32", 1e-4), ("float16", 5e-3), ("bfloat16", 3e-2)],
)
def test_auto_bounds_the_distance_by_dtype(dtype: str, limit: float) -> None:
    at, above = metrics(relative_euclidean_distance=limit), math.nextafter(limit, 1)
    assert AUTO.breach(dtype, "float64", at) == ""
    reason = AUTO.breach(dtype, "float64", metrics(relative_euclidean_distance=above))
    assert reason.startswith("relative_euclidean_distance ")
    assert f"> {limit:g}" in reason


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "uint8"])
def test_auto_wants_whole_numbers_equal(dtype: str) -> None:
    assert AUTO.breach(dtype, dtype, metrics(max_absolute_error=0.0)) == ""
    assert AUTO.breach(dtype, dtype, metrics(max_absolute_error=1.0))


def test_auto_lets_quantised_values_be_one_step_off() -> None:
    assert AUTO.breach("int8", "int8", metrics(max_absolute_error=1.0)) == ""
    assert AUTO.breach("int8", "int8", metrics(max_absolute_error=2.0))


def test_bitwise_lets_nothing_pass() -> None:
    assert BITWISE.breach("float32", "float32", metrics(max_absolute_error=0.0)) == ""
    assert BITWISE.breach("float32", "float32", metrics(max_absolute_error=1e-300))


@pytest.mark.parametrize("standard", STANDARDS.values(), ids=lambda s: s.label)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int32", "bool", "raw"])
def test_nan_never_passes(standard, dtype: str) -> None:
    values = dict.fromkeys(("relative_euclidean_distance", "max_absolute_error"), math.nan)
    assert standard.breach(dtype, dtype, metrics(**values))
    assert standard.breach(dtype, dtype, metrics())


@pytest.mark.parametrize("standard", STANDARDS.values(), ids=lambda s: s.label)
def test_nonfinite_values_out_of_place_fail(standard) -> None:
    values = {
        "relative_euclidean_distance": 0.0,
        "max_absolute_error": 0.0,
        "count": 4.0,
        "finite_count": 3.0,
        "nonfinite_equal_count": 0.0,
        "golden_nan_count": 0.0,
        "golden_inf_count": 0.0,
        "my_nan_count": 1.0,
        "my_inf_count": 0.0,
    }
    assert "0 golden and 1 of my" in standard.breach("float32", "float32", values)


def test_names() -> None:
    assert standard_of(None) is AUTO
    assert standard_of("bitwise") is BITWISE
    assert standard_of(BITWISE) is BITWISE
    with pytest.raises(UsageError, match="auto, bitwise"):
        standard_of("hope")
