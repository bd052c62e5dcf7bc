"""What the values of an output tell by themselves."""

from collections.abc import Callable, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from trueness.diagnose.signature import first_sign
from trueness.model import Pair, TensorRef

RANDOM = np.random.default_rng(11)
Values = np.ndarray


def bfloat16(values: Values) -> Values:
    return values.astype(ml_dtypes.bfloat16).astype(np.float32)


def chopped(values: Values, bits: int) -> Values:
    fraction, power = np.frexp(values)
    return np.ldexp(np.trunc(np.ldexp(fraction, bits)), power - bits)


def draw(count: int = 4096) -> tuple[Values, Values]:
    """Golden, and the same with the error of something before."""
    golden = RANDOM.standard_normal(count)
    return golden, golden * (1 + 1e-3 * RANDOM.standard_normal(count))


@pytest.fixture
def paired(tmp_path: Path) -> Callable[..., list[Pair]]:
    """What is paired of an operator with these outputs and inputs."""

    def paired(
        golden: Values, my: Values, kind: str = "Odd", read: Sequence[Values] = ()
    ) -> list[Pair]:
        made = [("output", 0, golden, my)]
        made += [("input", at, values, values) for at, values in enumerate(read)]
        pairs = []
        for io, index, *sides in made:
            refs = []
            for side, values in zip(("golden", "my"), sides, strict=True):
                path = tmp_path / f"{len(list(tmp_path.iterdir()))}.{side}.npy"
                np.save(path, values)
                refs.append(TensorRef(str(path), op_name="op", op_type=kind, io=io, index=index))
            pairs.append(Pair(*refs, "name"))
        return pairs

    return paired


@pytest.mark.parametrize("keep", [bfloat16, np.float16, np.float32])
def test_a_chopped_result_is_told(paired: Callable[..., list[Pair]], keep: Callable) -> None:
    golden, my = draw()
    bits = {bfloat16: 8, np.float16: 11, np.float32: 24}[keep]
    clean = paired(golden, keep(my), read=[keep(my)])
    place, said = first_sign([clean, paired(golden, keep(chopped(my, bits - 2)), read=[keep(my)])])
    assert place == 1
    assert said.startswith(f"its values use {bits - 2} of {bits} bits")


def test_what_its_inputs_or_golden_keep_is_enough(paired: Callable[..., list[Pair]]) -> None:
    golden, my = draw()
    coarse = bfloat16(chopped(my, 5))
    clean = paired(golden, bfloat16(my))
    assert first_sign([clean, clean, paired(golden, coarse, read=[coarse])]) is None
    assert first_sign([clean, clean, paired(chopped(golden, 5), coarse)]) is None
    assert first_sign([clean, clean, paired(golden, coarse, "aten.view.default")]) is None
    assert first_sign([clean, clean, paired(golden, coarse)]) is not None


def test_float32_that_holds_what_was_bfloat16_is_not_coarse(
    paired: Callable[..., list[Pair]],
) -> None:
    golden, my = draw()
    full = paired(golden, my.astype(np.float32))
    assert first_sign([full, full, paired(golden, bfloat16(my), read=[my.astype("f4")])]) is None


def test_what_most_do_is_no_sign(paired: Callable[..., list[Pair]]) -> None:
    golden, my = draw()
    coarse = paired(golden, bfloat16(chopped(my, 4)))
    assert first_sign([coarse, coarse, coarse, paired(golden, bfloat16(my))]) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clipped_result_is_told(paired: Callable[..., list[Pair]], sign: int) -> None:
    golden, my = draw()
    golden, my = sign * np.abs(golden), sign * np.abs(my)
    limit = np.quantile(np.abs(my), 0.99)
    place, said = first_sign([paired(golden, my), paired(golden, np.clip(my, -limit, limit))])
    assert place == 1
    assert said.startswith(f"41 of its values are {sign * limit:.6g}, which golden goes beyond")


def test_what_golden_clips_too_is_none(paired: Callable[..., list[Pair]]) -> None:
    golden, my = draw()
    both = paired(np.clip(golden, -2, 2), np.clip(my, -2, 2))
    assert first_sign([both]) is None


@pytest.mark.parametrize("clip", [False, True])
def test_nothing_odd_is_seen_in_noise(paired: Callable[..., list[Pair]], clip: bool) -> None:
    for keep in (bfloat16, np.float16):
        golden, my = draw(100_000)
        lowest = 0 if clip else -np.inf
        assert (
            first_sign([paired(np.maximum(golden, lowest), keep(np.maximum(my, lowest)))]) is None
        )


@pytest.mark.parametrize(
    "my",
    [
        np.zeros(100),
        np.full(100, np.nan),
        np.full(100, np.inf),
        np.where(np.arange(100) % 2, np.nan, 1.0),
        np.ones(31),
        np.ones(0),
        np.arange(100),
        np.ones(100, np.complex64),
        np.full(100, 5e-324),
    ],
)
def test_nothing_is_told_of_what_has_nothing_to_tell(
    paired: Callable[..., list[Pair]], my: Values
) -> None:
    golden = np.linspace(0.1, 3, my.size)
    assert first_sign([paired(golden, my)]) is None
    assert first_sign([paired(my, golden)]) is None
    assert first_sign([[], paired(golden.reshape(1, -1), my)]) is None
    assert first_sign([paired(golden[1:], my)]) is None


def test_a_file_that_is_gone_is_passed_over(paired: Callable[..., list[Pair]]) -> None:
    golden, my = draw()
    gone = paired(golden, my)
    Path(gone[0].my.path).unlink()
    place, _ = first_sign([gone, paired(golden, np.clip(my, -2, 2))])
    assert place == 1
