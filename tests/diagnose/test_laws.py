"""What an operator's error is held against."""

from __future__ import annotations

import numpy as np
import pytest

from trueness.diagnose.change import Change, unlike_noise
from trueness.diagnose.laws import Group, fits

SIZE = 12
EVERYONE = np.arange(SIZE)
MANY = np.full(SIZE, 1e4)
LEVELS = np.full(SIZE, 0.01)


def residuals(last: float, absolute: float) -> np.ndarray:
    """By law; the last of the operators is off by `last`, by the absolute law by `absolute`."""
    values = np.tile(0.02 * np.cos(EVERYONE), (4, 1))
    values[:, -1] = last
    values[1, -1] = absolute
    return values


def score(values: np.ndarray, carriers: np.ndarray = MANY, kind: str = "MatMul") -> float:
    return float(fits(Group(kind, EVERYONE, EVERYONE, True), values, LEVELS, carriers).score[-1])


def test_an_error_that_few_elements_carry_may_grow_by_chance() -> None:
    values = residuals(0.5, 0.5)
    assert score(values) > 8
    assert score(values, np.full(SIZE, 10.0)) < 2


def test_where_the_signal_cancels_an_error_is_larger_beside_it() -> None:
    assert score(residuals(0.4, 0.4)) > 6
    assert score(residuals(0.4, -0.6)) < 2


def test_however_far_peers_differ_a_hundred_times_more_is_odd() -> None:
    values = np.tile(np.where(EVERYONE % 2, 3.0, -3.0), (4, 1))
    values[:, -1] = 7.0
    assert score(values, kind="Softmax") > 4


def change(found: float, handed_on: float, *, sums: bool, guessed: bool = False) -> Change:
    """Of operators that hand on what they read, but for the last."""
    each = 0.01 * np.cos(EVERYONE)
    predicted = np.where(EVERYONE == SIZE - 1, handed_on, each)
    values = np.where(EVERYONE == SIZE - 1, found, each + 1e-5 * np.sin(EVERYONE))
    return Change(
        values,
        predicted,
        2 * np.abs(predicted),
        np.full(SIZE, sums),
        np.full(SIZE, guessed),
    )


def times(known: Change, kind: str) -> float:
    groups = [Group(kind, EVERYONE, EVERYONE, True)]
    return float(unlike_noise(known, np.full(SIZE, 2e-4), groups)[1][-1])


@pytest.mark.parametrize(("kind", "sums"), [("Add", True), ("Muls", False)])
def test_a_change_of_norm_beyond_what_is_handed_on_is_seen(kind: str, sums: bool) -> None:
    assert times(change(0.009, 0.004, sums=sums), kind) > 4
    assert times(change(0.004, 0.004, sums=sums), kind) < 1


def test_what_is_only_guessed_may_be_twice_as_much() -> None:
    known = change(0.008, 0.004, sums=False, guessed=True)
    assert times(known, "Muls") < 1


def test_what_does_not_sum_up_may_turn_the_sign() -> None:
    assert times(change(-0.004, 0.004, sums=False), "MatMul") < 1
