"""ATB files against their `.npy` twins: the numbers of msit where it is right, and where not."""

from pathlib import Path

import pytest

import trueness as tn

DATA = Path(__file__).parent.parent / "data" / "atb"

# What msit 8.2.0 computed from the same two files, in float32.
MSIT = {
    "attn": {
        "cosine_similarity": 0.9999630028,
        "max_relative_error": 0.02257359027862549,
        "mean_relative_error": 0.011428818106651306,
        "max_absolute_error": 0.02420949935913086,
        "mean_absolute_error": 0.00855657272040844,
        "kl_divergence": 8.158199489116669e-05,
        "relative_euclidean_distance": 0.009931378066539764,
    },
    "ffn": {
        "cosine_similarity": 0.9999992485,
        "max_relative_error": 0.0032883882522583008,
        "mean_relative_error": 0.001751437783241272,
        "max_absolute_error": 0.0025365352630615234,
        "mean_absolute_error": 0.0009866947075352073,
        "relative_euclidean_distance": 0.0016195947537198663,
    },
    "i32": {
        "cosine_similarity": 0.991460134,
        "max_relative_error": 0.3333333730697632,
        "mean_relative_error": 0.1111111268401146,
        "max_absolute_error": 1.0,
        "kl_divergence": 0.0969991683959961,
        "relative_euclidean_distance": 0.26726123690605164,
    },
    "quant": {
        "cosine_similarity": 0.4324433729,
        "max_relative_error": 69.27362060546875,
        "mean_relative_error": 10.610764503479004,
        "max_absolute_error": 7.300193786621094,
        "kl_divergence": 3.8591341972351074,
        "relative_euclidean_distance": 3.922563076019287,
    },
    "mask": {
        "cosine_similarity": 0.8660254038,
        "kl_divergence": 0.06277921795845032,
        "relative_euclidean_distance": 0.5773502588272095,
    },
    "hidden": {"cosine_similarity": 1.0, "max_relative_error": 0.0, "kl_divergence": 0.0},
    "ids": {"cosine_similarity": 1.0, "max_relative_error": 0.0},
}


@pytest.mark.parametrize("name", MSIT)
def test_metrics_are_those_of_msit(name: str) -> None:
    (row,) = tn.compare_files(DATA / f"{name}.npy", DATA / f"{name}.bin")
    for metric, value in MSIT[name].items():
        tolerance = 1e-3 if metric == "kl_divergence" else 1e-5
        assert row.metrics[metric] == pytest.approx(value, rel=tolerance, abs=1e-7), metric


def test_a_flipped_bool_is_an_error_here() -> None:
    """msit leaves elements out whose golden value is zero, and so reports no error at all."""
    (row,) = tn.compare_files(DATA / "mask.npy", DATA / "mask.bin")
    assert row.metrics["max_absolute_error"] == 1.0


def test_equal_counts_of_another_shape_do_not_match() -> None:
    """msit counts elements only, and calls (2, 6) against (3, 4) equal."""
    (row,) = tn.compare_files(DATA / "flat.npy", DATA / "flat.bin")
    assert row.state is tn.State.SHAPE_MISMATCH
