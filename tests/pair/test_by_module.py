from trueness.model import Dump, TensorRef
from trueness.pair.by_module import pair


def side(rank: int | None, *names: str) -> Dump:
    refs = [TensorRef(f"{n}/output.pth", op_name=n, io="output", rank=rank) for n in names]
    return Dump("torch_modules", "", refs)


def test_names_are_exact_and_a_single_card_has_any_number() -> None:
    golden = side(None, "root.layers.1", "root.layers.10", "root.norm")
    my = side(3, "root.layers.1", "root.layers.10", "root.layers.2")
    found = list(pair(golden, my, lambda ref: []))
    assert [
        (r.golden.op_name if r.golden else "", r.my.op_name if r.my else "") for r in found
    ] == [
        ("root.layers.1", "root.layers.1"),
        ("root.layers.10", "root.layers.10"),
        ("", "root.layers.2"),
        ("root.norm", ""),
    ]
    assert [row.doubt for row in found[:2]] == ["", ""]
    assert found[2].reason == "the golden dump has nothing of this name"
