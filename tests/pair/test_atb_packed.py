"""One decoder layer, computed by torch in more operators than by ATB."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from builders import atb
from builders.decoder import write_torch
from trueness.dumps import compare_dumps
from trueness.model import Result, State

RNG = np.random.default_rng(5)
LAYER = "root.model.layers.0"
ATTENTION = "1_DecoderLayer/0_Attention"
MLP = "1_DecoderLayer/1_Mlp"
Values = Mapping[str, np.ndarray]


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


Q, K, V = random(1, 5, 8), random(1, 5, 4), random(1, 5, 4)
GATE, UP, HIDDEN = random(1, 5, 6), random(1, 5, 6), random(1, 5, 6)
QKV = np.concatenate([Q, K, V], -1)[0]
GATE_UP = np.concatenate([GATE, UP], -1)[0]
TORCH = {
    f"{LAYER}.self_attn.q_proj/output": Q,
    f"{LAYER}.self_attn.k_proj/output": K,
    f"{LAYER}.self_attn.v_proj/output": V,
    f"{LAYER}.self_attn.o_proj/output": random(1, 5, 8),
    f"{LAYER}.mlp.gate_proj/output": GATE,
    f"{LAYER}.mlp.up_proj/output": UP,
    f"{LAYER}.mlp.act_fn/output": GATE + 1,
    f"{LAYER}.mlp.down_proj/input_0": HIDDEN,
    f"{LAYER}.mlp.down_proj/output": random(1, 5, 8),
    f"{LAYER}/output": random(1, 5, 8),
}


def compare(tmp_path: Path, my: Values, torch: Values = TORCH) -> dict[str, Result]:
    """Rows of my side by the path of the file below its token."""
    golden = write_torch(tmp_path / "golden", dict(torch))
    for name in ("0_Attention", "1_Mlp"):
        my = {f"1_DecoderLayer/{name}/after/outtensor0": random(5, 8), **my}
    atb.write(tmp_path / "my", my)
    rows = list(compare_dumps(golden, tmp_path / "my", layout="atb_torch"))
    above = tmp_path / "my/tensors/0_1234/0"
    files = (tmp_path / "golden").rglob("*.pth")
    named = [p for r in rows if r.golden for p in (r.golden.path, *r.golden.shards)]
    assert set(map(str, files)) == set(named)
    mine = [row for row in rows if row.my]
    found = {str(Path(r.my.path).relative_to(above)).removesuffix(".bin"): r for r in mine}
    assert len(found) == len(mine)
    return found


@pytest.mark.parametrize(
    "linear",
    [
        f"{ATTENTION}/0_LinearOperation",
        f"{ATTENTION}/0_QKVLinearSplitPack/0_LinearOperation",
        f"{ATTENTION}/0_QKVLinearSplitPack/0_LinearQuantOperation",
    ],
)
def test_a_packed_projection_meets_the_separate_ones_together(tmp_path: Path, linear: str) -> None:
    my = {f"{linear}/after/outtensor0": QKV, f"{ATTENTION}/3_LinearOperation/after/outtensor0": Q}
    row = compare(tmp_path, my)[f"{linear}/after/outtensor0"]
    assert (row.state, row.passed, row.golden_shape) == (State.OK, True, (1, 5, 16))
    assert row.pairing.startswith("q_proj, k_proj, v_proj together are 0_Linear")
    assert "3 golden and 1 my parts joined along dimension 2" in row.pairing
    assert "doubtful: taken for packed in the order q_proj, k_proj, v_proj" in row.pairing


def test_another_order_is_seen(tmp_path: Path) -> None:
    name = f"{ATTENTION}/0_QKV/0_LinearOperation/after/outtensor0"
    my = {name: np.concatenate([K, Q, V], -1)[0], f"{ATTENTION}/1_LinearOperation/x": Q}
    assert compare(tmp_path, my)[name].passed is False


@pytest.mark.parametrize("node", ["0_QKVLinearSplitPack", "0_QKVLinearSplitPack/1_SplitOperation"])
def test_each_output_of_a_split_has_its_own_partner(tmp_path: Path, node: str) -> None:
    """msit compares each with each of them."""
    outputs = {f"{ATTENTION}/{node}/after/outtensor{i}": x[0] for i, x in enumerate((Q, K, V))}
    found = compare(tmp_path, outputs)
    for name, part in zip(outputs, ("q_proj", "k_proj", "v_proj"), strict=True):
        assert (found[name].passed, found[name].golden.op_name.rpartition(".")[2]) == (True, part)
        assert "doubtful" not in found[name].pairing


def test_three_projections_in_a_pack(tmp_path: Path) -> None:
    names = [f"{ATTENTION}/0_QKV/{i}_LinearOperation/after/outtensor0" for i in range(3)]
    found = compare(tmp_path, dict(zip(names, (Q[0], K[0], V[0]), strict=True)))
    assert all(found[name].passed and "in this order" in found[name].pairing for name in names)


def on_cards(tmp_path: Path, parts: list[np.ndarray], torch: Values = TORCH) -> Result:
    name = f"{ATTENTION}/0_QKV/0_LinearOperation/after/outtensor0"
    for card, part in enumerate(parts[1:], 1):
        atb.write(tmp_path / "my", {name: part}, card=f"{card}_1234")
    return compare(tmp_path, {name: parts[0]}, torch)[name]


@pytest.mark.parametrize("cards", [2, 4])
def test_each_card_has_its_part_of_q_k_and_v(tmp_path: Path, cards: int) -> None:
    shares = [np.split(x[0], cards, -1) for x in (Q, K, V)]
    row = on_cards(tmp_path, [np.concatenate(share, -1) for share in zip(*shares, strict=True)])
    assert (row.passed, row.my_shape, row.golden_shape) == (True, (5, 16), (1, 5, 16))
    assert f"3 tensors in each of {cards} my parts put in order" in row.pairing


def test_one_behind_the_other_they_are_in_another_order(tmp_path: Path) -> None:
    assert on_cards(tmp_path, np.split(QKV, 2, -1)).passed is False


@pytest.mark.parametrize(
    "parts",
    [[QKV[:, :6]] * 2, [QKV[:, :8], QKV[:, :6]], [QKV[:, :5]] * 3],
    ids=["narrow", "unlike", "uneven"],
)
def test_packs_that_do_not_add_up(tmp_path: Path, parts: list[np.ndarray]) -> None:
    """As where k and v are on every card, since there are fewer of their heads than cards."""
    row = on_cards(tmp_path, parts)
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert "tensors of widths [8, 4, 4] are not packed in" in row.reason


def test_a_number_is_no_pack(tmp_path: Path) -> None:
    torch = {**TORCH, f"{LAYER}.self_attn.k_proj/output": np.array(1, np.float32)}
    row = on_cards(tmp_path, [QKV, QKV], torch)
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert "a single number has no parts" in row.reason


def test_the_gate_of_an_mlp(tmp_path: Path) -> None:
    files = {
        f"{MLP}/1_LinearOperation/after/outtensor0": GATE_UP,
        f"{MLP}/2_SplitOperation/after/outtensor0": GATE[0],
        f"{MLP}/2_SplitOperation/after/outtensor1": UP[0],
        f"{MLP}/3_ActivationOperation/after/outtensor0": GATE[0] + 1,
        f"{MLP}/4_ElewiseOperation/after/outtensor0": HIDDEN[0],
        f"{MLP}/5_LinearOperation/after/outtensor0": TORCH[f"{LAYER}.mlp.down_proj/output"][0],
    }
    found = compare(tmp_path, files)
    assert [found[name].passed for name in files] == [True] * 6
    assert "gate_proj, up_proj together are 1_LinearOperation" in found[next(iter(files))].pairing
    assert found[f"{MLP}/4_ElewiseOperation/after/outtensor0"].golden.io == "input"


def test_an_activation_with_its_gate(tmp_path: Path) -> None:
    name = f"{MLP}/3_ActivationOperation/after/outtensor0"
    row = compare(tmp_path, {name: HIDDEN[0]})[name]
    assert (row.passed, row.golden.path.rpartition("/")[2]) == (True, "input_0.pth")
    assert "taken for the activation and its gate" in row.pairing


TABLE = random(1, 1, 32, 4)


def rope(tmp_path: Path, cos: np.ndarray, length: object, table: np.ndarray = TABLE) -> Result:
    node = f"{ATTENTION}/1_RopeOperation"
    inputs = [Q[0], K[0], cos, cos + 1, np.asarray(length, np.int32)]
    my = {f"{node}/before/intensor{i}": x for i, x in enumerate(inputs)}
    names = [f"{LAYER}.self_attn.rotary_emb/output_{i}" for i in (0, 1)]
    torch = {**TORCH, names[0]: table, names[1]: table + 1}
    found = compare(tmp_path, my, torch)
    cos_row, sin_row = (found[f"{node}/before/intensor{i}"] for i in (2, 3))
    assert (cos_row.state, cos_row.passed) == (sin_row.state, sin_row.passed)
    others = [found[f"{node}/before/intensor{i}"].passed for i in (0, 1, 4)]
    assert others == [None] * 3
    return cos_row


@pytest.mark.parametrize(("start", "end"), [(6, 7), (0, 7), (2, 32), (31, 32)])
def test_rope_takes_the_last_positions_of_the_table(tmp_path: Path, start: int, end: int) -> None:
    row = rope(tmp_path, TABLE[0, 0, start:end], [end])
    assert (row.state, row.passed) == (State.OK, True)
    assert f"golden positions {start} to {end - 1} along dimension 2" in row.pairing


def test_rope_with_tables_of_just_what_is_used(tmp_path: Path) -> None:
    row = rope(tmp_path, TABLE[0, 0, 3:5], [5], TABLE[0, :, 3:5])
    assert (row.passed, row.pairing) == (True, "cos of rotary_emb")


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        ([33], "33 positions computed, golden has 32, my 1"),
        ([0], "0 positions computed"),
        ([3, 4], "one sequence length was expected, found 2 of int32"),
    ],
)
def test_lengths_that_cannot_be(tmp_path: Path, length: list[int], reason: str) -> None:
    row = rope(tmp_path, TABLE[0, 0, :1], length)
    assert (row.state, row.passed) == (State.UNREADABLE, False)
    assert reason in row.reason


def test_tables_of_another_width_are_not_cut(tmp_path: Path) -> None:
    row = rope(tmp_path, random(1, 8), [3])
    assert row.state is State.SHAPE_MISMATCH
