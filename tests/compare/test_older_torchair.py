"""Dumps of PTA 7.1.0 and older that msit compared too: the same pairs and numbers."""

from pathlib import Path

import pytest

from oracles import msit
from trueness.dumps import compare_dumps
from trueness.model import Result, State

DATA = msit.DATA
FOLDERS = 5
"""{device}/{model}/{id}/{token} of a GE file."""
REPORTS = {"eq710": ("eq710_device0.csv", "eq710_device1.csv"), "lt710": ("lt710.csv",)}


def compare(name: str) -> list[Result]:
    return list(compare_dumps(DATA / name / "fx", DATA / name / "ge", jobs=2))


@pytest.mark.parametrize("name", REPORTS)
def test_pairs_and_numbers_of_msit(name: str) -> None:
    theirs = {}
    for report in REPORTS[name]:
        theirs |= msit.read(report, FOLDERS)
    ours = msit.by_key(compare(name), FOLDERS)
    assert set(ours) == set(theirs)
    assert sum(msit.assert_same_numbers(ours[key], row) for key, row in theirs.items()) > 90


def test_both_devices_are_in_one_report() -> None:
    """msit writes a report for each, named to the second: the later one may take the place of the
    first, and neither says which device it is of."""
    results = compare("eq710")
    assert {(r.my or r.golden).device for r in results if r.my} == {0, 1}
    assert not {r.my.path for r in results if r.my and r.golden and r.my.device} & {
        r.my.path for r in results if r.my and r.golden and not r.my.device
    }


def test_which_device_a_golden_folder_is_of_is_a_guess_and_says_so() -> None:
    for result in compare("eq710"):
        if result.golden and result.my and result.golden.path != result.my.path:
            assert "2 golden folders are alike" in result.pairing
    sure = [r for r in compare("lt710") if r.golden and r.my]
    assert sure
    assert not any("doubt" in result.pairing for result in sure)


def test_a_cast_is_compared_with_its_own_input() -> None:
    (cast,) = (r for r in compare("lt710") if r.my and r.my.order == 1763721000000959)
    assert (cast.golden.path, cast.golden.io, cast.my.io) == (cast.my.path, "input", "output")
    assert cast.state is State.OK


def test_the_folder_above_data_dump_or_itself() -> None:
    above = compare_dumps(DATA / "lt710" / "fx", DATA / "lt710" / "ge")
    itself = compare_dumps(DATA / "lt710/fx/data_dump", DATA / "lt710/ge/msit_ge_dump")
    assert [(r.golden and Path(r.golden.path), r.state) for r in above] == [
        (r.golden and Path(r.golden.path), r.state) for r in itself
    ]
