"""Small types against an independent decoding, for every one of their codes."""

import math

import ml_dtypes
import numpy as np
import pytest

from trueness import _core


def decode(dtype: str, codes: np.ndarray) -> np.ndarray:
    source = _core.Source.from_buffer("codes", codes)
    return source.tensor(offset=0, dtype=dtype, shape=(codes.size,)).numpy()


@pytest.mark.parametrize(
    ("dtype", "oracle"),
    [
        ("bfloat16", ml_dtypes.bfloat16),
        ("float8_e4m3fn", ml_dtypes.float8_e4m3fn),
        ("float8_e5m2", ml_dtypes.float8_e5m2),
        ("float8_e8m0", ml_dtypes.float8_e8m0fnu),
    ],
)
def test_floats_as_ml_dtypes(dtype, oracle):
    width = np.dtype(oracle).itemsize
    codes = np.arange(256**width, dtype=f"u{width}")
    found = decode(dtype, codes)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, codes.view(oracle).astype(np.float32))


def hifloat8(code: int) -> float:
    """The definition, bit by bit, as text."""
    sign = -1.0 if code >> 7 else 1.0
    bits = f"{code & 0x7F:07b}"
    if code == 0x80:
        return math.nan
    if bits == "1101111":
        return sign * math.inf
    if bits.startswith("0000"):
        return sign * 2.0 ** (int(bits[4:], 2) - 23) if int(bits, 2) else 0.0
    widths = {"11": 4, "10": 3, "01": 2, "001": 1, "0001": 0}
    dot = next(dot for dot in widths if bits.startswith(dot))
    rest = bits[len(dot) :]
    exponent, fraction = rest[: widths[dot]], rest[widths[dot] :]
    power = 0
    if exponent:
        power = int("1" + exponent[1:], 2) * (-1 if exponent[0] == "1" else 1)
    share = int(fraction, 2) / 2 ** len(fraction) if fraction else 0.0
    return sign * (1 + share) * 2.0**power


def test_hifloat8_by_its_definition():
    expected = np.array([hifloat8(code) for code in range(256)], np.float32)
    np.testing.assert_array_equal(decode("hifloat8", np.arange(256, dtype=np.uint8)), expected)


def test_complex32_is_two_halves():
    halves = np.arange(65_536, dtype=np.uint16)
    source = _core.Source.from_buffer("codes", halves)
    found = source.tensor(offset=0, dtype="complex32", shape=(halves.size // 2,)).numpy()
    assert found.dtype == np.complex64
    with np.errstate(invalid="ignore"):
        expected = halves.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal(found.view(np.float32), expected)


def test_bools_are_normalised():
    found = decode("bool", np.array([0, 1, 2, 255], np.uint8))
    assert found.view(np.uint8).tolist() == [0, 1, 1, 1]
