from hypothesis import given
from hypothesis import strategies as st

from trueness.errors import FormatError
from trueness.model import Described, Dump, Pair, State, TensorRef, Unmatched
from trueness.pair.by_tensor_name import pair

Files = dict[str, list[str]]


def dump(side: str, files: Files) -> Dump:
    return Dump("checkpoint", side, [TensorRef(f"{side}/{f}", op_name=f) for f in sorted(files)])


def rows(golden: Files, my: Files, broken: str = "") -> list[Pair | Unmatched]:
    def describe(ref: TensorRef) -> list[Described]:
        if ref.path == broken:
            raise FormatError(ref.path, 3, "", "a header", "none")
        names = (golden if ref.path.startswith("g/") else my)[ref.op_name]
        return [Described("", place, "float32", (2,), name) for place, name in enumerate(names)]

    return list(pair(dump("g", golden), dump("m", my), describe))


def where(row: Pair | Unmatched) -> tuple[str, str]:
    left = f"{row.golden.path}:{row.golden.member}" if row.golden else ""
    return left, f"{row.my.path}:{row.my.member}" if row.my else ""


def test_names_meet_across_shards() -> None:
    found = rows({"1.pt": ["a", "b"], "2.pt": ["c"]}, {"x.npz": ["c", "b", "a"]})
    assert [where(row) for row in found] == [
        ("g/1.pt:a", "m/x.npz:a"),
        ("g/1.pt:b", "m/x.npz:b"),
        ("g/2.pt:c", "m/x.npz:c"),
    ]
    assert {row.pairing for row in found} == {"tensor name"}


def test_what_one_side_lacks_is_a_row() -> None:
    assert [where(row) for row in rows({"1": ["a", "b"]}, {"1": ["b", "c"]})] == [
        ("g/1:a", ""),
        ("g/1:b", "m/1:b"),
        ("", "m/1:c"),
    ]


def test_a_name_in_several_files_is_paired_between_files_of_one_name() -> None:
    """Tensor-parallel ranks hold parts of the same name."""
    found = rows({"r0.pt": ["a"], "r1.pt": ["a"]}, {"r1.pt": ["a"], "r0.pt": ["a"]})
    assert [where(row) for row in found] == [("g/r0.pt:a", "m/r0.pt:a"), ("g/r1.pt:a", "m/r1.pt:a")]


def test_what_cannot_be_told_apart_is_no_cross_product() -> None:
    found = rows({"1": ["a"]}, {"2": ["a"], "3": ["a"]})
    assert [where(row) for row in found] == [("g/1:a", ""), ("", "m/2:a"), ("", "m/3:a")]
    assert all("1 golden and 2 my files hold this name" in row.reason for row in found)
    assert all(isinstance(row, Unmatched) and not row.expected for row in found)


def test_a_file_without_names_is_called_by_its_own() -> None:
    (row,) = rows({"a.npy": [""]}, {"x.npz": ["a"]})
    assert where(row) == ("g/a.npy:", "m/x.npz:a")


def test_an_unreadable_shard_ends_nothing() -> None:
    first, lost, pair = rows({"1": ["a", "b"]}, {"1": ["a"], "2": ["b"]}, broken="m/1")
    assert (first.my.path, first.state) == ("m/1", State.UNREADABLE)
    assert "expected a header" in first.reason
    assert lost.reason == "no my file holds a tensor of this name, and 1 cannot be read"
    assert where(pair) == ("g/1:b", "m/2:b")


SHARDS = st.lists(st.integers(0, 3), min_size=12, max_size=12)


@given(SHARDS, SHARDS)
def test_how_tensors_are_spread_over_shards_plays_no_part(left: list, right: list) -> None:
    def spread(places: list) -> Files:
        files: Files = {}
        for number, place in enumerate(places):
            files.setdefault(f"shard{place}", []).append(f"t{number}")
        return files

    found = rows(spread(left), spread(right))
    assert all(isinstance(row, Pair) and row.golden.member == row.my.member for row in found)
    assert sorted(row.golden.member for row in found) == sorted(f"t{i}" for i in range(12))
