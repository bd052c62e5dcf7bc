"""The default standard on whole models: clean ones pass, each fault above the noise fails."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import trueness as tn
from builders.rounded_transformer import FAULTS, Transformer, places
from trueness.compare.standards import lower_precision, standard_of
from trueness.model import Result, State, TensorRef

NOISE = standard_of("auto").noise
Run = list[tuple[str, np.ndarray]]


@cache
def model(layers: int, seed: int) -> tuple[Transformer, Run]:
    transformer = Transformer(seed, layers)
    return transformer, transformer.run("float32")


def rows(golden: Run, my: Run, token: int = 0) -> Iterator[Result]:
    for order, ((name, expected), (_, found)) in enumerate(zip(golden, my, strict=True), 1):
        c = tn.compare(expected, found, metrics="basic")
        ref = TensorRef(f"{name}.npy", op_name=name, io="output", order=order, token=token)
        dtypes = {"golden_dtype": expected.dtype.name, "my_dtype": found.dtype.name}
        yield Result(ref, ref, c.state, c.reason, c.metrics, c.passed, c.standard, **dtypes)


def failed(golden: Run, my: Run) -> list[str]:
    results = NOISE.follow(rows(golden, my), lower_precision)
    return [result.my.op_name for result in results if not result.passed]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("layers", "seed"), [(12, 0), (12, 1), (24, 2)])
def test_a_clean_model_passes(layers: int, seed: int, dtype: str) -> None:
    transformer, golden = model(layers, seed)
    assert failed(golden, transformer.run(dtype)) == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", places(12, ["v", "context", "down"]))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_where_it_is(fault: str, name: str, dtype: str) -> None:
    transformer, golden = model(12, 3)
    assert failed(golden, transformer.run(dtype, (name, FAULTS[fault])))[0] == name


@pytest.mark.parametrize("layer", [0, 6, 11])
def test_a_shifted_mask_fails_at_the_softmax(layer: int) -> None:
    transformer, golden = model(12, 3)
    first = failed(golden, transformer.run("bfloat16", mask_shift=layer))[0]
    assert first == f"{layer}.softmax"


def test_float32_inside_a_bfloat16_model_has_its_noise() -> None:
    transformer, golden = model(12, 0)
    mixed = [
        (name, value.astype(np.float32) if "softmax" in name else value)
        for name, value in transformer.run("bfloat16")
    ]
    assert failed(golden, mixed) == []
    assert failed(golden[:1], [(name, value * np.float32(1.001)) for name, value in golden[:1]])


def test_later_rows_never_change_the_verdict_of_earlier_ones() -> None:
    transformer, golden = model(12, 3)
    all_rows = list(rows(golden, transformer.run("bfloat16", ("6.context", FAULTS["bias"]))))
    whole = [row.passed for row in NOISE.follow(iter(all_rows), lower_precision)]
    assert not all(whole)
    for end in (1, 40, 90):
        part = [row.passed for row in NOISE.follow(iter(all_rows[:end]), lower_precision)]
        assert part == whole[:end]


def one(distance: float, **changes: object) -> Result:
    ref = TensorRef("a.npy", op_name="a", io="output", order=1)
    breach = "" if distance < 3e-2 else f"relative_euclidean_distance {distance} > 0.03; "
    reason = f"{breach}the note"
    row = Result(
        replace(ref, **changes),
        replace(ref, **changes),
        State.OK,
        reason,
        passed=distance < 3e-2,
        golden_dtype="float32",
        my_dtype="bfloat16",
    )
    return replace(row, metrics=tn.model.Metrics({"relative_euclidean_distance": distance}))


def judged(*results: Result) -> list[Result]:
    return list(NOISE.follow(iter(results), lower_precision))


def test_the_reason_says_what_was_allowed_and_keeps_notes() -> None:
    (row,) = judged(one(0.02))
    assert row.reason == (
        "relative_euclidean_distance 0.02 > 0.00690534 (rounding after 0 operators); the note"
    )
    deep = [one(0.0, op_name=str(i)) for i in range(200)]
    row = judged(*deep, one(0.04))[-1]
    assert (row.passed, row.reason) == (True, "the note")


@pytest.mark.parametrize("change", [{"order": 0}, {"op_name": ""}, {"io": ""}])
def test_a_row_without_a_place_keeps_its_verdict(change: dict[str, object]) -> None:
    row = one(0.02, **change)
    assert judged(row) == [row]


def test_each_token_and_rank_starts_over() -> None:
    deep = [one(0.0, op_name=str(i)) for i in range(200)]
    assert judged(*deep, one(0.02))[-1].passed
    for other in ({"token": 1}, {"rank": 1}, {"device": 1}):
        assert not judged(*deep, one(0.02, **other))[-1].passed


def test_other_failures_stay() -> None:
    row = replace(one(0.001), passed=False, reason="NaN or Inf in 0 golden and 1 of my elements")
    assert judged(row) == [row]
