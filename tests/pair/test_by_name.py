from hypothesis import given
from hypothesis import strategies as st

from trueness.model import Dump, Pair, TensorRef, Unmatched
from trueness.pair.by_name import pair


def dump(side: str, *names: str) -> Dump:
    return Dump("flat", side, [TensorRef(f"{side}/{name}", op_name=name) for name in sorted(names)])


def never(ref: TensorRef) -> list:
    raise AssertionError("names are enough")


def rows(golden: Dump, my: Dump) -> list[tuple[str, str]]:
    return [
        (row.golden.op_name if row.golden else "", row.my.op_name if row.my else "")
        for row in pair(golden, my, never)
    ]


def test_equal_names_first_then_the_only_one_of_another_suffix() -> None:
    golden = dump("g", "a/x.npy", "a/y.npy", "z.npy", "w")
    my = dump("m", "a/x.npy", "a/y.bin", "z", "w.pt")
    assert rows(golden, my) == [
        ("a/x.npy", "a/x.npy"),
        ("a/y.npy", "a/y.bin"),
        ("w", "w.pt"),
        ("z.npy", "z"),
    ]


def test_folders_are_part_of_the_name() -> None:
    assert rows(dump("g", "a/x.npy"), dump("m", "b/x.npy")) == [("a/x.npy", ""), ("", "b/x.npy")]


def test_several_of_another_suffix_are_not_guessed() -> None:
    found = list(pair(dump("g", "x.pt"), dump("m", "x.bin", "x.npy"), never))
    assert all(isinstance(row, Unmatched) and not row.expected for row in found)
    assert len(found) == 3
    assert all("x.bin" in row.reason and "x.npy" in row.reason for row in found)


def test_the_time_of_a_ge_name_is_no_suffix() -> None:
    name = "Add.Add_2.44.6.1706596912161941"
    assert rows(dump("g", name + ".npy"), dump("m", name)) == [(name + ".npy", name)]
    assert rows(dump("g", "Add.Add_2.44.6"), dump("m", name))[0] == ("Add.Add_2.44.6", "")


NAMES = st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from(["", ".npy", ".bin"])))


@given(NAMES, NAMES)
def test_every_file_is_in_one_row(golden: set, my: set) -> None:
    left, right = ["".join(name) for name in golden], ["".join(name) for name in my]
    found = list(pair(dump("g", *left), dump("m", *right), never))
    assert sorted(row.golden.op_name for row in found if row.golden) == sorted(left)
    assert sorted(row.my.op_name for row in found if row.my) == sorted(right)
    for row in found:
        if isinstance(row, Pair):
            assert row.golden.op_name.partition(".")[0] == row.my.op_name.partition(".")[0]
