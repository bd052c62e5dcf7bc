"""What rounding explains."""

import numpy as np
import pytest

from trueness.diagnose.noise import steps_of_a_byte


@pytest.mark.parametrize("least", [-3.0, 0.0, 1.0])
def test_steps_of_a_byte_are_what_quantising_adds(least: float) -> None:
    values = np.random.default_rng(3).uniform(least, 4, 10_000)
    low, high = min(least, 0.0), 4.0
    step = (high - low) / 255
    error = np.linalg.norm(np.rint(values / step) * step - values) / np.linalg.norm(values)
    asked = float(values.min()), float(values.max()), values.size, float(np.linalg.norm(values))
    assert steps_of_a_byte(*asked) == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("asked", [(0, 0, 5, 0), (float("nan"),) * 4, (-float("inf"), 1, 2, 3)])
def test_steps_that_are_not_known_explain_nothing(asked: tuple[float, ...]) -> None:
    assert steps_of_a_byte(*asked) == 0.0
