"""What each standard lets pass and why it fails what it fails."""

import json
import math

import numpy as np
import pytest

import trueness as tn
from trueness import _core
from trueness.compare.standards import lower_precision, profile_content, standard_names, standard_of
from trueness.compare.standards.demands import Measured, Within, Worst, ulp_of
from trueness.errors import UsageError

FINITE = {
    "count": 4.0,
    "finite_count": 4.0,
    "nonfinite_equal_count": 0.0,
    **{f"{side}_{what}_count": 0.0 for side in ("golden", "my") for what in ("nan", "inf")},
    "golden_max_value": 1.0,
    "golden_min_value": -1.0,
}
STANDARDS = [standard_of(name) for name in standard_names()]
DTYPES = ["float64", "float32", "float16", "bfloat16", "float8_e5m2", "int8", "int32", "bool"]


def breach(name: str, dtype: str, **values: float) -> str:
    standard = standard_of(name)
    measured = Measured(FINITE | values, dtype=dtype)
    return standard.breach(standard.table_of(dtype, "float64"), measured)


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
    above = math.nextafter(limit, 1)
    assert breach("auto", dtype, relative_euclidean_distance=limit) == ""
    reason = breach("auto", dtype, relative_euclidean_distance=above)
    assert reason.startswith("relative_euclidean_distance ")
    assert f"> {limit:g}" in reason


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "uint8"])
def test_auto_wants_whole_numbers_equal(dtype: str) -> None:
    whole = np.arange(8).astype(dtype)
    assert tn.compare(whole, whole).passed
    other = whole.copy()
    other[5] = 0
    failed = tn.compare(whole, other)
    assert not failed.passed
    assert failed.reason.startswith("max_absolute_error ")


def test_auto_lets_quantised_values_be_one_step_off() -> None:
    golden = np.array([1, 5, -3], np.int8)
    assert tn.compare(golden, golden + np.int8(1)).passed
    assert not tn.compare(golden, golden + np.int8(2)).passed


def test_auto_says_what_a_zero_golden_misses() -> None:
    zeros = np.zeros(3, np.float32)
    assert tn.compare(zeros, zeros).passed
    reason = tn.compare(zeros, zeros + np.float32(1e-9)).reason
    assert reason == "golden is all zero, max_absolute_error 1e-09 > 0"


def test_bitwise_lets_nothing_pass() -> None:
    assert breach("bitwise", "float32", max_absolute_error=0.0) == ""
    assert breach("bitwise", "float32", max_absolute_error=1e-300)


@pytest.mark.parametrize("standard", STANDARDS, ids=lambda s: s.label)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_never_passes(standard, dtype: str) -> None:
    table = standard.table_of(dtype, dtype)
    unknown = dict.fromkeys((*_core.METRIC_NAMES, *table.shown), math.nan) | FINITE
    outside = dict.fromkeys(table.needs.within, math.nan)
    for metrics in (FINITE, unknown):
        measured = Measured(metrics, outside, dtype)
        assert standard.breach(table, measured)
        beside = Measured(metrics, outside, dtype, reference=measured)
        assert standard.breach(table, beside)


def sample(dtype: str) -> np.ndarray:
    values = np.linspace(-3, 5, 101)
    return values.astype(dtype)


@pytest.mark.parametrize("standard", STANDARDS, ids=lambda s: s.label)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "int64", "bool"])
def test_equal_passes_and_far_fails(standard, dtype: str) -> None:
    golden = sample(dtype)
    reference = golden.copy() if standard.needs_reference else None
    assert tn.compare(golden, golden.copy(), standard=standard, reference=reference).passed
    far = np.roll(golden, 50) if dtype != "bool" else ~golden
    failed = tn.compare(golden, far, standard=standard, reference=reference)
    assert failed.passed is False
    assert any(sign in failed.reason for sign in ("> ", ">= ", "< ", "<= "))
    assert failed.standard == standard.label


@pytest.mark.parametrize("standard", STANDARDS, ids=lambda s: s.label)
def test_nonfinite_values_out_of_place_fail(standard) -> None:
    golden = sample("float32")
    my = golden.copy()
    my[3] = np.nan
    reference = golden if standard.needs_reference else None
    reason = tn.compare(golden, my, standard=standard, reference=reference).reason
    assert reason.startswith("NaN or Inf in 0 golden and 1 of my elements; 1 differ")


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("auto", np.nan, True),
        ("auto", np.inf, True),
        ("torch", np.nan, False),
        ("torch", np.inf, True),
        ("numpy", np.nan, False),
        ("msit-analyser", np.inf, False),
        ("msprobe-compare", np.nan, True),
    ],
)
def test_nonfinite_values_at_the_same_place(name: str, value: float, passed: bool) -> None:
    golden = sample("float32")
    golden[3] = value
    found = tn.compare(golden, golden.copy(), standard=name)
    assert found.passed is passed
    assert passed or "does not accept" in found.reason


def test_nothing_but_infinities_can_be_judged_nothing_but_nan_cannot() -> None:
    masked = np.full(3, -np.inf, np.float32)
    assert tn.compare(masked, masked.copy()).passed
    nothing = np.full(3, np.nan, np.float32)
    assert "nothing to judge" in tn.compare(nothing, nothing.copy()).reason


@pytest.mark.parametrize(
    ("name", "dtype", "error", "passed"),
    [
        ("torch", np.float32, 2.2e-6, True),
        ("torch", np.float32, 5e-5, False),
        ("torch", np.float16, 9e-4, True),
        ("torch", np.float64, 3e-7, False),
        ("numpy", np.float32, 0.9e-5, True),
        ("numpy", np.float32, 1.2e-5, False),
        ("polygraphy", np.float32, 1.5e-5, True),
        ("polygraphy", np.float32, 3e-5, False),
        ("msit-opcheck", np.float16, 1.5e-3, False),
        ("msprobe-torchair", np.float32, 9e-3, True),
        ("msprobe-torchair", np.float32, 1.1e-2, False),
        ("cann-community", np.float32, 1e-4, True),
        ("cann-community", np.float32, 2e-4, False),
        ("cann-mixed@opbase", np.float32, 3e-4, False),
        ("cann-mixed@ttk", np.float32, 3e-4, True),
        ("msit-logits", np.float32, 1e-3, True),
        ("ulp", np.float32, 1e-6, True),
        ("ulp", np.float32, 2e-5, False),
    ],
)
def test_published_numbers(name: str, dtype: type, error: float, passed: bool) -> None:
    golden = np.tile(np.array([1.0, -1.0], dtype), 500)
    signs = np.where(np.arange(1000) % 3 == 0, -1.0, 1.0)
    my = (golden.astype(np.float64) * (1 + signs * error)).astype(dtype)
    found = tn.compare(golden, my, standard=name)
    assert found.passed is passed, found.reason


def test_a_share_of_elements_may_be_outside() -> None:
    golden = np.ones(1000, np.float32)
    my = golden.copy()
    my[:10] = 1.009
    assert tn.compare(golden, my, standard="cann-mixed@opbase").passed
    my[10] = 1.009
    found = tn.compare(golden, my, standard="cann-mixed@opbase")
    assert found.reason.startswith("outside_ratio 0.011 > 0.01")
    assert found.metrics["outside_ratio"] == pytest.approx(0.011)
    my[:11] = 1
    my[0] = 1.011
    reason = tn.compare(golden, my, standard="cann-mixed@opbase").reason
    assert reason == "max_absolute_error 0.011 > 0.01"


def test_the_worst_element_may_be_ulps_of_golden_away() -> None:
    worst = Worst(0.01, 32)
    at = {"max_absolute_error": 0.3, "golden_at_max_absolute": 1e5}
    assert worst.breach(Measured(at, dtype="float32")) == "max_absolute_error 0.3 > 0.25"
    assert worst.breach(Measured(at | {"golden_at_max_absolute": 2e5}, dtype="float32")) == ""
    assert ulp_of(1e5, "float32") == np.spacing(np.float32(1e5))
    assert ulp_of(0.0, "float16") == np.spacing(np.float16(0))
    assert ulp_of(-1.5, "bfloat16") == 2.0**-7


def test_metrics_that_a_verdict_rests_on_are_kept() -> None:
    golden, my = sample("float32"), sample("float32") + np.float32(0.5)
    found = tn.compare(golden, my, standard="msit-analyser", metrics="cosine_similarity")
    assert found.kl_divergence > 0
    assert "max_ulp_error" not in found.metrics
    plain = tn.compare(golden, my, metrics="cosine_similarity")
    assert plain.relative_euclidean_distance > 0
    assert "mare" not in plain.metrics


def test_a_tolerance_that_rounding_blurs_is_still_one() -> None:
    assert Within(0, 0, 0.99).breach(Measured({}, {(0, 0): 1 - 0.99})) == ""
    assert Within(0, 0).breach(Measured({}, {(0, 0): 1e-9}))


@pytest.mark.parametrize("level", ["L0", "L1", "L2"])
def test_errors_beside_those_of_a_third_implementation(level: str) -> None:
    name = f"cann-commercial-{level}"
    rng = np.random.default_rng(1)
    golden = rng.standard_normal(4000)
    noise = 1e-4 * rng.standard_normal(golden.size)
    reference = (golden + noise).astype(np.float32)
    assert tn.compare(
        golden, (golden - noise).astype(np.float32), standard=name, reference=reference
    ).passed
    worse = (golden + noise * 12).astype(np.float32)
    found = tn.compare(golden, worse, standard=name, reference=reference)
    assert found.reason.startswith("mare ratio 1")
    assert {"mare", "mere", "normal_rmse", "small_error_count"} <= set(found.metrics)


def test_of_small_values_only_errors_are_counted() -> None:
    golden = np.full(1000, 2.0**-15)
    golden[0] = 1
    exact = golden.astype(np.float32)
    one, three = exact.copy(), exact.copy()
    one[1:3] += np.float32(2.0**-20)
    three[1:4] += np.float32(2.0**-20)
    ask = {"standard": "cann-commercial-L2", "reference": exact}
    assert tn.compare(golden, one, **ask).passed
    reason = tn.compare(golden, three, **ask).reason
    assert reason == "small_error_count ratio 3 > 2 (3 to 0)"


def test_nonfinite_values_may_be_those_of_the_reference() -> None:
    golden = sample("float32")
    my, reference = golden.copy(), golden.copy()
    my[3] = reference[3] = np.inf
    ask = {"standard": "cann-commercial-L1"}
    assert tn.compare(golden, my, reference=reference, **ask).passed
    reference[3] = -np.inf
    assert "differ" in tn.compare(golden, my, reference=reference, **ask).reason


def test_a_reference_that_is_no_partner_fails_and_says_why() -> None:
    golden = sample("float32")
    ask = {"standard": "cann-commercial-L1"}
    reason = tn.compare(golden, golden, reference=golden[:5].copy(), **ask).reason
    assert reason == "no reference: its shape is [5], that of golden [101]"
    with pytest.raises(UsageError, match="needs a reference"):
        tn.compare(golden, golden, **ask)
    with pytest.raises(UsageError, match="does not use"):
        tn.compare(golden, golden, reference=golden)


def test_names() -> None:
    assert standard_of(None) is standard_of("auto")
    assert standard_of("auto@2") is standard_of("auto")
    assert standard_of(standard_of("bitwise")) is standard_of("bitwise")
    assert standard_names()[0] == "auto"
    for name in ("hope", "auto@1", "cann-mixed"):
        with pytest.raises(UsageError, match="known: auto, bitwise, "):
            standard_of(name)


@pytest.mark.parametrize("name", standard_names())
def test_profiles_name_their_source_and_can_be_read_back(name: str, tmp_path) -> None:
    standard = standard_of(name)
    assert name in (standard.name, standard.label)
    assert len(standard.source) > 10
    copy = tmp_path / "copy.json"
    copy.write_text(json.dumps(profile_content(name)))
    assert standard_of(str(copy)) == standard
