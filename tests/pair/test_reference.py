from dataclasses import replace

from trueness.model import Pair, TensorRef, Unmatched
from trueness.pair.reference import same_names, with_reference


def pair(golden: TensorRef, my: str) -> Pair:
    return Pair(golden, TensorRef(my), "name")


def test_partners_of_the_same_golden_meet() -> None:
    a, b = TensorRef("g.npz", member="a"), TensorRef("g.npz", member="b")
    lone = Unmatched(None, TensorRef("m/x"), "new")
    items = [pair(a, "m/a"), lone, pair(b, "m/b")]
    third = [pair(a, "t/a"), pair(a, "t/again"), Unmatched(b, None, "gone"), lone]
    first, same, last = with_reference(items, third)
    assert (first.golden, first.my.path, first.reference) == (a, "m/a", TensorRef("t/a"))
    assert same is lone
    assert last.reference is None


def test_dumps_of_one_layout_are_paired_by_all_names() -> None:
    ref = TensorRef("g/1", op_name="add", io="output", token=0)
    golden = [ref, replace(ref, path="g/2"), replace(ref, path="g/3", index=1)]
    other = [replace(r, path=r.path.replace("g", "t"), order=9) for r in golden[:2]]
    other += [replace(ref, path="t/token", token=1), replace(ref, path="t/name", op_name="mul")]
    found = [(p.golden.path, p.my.path) for p in same_names(golden, other)]
    assert found == [("g/1", "t/1"), ("g/2", "t/2")]
