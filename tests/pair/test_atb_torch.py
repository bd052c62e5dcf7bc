from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from builders import atb
from builders.decoder import atb_names, side, torch, write_torch
from trueness.dumps import compare_dumps
from trueness.errors import PairingError
from trueness.model import Dump, Pair, TensorRef, Unmatched
from trueness.pair import outline
from trueness.pair.atb_torch import pair


def rows(golden: Dump, my: Dump, **more: object) -> list[Pair | Unmatched]:
    return list(pair(golden, my, lambda ref: pytest.fail("names are enough"), **more))


def partners(found: Sequence[Pair | Unmatched]) -> dict[str, str]:
    return {r.my.op_name: r.golden.op_name for r in found if isinstance(r, Pair)}


@pytest.mark.parametrize("layers", [1, 2, 12])
def test_layers_meet_by_place_also_when_they_are_few(layers: int) -> None:
    found = partners(rows(torch(layers), side(atb_names(layers))))
    assert found["0_WordEmbedding"] == "root.model.embed_tokens"
    assert found[f"{layers + 1}_RmsNormOperation"] == "root.model.norm"
    assert found[f"{layers + 2}_LmHead"] == "root.lm_head"
    for layer in range(layers):
        assert found[f"{layer + 1}_DecoderLayer"] == f"root.model.layers.{layer}"
        assert found[f"{layer + 1}_DecoderLayer/1_Mlp"] == f"root.model.layers.{layer}.mlp"


def test_parts_of_a_layer_and_what_is_sure_of_them() -> None:
    found = rows(torch(2), side(atb_names(2)))
    first = {
        row.my.op_name.removeprefix("1_DecoderLayer/"): (
            row.golden.op_name.removeprefix("root.model.layers.0."),
            bool(row.doubt),
        )
        for row in found
        if isinstance(row, Pair) and row.my.op_name.startswith("1_DecoderLayer/")
    }
    assert first == {
        "0_Attention/0_RmsNormOperation": ("input_layernorm", True),
        "0_Attention/1_QKVLinearSplit/0_LinearOperation": ("self_attn.q_proj", True),
        "0_Attention/3_LinearOperation": ("self_attn.o_proj", True),
        "0_Attention": ("self_attn", False),
        "1_Mlp/0_RmsNormOperation": ("post_attention_layernorm", True),
        "1_Mlp/1_LinearOperation": ("mlp.gate_proj", True),
        "1_Mlp/3_LinearOperation": ("mlp.down_proj", True),
        "1_Mlp": ("mlp", False),
    }


def test_nothing_is_paired_twice_and_nothing_is_lost() -> None:
    golden, my = torch(3), side(atb_names(3))
    found = rows(golden, my)
    assert sorted(r.my.path for r in found if r.my) == sorted(ref.path for ref in my.tensors)
    named = [p for r in found if r.golden for p in (r.golden.path, *r.golden.shards)]
    assert sorted(named) == sorted(ref.path for ref in golden.tensors)
    assert all("no rule says" in row.reason for row in found if isinstance(row, Unmatched))


def test_other_numbers_of_layers_are_not_zipped() -> None:
    found = partners(rows(torch(3), side(atb_names(2))))
    assert not any("DecoderLayer" in name for name in found)
    assert found["4_LmHead"] == "root.lm_head"


def test_equal_numbers_of_linears_meet_in_order() -> None:
    inner = ["0_Mlp/0_LinearOperation", "0_Mlp/1_LinearOperation", "0_Mlp/10_LinearOperation"]
    found = partners(rows(torch(1), side(atb_names(1, inner))))
    assert [found[f"1_DecoderLayer/{name}"].rpartition(".")[2] for name in inner] == [
        "gate_proj",
        "up_proj",
        "down_proj",
    ]


def test_the_user_knows_more() -> None:
    found = rows(
        torch(1), side(atb_names(1)), synonyms={"ActivationOperation": ["SiLU", "GELUActivation"]}
    )
    row = next(r for r in found if r.my and r.my.op_name.endswith("2_ActivationOperation"))
    assert row.golden.op_name == "root.model.layers.0.mlp.act_fn"
    assert row.pairing == "op mapping: ActivationOperation"


def test_inputs_are_not_compared_and_not_missed() -> None:
    my = side(["0_LmHead"])
    my.tensors.append(TensorRef("w", op_name="0_LmHead", io="input", argument="before"))
    found = rows(torch(1), my)
    (row,) = [r for r in found if r.my and r.my.io == "input"]
    assert row.expected


def test_end_to_end(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 8, dtype=np.float32)
    golden = write_torch(tmp_path / "golden", {"root.embed_tokens": x, "root.lm_head": x})
    files = {"0_WordEmbedding/after/outtensor0": x, "1_LmHead/after/outtensor0": x * 2}
    my = atb.write(tmp_path / "my", files, card="3_9")
    assert [(r.my.op_name, r.passed) for r in compare_dumps(golden, my)] == [
        ("0_WordEmbedding", True),
        ("1_LmHead", False),
    ]
    with pytest.raises(PairingError, match="swapped"):
        compare_dumps(my, golden)


def test_a_layer_costs_the_same_in_a_deep_model(monkeypatch: pytest.MonkeyPatch) -> None:
    visits = []
    real = outline.below

    def counted(node: outline.Node) -> Iterator[outline.Node]:
        for found in real(node):
            visits.append(found)
            yield found

    monkeypatch.setattr(outline, "below", counted)
    counts = []
    for layers in (20, 40):
        visits.clear()
        rows(torch(layers), side(atb_names(layers)))
        counts.append(len(visits) / layers)
    assert counts[1] < 1.1 * counts[0]
