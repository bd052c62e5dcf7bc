import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.model import Described
from trueness.pair.arguments import align


def tensors(*shapes: tuple[int, ...], dtype: str = "float32") -> list[Described]:
    return [Described("input", i, dtype, shape) for i, shape in enumerate(shapes)]


def places(golden: list, my: list[Described]) -> list[tuple[int, int]]:
    return [(match.golden, match.my) for match in align(golden, my)]


X, W, GAMMA = (16, 32), (32, 8), (32,)
AXIS = Described("input", 0, "int64", ())
SIZES = Described("input", 0, "int64", (1,))


def test_equal_lists_go_by_position() -> None:
    assert places(tensors(X, X, GAMMA), tensors(X, X, GAMMA)) == [(0, 0), (1, 1), (2, 2)]


def test_python_values_and_none_do_not_shift_the_rest() -> None:
    golden = [*tensors(X), SIZES, None, *tensors(GAMMA, GAMMA), AXIS]
    assert places(golden, tensors(X, GAMMA, GAMMA)) == [(0, 0), (3, 1), (4, 2)]


def test_constants_of_mine_do_not_shift_the_rest() -> None:
    my = [*tensors(X), Described("input", 1, "int32", (2,)), *tensors(GAMMA)]
    assert places(tensors(X, GAMMA), my) == [(0, 0), (1, 2)]


def test_another_order_of_unlike_shapes() -> None:
    matches = align(tensors(GAMMA, X, W), tensors(X, W, GAMMA))
    assert [(m.golden, m.my, m.doubt) for m in matches] == [(1, 0, ""), (2, 1, ""), (0, 2, "")]


def test_a_squeezed_shape_is_the_same_tensor() -> None:
    assert places(tensors((1, 16, 32), X), tensors(X)) == [(1, 0)]
    assert places(tensors((1, 16, 32)), tensors(X)) == [(0, 0)]


def test_dtype_decides_between_equal_shapes() -> None:
    golden = [Described("input", 0, "int64", (4,)), *tensors((4,))]
    assert places(golden, tensors((4,))) == [(1, 0)]


def test_one_too_many_of_a_shape_is_a_doubt() -> None:
    (match,) = align(tensors(GAMMA, GAMMA), tensors(GAMMA))
    assert "2 golden and 1 of my" in match.doubt


def test_other_shapes_are_not_paired() -> None:
    assert align(tensors((3, 5)), tensors((4, 4))) == []


@pytest.mark.parametrize(("golden", "my"), [([], []), ([None], []), ([], [AXIS]), ([None], [AXIS])])
def test_nothing_to_pair(golden: list, my: list[Described]) -> None:
    assert align(golden, my) == []


def test_long_lists_go_by_position_with_a_doubt() -> None:
    golden, my = tensors(*[X] * 600), tensors(*[X] * 599)
    matches = align(golden, my)
    assert len(matches) == 599
    assert all(match.doubt for match in matches)


SHAPES = st.sampled_from([(), (1,), (2,), (2, 3), (3, 2), (1, 2), (6,)])


@given(st.lists(SHAPES | st.none(), max_size=6), st.lists(SHAPES, max_size=6))
def test_each_is_used_once_and_holds_as_many_elements(golden: list, my: list) -> None:
    described = [None if s is None else tensors(s)[0] for s in golden]
    matches = align(described, tensors(*my))
    assert len({m.golden for m in matches}) == len({m.my for m in matches}) == len(matches)
    for match in matches:
        size = [
            1 if not shape else shape[0] * (shape[1] if len(shape) > 1 else 1)
            for shape in (golden[match.golden], my[match.my])
        ]
        assert size[0] == size[1]
