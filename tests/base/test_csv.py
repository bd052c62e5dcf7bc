import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trueness._core import csv_lines

BITS = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("d", struct.pack("Q", bits))[0])
NEAR_A_CHANGE = [s * x * 10.0**e for s in (1, -1) for e in (-5, -4, 0, 15, 16) for x in (1, 9.5)]


@given(st.lists(st.floats() | BITS | st.floats(width=32), min_size=1))
@example([0.0, -0.0, 5e-324, 2.0**-44, 2.0**53 + 2, float("nan"), float("-inf"), *NEAR_A_CHANGE])
def test_floats_stand_as_python_writes_them_and_nan_as_nothing(values: list[float]) -> None:
    shown = ["" if value != value else repr(value) for value in values]
    assert csv_lines([values]).decode() == ",".join(shown) + "\n"


def test_powers_of_two_between_two_equally_short_decimals() -> None:
    values = [2.0**e for e in range(-1074, 1024)]
    assert csv_lines([values]).decode() == ",".join(map(repr, values)) + "\n"


@given(st.lists(st.integers(), min_size=1))
@example([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, -1])
def test_integers(values: list[int]) -> None:
    assert csv_lines([values]).decode() == ",".join(map(str, values)) + "\n"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("", ""),
        ("a,b", '"a,b"'),
        ('=1,"2"', '"\'=1,""2"""'),
        ("a=1", "a=1"),
        ("\r\0", "'\\r\\0"),
        ("\udcff\u6587", "\\udcff\u6587"),
    ],
)
def test_text(cell: str, shown: str) -> None:
    assert csv_lines([[cell, cell]]).decode() == f"{shown},{shown}\n"


def test_what_is_no_cell_is_refused() -> None:
    with pytest.raises(TypeError):
        csv_lines([["a"], [None]])  # type: ignore[list-item]


def test_rows_stand_one_below_the_other() -> None:
    rows: list[list[str | int | float]] = [["a", 1, 0.5, 2**70], ["\udcff", "\udcfe"], [], [""]]
    assert csv_lines(rows) == b"a,1,0.5,1180591620717411303424\n\\udcff,\\udcfe\n\n\n"
    assert csv_lines([]) == b""
