import math
import pickle

import numpy as np
import pytest

import trueness as tn
from trueness._core import METRIC_NAMES

GOLDEN = np.linspace(-2, 2, 100, dtype=np.float32)


def test_every_metric_is_an_attribute() -> None:
    c = tn.compare(GOLDEN, GOLDEN * np.float32(1.5))
    assert c.cosine_similarity == pytest.approx(1)
    assert c.max_relative_error == pytest.approx(0.5)
    assert c.relative_euclidean_distance == pytest.approx(0.5)
    for name in METRIC_NAMES:
        assert isinstance(getattr(c, name), int | float)
    with pytest.raises(AttributeError):
        _ = c.cosine


def test_indices_and_counts_are_whole_and_ratios_have_a_name_python_can_spell() -> None:
    golden = np.arange(6, dtype=np.float32).reshape(2, 3)
    my = golden.copy()
    my[1, 1] += 1
    result = tn.compare(golden, my)
    assert isinstance(result.max_absolute_index, int)
    assert golden.flat[result.max_absolute_index] == 4
    assert isinstance(result.my_nan_count, int)
    assert result.error_ratio_1e_3 == result.metrics["error_ratio_1e-3"] == 5 / 6


def test_verdict_and_standard() -> None:
    assert tn.compare(GOLDEN, GOLDEN).passed
    nearly = tn.compare(GOLDEN, GOLDEN * np.float32(1.00001))
    assert (nearly.passed, nearly.standard, nearly.state) == (True, "auto@2", tn.State.OK)
    strict = tn.compare(GOLDEN, GOLDEN * np.float32(1.00001), standard="bitwise")
    assert (strict.passed, strict.standard) == (False, "bitwise@1")
    assert strict.reason.startswith("max_absolute_error ")


def test_undefined_is_nan() -> None:
    c = tn.compare(GOLDEN, GOLDEN[:7])
    assert c.state is tn.State.SHAPE_MISMATCH
    assert math.isnan(c.cosine_similarity)
    assert c.sums is None


def test_sums_of_parts_make_the_whole() -> None:
    my = GOLDEN + np.float32(0.01)
    parts = [tn.compare(GOLDEN[i : i + 50], my[i : i + 50]).sums for i in (0, 50)]
    merged = tn.Sums.merge(*pickle.loads(pickle.dumps(parts))).finish()
    whole = tn.compare(GOLDEN, my)
    assert merged["rmse"] == pytest.approx(whole.rmse, rel=1e-12)
    assert merged["max_absolute_error"] == whole.max_absolute_error


def test_a_comparison_can_be_pickled_and_copied() -> None:
    c = tn.compare(GOLDEN, GOLDEN)
    again = pickle.loads(pickle.dumps(c))
    assert again.rmse == c.rmse
    assert again.state is c.state


def test_the_function_survives_the_room_of_its_name() -> None:
    import trueness.compare.engine  # noqa: F401

    assert callable(tn.compare)


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(threads: int) -> None:
    with pytest.raises(tn.UsageError, match="at least 1"):
        tn.compare(GOLDEN, GOLDEN, threads=threads)
    assert tn.compare(GOLDEN, GOLDEN, threads=10**12).passed


def test_a_wrong_variable_is_no_fault_of_the_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUENESS_THREADS", "many")
    with pytest.raises(tn.UsageError, match="TRUENESS_THREADS"):
        tn.compare(GOLDEN, GOLDEN)


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(tn.UsageError):
        tn.compare(GOLDEN, object())
