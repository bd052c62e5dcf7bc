from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.model import Dump, Pair, Record, State, TensorRef, Unmatched
from trueness.pair import paths
from trueness.pair.by_metadata import pair, with_path_map

SOURCE = "/here/7_0/golden_tensor/metadata.json"


def record(label: str, token: int, my: str, problem: str = "") -> Record:
    golden = f"/there/old/7_0/golden_tensor/{token}/{label}_tensor.pth"
    return Record(SOURCE, label, token, golden, my, problem)


def golden(records: Sequence[Record], root: str = "/here", *more: str) -> Dump:
    names = {f"{r.token}/{r.label}_tensor.pth" for r in records} | set(more)
    refs = [TensorRef(f"/here/7_0/golden_tensor/{name}", op_name=name) for name in sorted(names)]
    return Dump("manual", root, refs, records=records)


def mine(*paths: str, root: str = "/mine") -> Dump:
    return Dump("flat", root, [TensorRef(path, op_name=path) for path in paths])


def never(ref: TensorRef) -> list:
    raise AssertionError("names are enough")


def rows(golden: Dump, my: Dump) -> list[Pair | Unmatched]:
    return list(pair(golden, my, never))


def test_the_longest_end_of_the_recorded_path_decides() -> None:
    records = [record("a", 0, "/dumps/run/3/after/out0.bin")]
    (row, *others) = rows(
        golden(records), mine("/mine/run/2/after/out0.bin", "/mine/run/3/after/out0.bin")
    )
    assert isinstance(row, Pair)
    assert (row.my.path, row.doubt) == ("/mine/run/3/after/out0.bin", "")
    assert (row.golden.label, row.golden.token, row.pairing) == ("a", 0, "metadata.json")
    assert [(r.my.path, r.expected) for r in others] == [("/mine/run/2/after/out0.bin", True)]


def test_a_file_of_the_same_name_elsewhere_is_a_doubt() -> None:
    (row,) = rows(golden([record("a", 0, "/d/3/out0.bin")]), mine("/mine/2/out0.bin"))
    assert isinstance(row, Pair)
    assert "only the end agrees" in row.doubt


def test_a_name_recorded_in_several_folders_is_not_found_in_another() -> None:
    records = [record("a", 0, "/d/3/out0.bin"), record("b", 0, "/d/4/out0.bin")]
    lost, found = rows(golden(records), mine("/mine/4/out0.bin"))
    assert isinstance(lost, Unmatched) and lost.state is State.UNMATCHED_GOLDEN
    assert "/mine/4/out0.bin has the name but fits another recorded path" in lost.reason
    assert isinstance(found, Pair) and found.doubt == ""


def test_a_folder_renamed_in_the_middle_is_a_doubt_only() -> None:
    records = [record(label, 0, f"/d/run/{label}/out0.bin") for label in "ab"]
    found = rows(golden(records), mine("/mine/run2/a/out0.bin", "/mine/run2/b/out0.bin"))
    assert [(row.my.path, row.doubt[-16:]) for row in found] == [
        ("/mine/run2/a/out0.bin", "s (2 of 3 parts)"),
        ("/mine/run2/b/out0.bin", "s (2 of 3 parts)"),
    ]


def test_where_others_are_in_place_a_lost_file_is_lost() -> None:
    records = [record("a", 0, "/d/1/x.bin"), record("b", 0, "/d/2/y.bin")]
    found, lost, *_ = rows(golden(records), mine("/mine/1/x.bin", "/mine/3/y.bin"))
    assert isinstance(found, Pair)
    assert isinstance(lost, Unmatched)
    assert "/mine/3/y.bin has the name but is not in the recorded folder" in lost.reason


def test_a_golden_file_of_another_process_is_not_taken() -> None:
    dump = golden([record("a", 0, "/d/x.bin")])
    other = TensorRef("/here/8_0/golden_tensor/0/a_tensor.pth")
    (lost, *_) = rows(Dump("manual", "/here", [other], records=dump.records), mine("/mine/x.bin"))
    assert isinstance(lost, Unmatched)
    assert lost.reason.startswith("golden: no file 'a_tensor.pth'")


def test_the_golden_file_of_another_token_is_not_taken() -> None:
    records = [record("a", 0, "/d/0/x.bin"), record("a", 1, "/d/1/x.bin")]
    dump = golden(records)
    without = Dump("manual", "/here", dump.tensors[1:], records=records)
    lost, found = rows(without, mine("/mine/0/x.bin", "/mine/1/x.bin"))
    assert isinstance(lost, Unmatched) and lost.state is State.UNMATCHED_MY
    assert isinstance(found, Pair)


def test_a_flat_copy_is_no_doubt() -> None:
    (row,) = rows(golden([record("a", 0, "/d/3/out0.bin")]), mine("/mine/out0.bin"))
    assert isinstance(row, Pair)
    assert row.doubt == ""


def test_files_that_fit_alike_are_not_guessed() -> None:
    records = [record("a", 0, "/d/out0.bin")]
    (row, *_) = rows(golden(records), mine("/mine/1/out0.bin", "/mine/2/out0.bin"))
    assert isinstance(row, Unmatched)
    assert row.state is State.UNMATCHED_GOLDEN
    assert "/mine/1/out0.bin, /mine/2/out0.bin" in row.reason


def test_a_golden_file_is_looked_for_beside_its_metadata() -> None:
    """Two processes dumped the same names; the folders were renamed since."""
    refs = [TensorRef(f"/here/{p}/golden_tensor/0/a_tensor.pth") for p in ("new7", "new8")]
    records = [
        Record(
            f"/here/{p}/golden_tensor/metadata.json",
            "a",
            0,
            f"/old/{p[3:]}_0/golden_tensor/0/a_tensor.pth",
            f"/d/{p}.bin",
        )
        for p in ("new8", "new7")
    ]
    found = rows(
        Dump("manual", "/here", refs, records=records), mine("/mine/new7.bin", "/mine/new8.bin")
    )
    assert [(row.golden.path.split("/")[2], row.my.path) for row in found] == [
        ("new8", "/mine/new8.bin"),
        ("new7", "/mine/new7.bin"),
    ]


def test_what_is_missing_says_on_which_side() -> None:
    dump = golden([record("a", 0, "/d/a.bin"), record("b", 0, "/d/b.bin")])
    without = Dump("manual", "/here", dump.tensors[1:], records=dump.records)
    lost_golden, lost_my = rows(without, mine("/mine/a.bin"))
    assert (lost_golden.state, lost_golden.my.path) == (State.UNMATCHED_MY, "/mine/a.bin")
    assert lost_golden.reason.startswith("golden: no file 'a_tensor.pth'")
    assert (lost_my.state, lost_my.my.path) == (State.UNMATCHED_GOLDEN, "/d/b.bin")
    assert lost_my.reason.startswith("my: no file 'b.bin'")
    assert not lost_golden.expected and not lost_my.expected


def test_an_invalid_record_is_a_row() -> None:
    bad, good = rows(
        golden([record("a", 0, "", "no list"), record("b", 0, "/d/b.bin")], "/here"),
        mine("/mine/b.bin"),
    )[:2]
    assert isinstance(bad, Unmatched) and isinstance(good, Pair)
    assert bad.reason == "invalid record: no list"
    assert (bad.golden.path, bad.golden.label, bad.expected) == (SOURCE, "a", False)


def test_a_golden_file_that_a_later_token_pushed_out_of_the_metadata_is_a_row() -> None:
    found = rows(
        golden([record("a", 1, "/d/a.bin")], "/here", "0/a_tensor.pth"), mine("/mine/a.bin")
    )
    assert isinstance(found[0], Pair)
    assert [(r.golden.op_name, r.expected) for r in found[1:]] == [("0/a_tensor.pth", False)]


def test_tokens_that_share_a_my_file_are_a_doubt() -> None:
    found = rows(
        golden([record("a", 0, "/d/a.bin"), record("a", 1, "/d/a.bin")]), mine("/mine/a.bin")
    )
    assert [row.doubt for row in found] == ["2 records name this my file"] * 2


def test_one_my_file_is_compared_with_its_record_only() -> None:
    records = [record("a", 0, "/d/1/out0.bin"), record("b", 0, "/d/2/out0.bin")]
    found = rows(golden(records), mine("/mine/2/out0.bin", root="/mine/2/out0.bin"))
    assert isinstance(found[0], Unmatched) and found[0].expected
    assert isinstance(found[1], Pair) and found[1].doubt == ""
    assert len(found) == 2


def test_one_my_file_that_no_record_names_is_missing() -> None:
    found = rows(golden([record("a", 0, "/d/a.bin")]), mine("/mine/x.bin", root="/mine/x.bin"))
    assert [row.expected for row in found] == [False, False]


def test_one_golden_file_is_compared_with_what_its_record_names() -> None:
    records = [record("a", 0, "/d/a0.bin"), record("a", 1, "/d/a1.bin")]
    dump = golden(records, "/here/7_0/golden_tensor/1/a_tensor.pth")
    first, second = rows(dump, mine("/mine/a0.bin", "/mine/a1.bin"))
    assert isinstance(first, Unmatched) and first.expected
    assert isinstance(second, Pair) and second.my.path == "/mine/a1.bin"


def test_a_path_map_says_where_files_are() -> None:
    records = [record("a", 0, "/data1/d/a.bin"), record("b", 0, "/data10/d/b.bin")]
    dump = with_path_map(golden(records), {"/data1": "/disk", "/data1/d": "/disk/deep/"})
    first, second = rows(dump, mine("/mine/b.bin"))
    assert isinstance(first, Pair) and first.my.path == "/disk/deep/a.bin"
    assert isinstance(second, Pair) and second.my.path == "/mine/b.bin"


def test_files_of_one_name_do_not_make_it_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """All outputs of an ATB dump are called alike. Paths are compared once a record and side."""
    count = 200
    compared = []
    agreement = paths._agreement
    monkeypatch.setattr(paths, "_agreement", lambda *two: compared.append(0) or agreement(*two))
    records = [record("a", number, f"/d/{number}/out0.bin") for number in range(count)]
    found = rows(golden(records), mine(*(f"/mine/{number}/out0.bin" for number in range(count))))
    assert all(isinstance(row, Pair) and not row.doubt for row in found)
    assert len(compared) == 2 * count


LABELS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)


@given(LABELS, st.randoms(use_true_random=False))
def test_the_order_of_files_and_the_name_of_the_root_play_no_part(labels: list, random) -> None:
    records = [record(label, 0, f"/d/{label}/out.bin") for label in labels]
    paths = [f"/renamed/{label}/out.bin" for label in labels]
    random.shuffle(paths)
    found = rows(golden(records), mine(*paths, root="/renamed"))
    assert [(row.golden.label, row.my.path) for row in found if isinstance(row, Pair)] == [
        (label, f"/renamed/{label}/out.bin") for label in labels
    ]
