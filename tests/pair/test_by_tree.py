from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import atb
from trueness.dumps import compare_dumps
from trueness.model import Dump, Pair, State, TensorRef, Unmatched
from trueness.pair.by_tree import pair

X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def side(*names: str) -> Dump:
    return Dump("atb", "", [TensorRef(f"{n}.bin", op_name=n, io="output") for n in names])


def rows(golden: Dump, my: Dump) -> list[Pair | Unmatched]:
    return list(pair(golden, my, lambda ref: pytest.fail("names are enough")))


def names(found: list[Pair | Unmatched]) -> list[tuple[str, str]]:
    return [(r.golden.op_name if r.golden else "", r.my.op_name if r.my else "") for r in found]


def test_equal_trees() -> None:
    paths = "0_Layer/0_Linear", "0_Layer/1_Linear", "0_Layer", "1_Layer/0_Linear", "1_Layer"
    found = rows(side(*paths), side(*paths))
    assert names(found) == [(path, path) for path in paths]
    assert all(isinstance(row, Pair) and row.pairing == "name" and not row.doubt for row in found)


def test_quantisation_puts_parts_in_and_renames_others() -> None:
    golden = side("0_Attention/0_RmsNorm", "0_Attention/1_LinearOperation", "0_Attention/2_Add")
    my = side(
        "0_Attention/0_RmsNorm",
        "0_Attention/1_Quant",
        "0_Attention/2_LinearQuantOperation",
        "0_Attention/3_Add",
    )
    found = rows(golden, my)
    assert names(found) == [
        ("0_Attention/0_RmsNorm", "0_Attention/0_RmsNorm"),
        ("", "0_Attention/1_Quant"),
        ("0_Attention/1_LinearOperation", "0_Attention/2_LinearQuantOperation"),
        ("0_Attention/2_Add", "0_Attention/3_Add"),
    ]
    assert found[2].pairing == "type and order: 1_LinearOperation and 2_LinearQuantOperation"
    assert not found[2].doubt
    assert found[1].reason.startswith("the operator that belongs to 0_Attention has no such part")


def test_one_of_several_alike_is_doubtful_and_so_are_its_parts() -> None:
    found = rows(side("0_Mlp/0_Linear"), side("0_Mlp/0_Linear", "1_Mlp/0_Linear"))
    assert names(found) == [("0_Mlp/0_Linear", "0_Mlp/0_Linear"), ("", "1_Mlp/0_Linear")]
    assert found[0].doubt == "1 golden and 2 of my Mlp in the model"


def test_no_cross_products_and_10_comes_after_2() -> None:
    paths = [f"{k}_Linear" for k in range(12)]
    found = rows(side(*paths), side(*paths))
    assert names(found) == [(path, path) for path in paths]


def test_before_is_not_after() -> None:
    golden = Dump("atb", "", [TensorRef("g", op_name="0_Add", io="input", argument="before")])
    my = Dump("atb", "", [TensorRef("m", op_name="0_Add", io="input", argument="after")])
    assert [row.reason for row in rows(golden, my)] == [
        "golden 0_Add has no such tensor",
        "my 0_Add has no such tensor",
    ]


PATHS = st.lists(
    st.lists(st.sampled_from(["0_A", "1_A", "1_B", "2_B", "Odd"]), min_size=1, max_size=3).map(
        "/".join
    ),
    unique=True,
    max_size=8,
)


@given(PATHS, PATHS)
def test_every_tensor_is_in_one_row_and_kinds_agree(golden: list, my: list) -> None:
    found = rows(side(*golden), side(*my))
    assert sorted(row.golden.op_name for row in found if row.golden) == sorted(golden)
    assert sorted(row.my.op_name for row in found if row.my) == sorted(my)
    for row in found:
        if isinstance(row, Pair):
            left, right = (ref.op_name.split("/") for ref in (row.golden, row.my))
            assert [n.lstrip("0123456789_") for n in left] == [
                n.lstrip("0123456789_") for n in right
            ]


def test_end_to_end_with_every_token_and_card(tmp_path: Path) -> None:
    for name, factor in (("golden", 1), ("my", 3)):
        for card in ("0_11", "1_12"):
            for token in (0, 1):
                scale = factor if (card, token) == ("1_12", 1) else 1
                files = {"0_Add/after/outtensor0": X, "1_Linear/after/outtensor0": X * scale}
                atb.write(tmp_path / name, files, token=token, card=card)
    found = list(compare_dumps(tmp_path / "golden", tmp_path / "my"))
    assert len(found) == 8
    assert [(r.my.rank, r.my.token, r.my.op_name) for r in found if not r.passed] == [
        (1, 1, "1_Linear")
    ]


def test_parts_on_several_cards_are_joined(tmp_path: Path) -> None:
    wide = np.arange(24, dtype=np.float16).reshape(2, 12)
    atb.write(tmp_path / "golden", {"0_Add/after/outtensor0": wide, "1_Norm/after/outtensor0": X})
    for device in range(12):
        files = {"0_Add/after/outtensor0": wide[:, device : device + 1] + (device == 11)}
        files["1_Norm/after/outtensor0"] = X
        atb.write(tmp_path / "my", files, card=f"{device}_7")
    cut, whole = compare_dumps(tmp_path / "golden", tmp_path / "my")
    assert "1 golden and 12 my parts joined along dimension 1" in cut.pairing
    assert (cut.my_dtype, cut.my_shape, cut.passed) == ("float16", (2, 12), False)
    assert cut.metrics["max_absolute_index"] in (11, 23)
    assert cut.metrics["max_absolute_error"] == 1
    assert (whole.pairing, whole.passed) == ("name", True)


def test_parts_that_do_not_add_up_are_doubtful(tmp_path: Path) -> None:
    atb.write(tmp_path / "golden", {"0_Sum/after/outtensor0": X, "1_Cut/after/outtensor0": X})
    for device in (0, 1):
        files = {"0_Sum/after/outtensor0": X * device, "1_Cut/after/outtensor0": X[:, :1] + device}
        atb.write(tmp_path / "my", files, card=f"{device}_7")
    partial, cut = compare_dumps(tmp_path / "golden", tmp_path / "my")
    assert "2 parts of my differ and do not add up; the first is" in partial.pairing
    assert cut.state is State.SHAPE_MISMATCH


def test_statistics_of_parts_cannot_be_joined(tmp_path: Path) -> None:
    files = {"0_Add/after/outtensor0": X}
    atb.write(tmp_path / "golden", files, statistics=True)
    for card in ("0_1", "1_1"):
        atb.write(tmp_path / "my", files, card=card, statistics=True)
    (row,) = compare_dumps(tmp_path / "golden", tmp_path / "my")
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert "only statistics, and those of parts cannot be joined" in row.reason


def test_statistics_are_compared_as_such(tmp_path: Path) -> None:
    atb.write(tmp_path / "golden", {"0_Add/after/outtensor0": X}, statistics=True)
    atb.write(tmp_path / "my", {"0_Add/after/outtensor0": X * 2})
    (row,) = compare_dumps(tmp_path / "golden", tmp_path / "my")
    assert (row.state, row.passed) == (State.OK, False)
    assert row.reason.startswith("statistics only: max differs by 1")


def test_what_is_missing_on_both_sides_does_not_bring_its_neighbours_together() -> None:
    found = rows(side("0_Add", "2_Add"), side("1_Add", "2_Add"))
    assert names(found) == [("", "1_Add"), ("2_Add", "2_Add"), ("0_Add", "")]
    assert found[1].doubt == "the Add in the model have other numbers in golden than in my"


def test_a_part_of_the_operators_of_a_quantised_model() -> None:
    """Dumped were the linears only: that numbers fit by chance says nothing."""
    golden = side(*(f"{k}_Layer/0_Mlp/{n}_LinearOperation" for k in (0, 1) for n in (1, 2, 4)))
    my = side(*(f"{k}_Layer/0_Mlp/{n}_LinearOperation" for k in (0, 1) for n in (2, 5, 8)))
    assert [(g[-17:-16], m[-17:-16]) for g, m in names(rows(golden, my))] == [
        ("1", "2"),
        ("2", "5"),
        ("4", "8"),
    ] * 2


def test_what_quantising_puts_in_need_not_be_dumped() -> None:
    found = rows(side("0_Norm", "1_LinearOperation"), side("0_Norm", "2_LinearQuantOperation"))
    assert names(found)[1] == ("1_LinearOperation", "2_LinearQuantOperation")
