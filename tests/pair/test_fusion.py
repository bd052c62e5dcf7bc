from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.model import GraphOp
from trueness.pair.fusion import MAX_SPLITS, FusedNames, splits


def graph(**inputs: tuple[str, ...]) -> dict[str, GraphOp]:
    return {name: GraphOp(name, name, edges, ()) for name, edges in inputs.items()}


def test_a_name_of_the_graph_is_itself() -> None:
    ops = graph(Add=(), AddAdd=(), Relu=())
    assert FusedNames(ops).parts_of("AddAdd") == (("AddAdd",), "")


@pytest.mark.parametrize("name", ["MatMul_TransData_0", "AddX", "XAdd", "AddXRelu", ""])
def test_the_whole_name_has_to_be_used(name: str) -> None:
    assert FusedNames(graph(MatMul=(), Add=(), Relu=())).parts_of(name) == ((), "")


def test_a_longer_name_does_not_swallow_the_next_part() -> None:
    """Taking the longest name first and never going back ends at Add_1, with 0Relu left."""
    ops = graph(Add=(), Add_1=(), Add_10=("Add:0",), Relu=("Add_10:0",))
    assert FusedNames(ops).parts_of("AddAdd_10Relu") == (("Add", "Add_10", "Relu"), "")


def test_edges_decide_between_two_readings() -> None:
    ops = graph(A=(), AB=(), BC=("A:0",), C=())
    assert FusedNames(ops).parts_of("ABC") == (("A", "BC"), "")


def test_two_readings_without_edges_are_a_doubt() -> None:
    parts, doubt = FusedNames(graph(A=(), AB=(), BC=(), C=())).parts_of("ABC")
    assert parts == ("AB", "C")
    assert "2 ways" in doubt


def test_ambiguity_is_bounded() -> None:
    assert len(splits("a" * 200, {"a", "aa", "aaa"})) == MAX_SPLITS


WORDS = st.lists(st.text("ab_1", min_size=1, max_size=4), min_size=1, max_size=5, unique=True)


@given(WORDS, st.data())
def test_every_joined_name_is_split(words: list[str], data: st.DataObject) -> None:
    way = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=4))
    found = splits("".join(way), words)
    assert all("".join(parts) == "".join(way) for parts in found)
    assert len(set(found)) == len(found)
    assert tuple(way) in found or len(found) == MAX_SPLITS


class Counting(dict[str, GraphOp]):
    asked = walked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += 1
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.walked += 1
        return super().__iter__()


def test_a_name_costs_the_same_in_a_large_graph() -> None:
    """Else pairing would be quadratic in the number of operators."""
    asked = []
    for size in (10, 1000):
        ops = Counting(graph(**{f"Op_{i:06}": () for i in range(size)}))
        names = FusedNames(ops)
        for _ in range(3):
            for i in range(8):
                assert names.parts_of(f"Op_000001Op_00000{i}")[0]
                assert not names.parts_of(f"Op_000001_TransData_{i}")[0]
        asked.append((ops.asked, ops.walked))
    assert asked[0] == asked[1]
    assert asked[0][1] == 1
