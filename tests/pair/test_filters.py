from dataclasses import replace

import pytest

from trueness.model import Pair, Result, State, TensorRef, Unmatched, layer_of
from trueness.pair.filters import Filters

ADD = TensorRef("ge/add", op_name="layers.3.Add", op_type="Add", rank=0, token=1)
MUL = TensorRef("ge/mul", op_name="layers.4.Mul", op_type="Mul", rank=1, token=2)
FX_ADD = TensorRef("fx/add", op_name="add_3", op_type="aten.add", io="output", rank=0, token=1)
FX_MUL = TensorRef("fx/mul", op_name="mul_4", op_type="aten.mul", io="input", rank=1, token=2)
ITEMS = [Pair(FX_ADD, replace(ADD, io="output"), ""), Unmatched(FX_MUL, None, "")]


def kept(filters: Filters) -> list[int]:
    found = list(filters.items(ITEMS))
    return [ITEMS.index(item) for item in found]


@pytest.mark.parametrize(
    ("filters", "places", "skipped"),
    [
        (Filters(), [0, 1], {}),
        (Filters(rank=0), [0], {"rank": 1}),
        (Filters(token=2), [1], {"token": 1}),
        (Filters(op=["*Add*"]), [0], {"op": 1}),
        (Filters(op=["mul_?", "nothing"]), [1], {"op": 1}),
        (Filters(op_type=["Add"]), [0], {"op_type": 1}),
        (Filters(op_type=["aten.*"]), [0, 1], {}),
        (Filters(io="input"), [1], {"io": 1}),
        (Filters(layer=[3]), [0], {"layer": 1}),
        (Filters(rank=0, op=["nothing"]), [], {"rank": 1, "op": 1}),
    ],
)
def test_each_filter_keeps_its_part_and_counts_the_rest(
    filters: Filters, places: list[int], skipped: dict[str, int]
) -> None:
    assert kept(filters) == places
    assert filters.skipped == skipped


def test_whole_files_pass_io_until_their_tensors_are_known() -> None:
    filters = Filters(io="input")
    assert len(list(filters.items([Pair(ADD, ADD, "")]))) == 1
    results = [
        Result(replace(ADD, io=io), replace(ADD, io=io), state)
        for io, state in (
            ("input", State.OK),
            ("output", State.OK),
            ("", State.OK),
            ("", State.UNREADABLE),
        )
    ]
    assert list(filters.results(iter(results))) == [results[0], results[3]]
    assert filters.skipped == {"io": 2}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("model.layers.3.mlp.down_proj", 3),
        ("model_layers_12_mlp", 12),
        ("blk.7.attn_q.weight", 7),
        ("transformer.h.0.ln_1", 0),
        ("layer10/add", 10),
        ("vision.encoder.5.attn", 5),
        ("block-2-add", 2),
        ("4_DecoderLayer/0_Linear/after", 4),
        ("embed", None),
        ("MatMul_3", None),
        ("path.3.x", None),
        ("layernorm_3", None),
    ],
)
def test_layer_of(name: str, layer: int | None) -> None:
    assert layer_of(name) == layer
