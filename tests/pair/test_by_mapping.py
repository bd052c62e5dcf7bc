from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.errors import FormatError, UsageError
from trueness.model import Described, Dump, Pair, State, TensorRef, Unmatched
from trueness.pair.by_mapping import pair
from trueness.pair.mapping_file import NameMapping, Rule


def dump(*names: str, layout: str = "flat") -> Dump:
    return Dump(layout, "", [TensorRef(f"/{name}", op_name=name) for name in names])


def never(ref: TensorRef) -> list:
    raise AssertionError("names are enough")


def mapping(
    pairs: Sequence[tuple[str, str]] = (),
    globs: Sequence[tuple[str, str]] = (),
    renames: Sequence[tuple[str, str]] = (),
) -> NameMapping:
    kinds = ([Rule(*rule) for rule in rules] for rules in (pairs, globs, renames))
    return NameMapping("map.json", *kinds)


def rows(golden: Dump, my: Dump, rules: NameMapping, describe=never) -> list[Pair | Unmatched]:
    return list(pair(golden, my, describe, rules))


def names(found: list[Pair | Unmatched]) -> list[tuple[str, str]]:
    return [
        (row.golden.op_name if row.golden else "", row.my.op_name if row.my else "")
        for row in found
    ]


def test_exact_pairs_then_globs_then_renames_then_names() -> None:
    golden = dump("embed", "layers.0.attn", "layers.1.attn", "layers.1.mlp", "norm", "head.npy")
    my = dump("tok", "blk.1.a", "blk.0.a", "blk.1.m", "norm", "head.bin", "extra")
    rules = mapping(
        [("embed", "tok")],
        [("layers.*.attn", "blk.*.a")],
        [(r"layers.\1.mlp", r"^blk\.(\d+)\.m$")],
    )
    found = rows(golden, my, rules)
    assert names(found) == [
        ("embed", "tok"),
        ("layers.0.attn", "blk.0.a"),
        ("layers.1.attn", "blk.1.a"),
        ("layers.1.mlp", "blk.1.m"),
        ("norm", "norm"),
        ("head.npy", "head.bin"),
        ("", "extra"),
    ]
    assert [row.pairing for row in found if isinstance(row, Pair)] == [
        "mapping: pair",
        "mapping: glob layers.*.attn = blk.*.a",
        "mapping: glob layers.*.attn = blk.*.a",
        "mapping: rename",
        "name",
        "name but for the suffix",
    ]


def test_a_pair_wins_over_a_glob_and_over_equal_names() -> None:
    rules = mapping([("a.1", "b.2")], [("a.*", "b.*")])
    assert names(rows(dump("a.1", "a.2"), dump("b.1", "b.2"), rules)) == [
        ("a.1", "b.2"),
        ("a.2", ""),
        ("", "b.1"),
    ]
    assert names(rows(dump("x", "y"), dump("x", "y"), mapping([("x", "y")]))) == [
        ("x", "y"),
        ("y", ""),
        ("", "x"),
    ]


@pytest.mark.parametrize(
    ("golden", "my", "rules"),
    [
        (["q", "k"], ["qkv"], mapping([("q", "qkv"), ("k", "qkv")])),
        (["qkv"], ["q", "k"], mapping([("qkv", "q"), ("qkv", "k")])),
        (["a1", "b1"], ["x1"], mapping(globs=[("a?", "x?"), ("b?", "x?")])),
        (["a"], ["x1", "x2"], mapping(renames=[("a", r"x\d")])),
        (["a.npy", "a.pt"], ["x"], mapping([("a", "x")])),
    ],
)
def test_two_for_one_are_said_and_never_a_cross_product(
    golden: list, my: list, rules: NameMapping
) -> None:
    found = rows(dump(*golden), dump(*my), rules)
    assert all(isinstance(row, Unmatched) and not row.expected for row in found)
    assert len(found) == len(golden) + len(my)
    assert all("ambiguous by the mapping" in row.reason for row in found)


def test_what_is_ambiguous_is_not_paired_by_a_weaker_rule() -> None:
    found = rows(dump("q", "k"), dump("q", "qkv"), mapping([("q", "qkv"), ("k", "qkv")]))
    assert [row for row in found if isinstance(row, Pair)] == []


def test_rules_for_what_is_not_there_are_rows() -> None:
    rules = mapping([("a", "x"), ("b", "y"), ("c", "z")])
    unknown, lost_golden, lost_my = rows(dump("a"), dump("y"), rules)
    assert (unknown.golden.path, unknown.golden.op_name) == ("map.json", "c")
    assert lost_golden.reason == "the mapping pairs it with x, which is not there"
    assert lost_my.reason == "the mapping pairs it with b, not there"


def test_renames_are_done_one_after_the_other() -> None:
    rules = mapping(renames=[("model.", "^module_"), ("layers", "blk")])
    found = rows(dump("model.layers.0"), dump("module_blk.0", "module_blk.1"), rules)
    assert names(found) == [("model.layers.0", "module_blk.0"), ("", "module_blk.1")]
    assert found[1].reason == "no golden name fits model.layers.1, as it is renamed"


def test_a_rename_without_such_a_group_is_refused() -> None:
    with pytest.raises(UsageError, match="rename"):
        rows(dump("a"), dump("x"), mapping(renames=[(r"\2", "x")]))


def ref(name: str, path: str = "", **where) -> TensorRef:
    return TensorRef(path or f"/{name}/{sorted(where.items())}", op_name=name, **where)


def test_ranks_tokens_and_places_stay_together() -> None:
    places = [
        {"rank": rank, "token": token, "io": io, "index": index}
        for rank in (0, 1)
        for token in (0, 1)
        for io, index in (("input", 0), ("input", 1), ("output", 0))
    ]
    golden = Dump("x", "", [ref("a", **place) for place in places])
    my = Dump("y", "", [ref("b", **place) for place in reversed(places)])
    found = rows(golden, my, mapping([("a", "b")]))
    assert len(found) == 12
    for row in found:
        assert isinstance(row, Pair)
        assert (row.golden.rank, row.golden.token) == (row.my.rank, row.my.token)
        assert (row.golden.io, row.golden.index) == (row.my.io, row.my.index)


def test_a_whole_file_is_opened_for_single_tensors() -> None:
    golden = Dump("x", "", [ref("a", io="input", index=1), ref("a", io="output", index=0)])
    my = Dump("y", "", [ref("b", path="/ge")])

    def describe(ref: TensorRef) -> list[Described]:
        places = ("input", 0), ("input", 1), ("output", 0)
        return [Described(io, index, "float32", (1,)) for io, index in places]

    found = rows(golden, my, mapping([("a", "b")]), describe)
    pairs = [(row.golden.io, row.my.member) for row in found if isinstance(row, Pair)]
    assert pairs == [("input", ("input", 1)), ("output", ("output", 0))]
    assert [row.my.member for row in found if isinstance(row, Unmatched)] == [("input", 0)]


def test_a_whole_file_that_cannot_be_read_is_said() -> None:
    def describe(ref: TensorRef) -> list[Described]:
        raise FormatError(ref.path, 0, "", "a header", "none")

    golden = Dump("x", "", [ref("a", io="output", index=0)])
    found = rows(golden, Dump("y", "", [ref("b", path="/ge")]), mapping([("a", "b")]), describe)
    assert [(row.state, bool(row.golden)) for row in found] == [
        (State.UNREADABLE, False),
        (None, True),
    ]


def test_names_of_tensors_in_files() -> None:
    inside = {"/g": ["model.0.w", "model.1.w"], "/m": ["blk.1.w", "blk.0.w"]}

    def describe(ref: TensorRef) -> list[Described]:
        return [Described("", i, "float32", (1,), name) for i, name in enumerate(inside[ref.path])]

    sides = (dump(name, layout="checkpoint") for name in "gm")
    found = rows(*sides, mapping(globs=[("model.*.w", "blk.*.w")]), describe)
    assert [(row.golden.member, row.my.member) for row in found] == [
        ("model.0.w", "blk.0.w"),
        ("model.1.w", "blk.1.w"),
    ]


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "a.npy", "b.bin"]), unique=True)
RULES = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=5)


@given(NAMES, NAMES, RULES, st.randoms(use_true_random=False))
def test_every_name_is_in_one_row_whatever_the_order(golden, my, pairs, random) -> None:
    found = rows(dump(*golden), dump(*my), mapping(pairs))
    assert sorted(row.my.op_name for row in found if row.my) == sorted(my)
    own = [row.golden.op_name for row in found if row.golden and row.golden.path != "map.json"]
    assert sorted(own) == sorted(golden)
    shuffled = [list(names) for names in (golden, my, pairs)]
    for part in shuffled:
        random.shuffle(part)
    again = rows(dump(*shuffled[0]), dump(*shuffled[1]), mapping(shuffled[2]))
    assert sorted(names(again)) == sorted(names(found))
