"""Quickly made classes are the dataclasses they were."""

import pickle
from copy import deepcopy
from dataclasses import FrozenInstanceError, dataclass, replace
from inspect import signature

import pytest

from trueness.model import TensorRef, tensor_in
from trueness.quickly_made import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    place: tuple[int, ...] = ()
    inner: "Quick | None" = None


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    place: tuple[int, ...] = ()
    inner: "Plain | None" = None


def test_made_by_place_and_by_name() -> None:
    assert Quick("a", (1,)) == Quick(place=(1,), name="a") != Quick("a")
    assert hash(Quick("a", (1,))) == hash(Plain("a", (1,)))
    assert repr(Quick("a")) == repr(Plain("a")).replace("Plain", "Quick")
    assert type(Quick("a")) is Quick
    assert list(signature(Quick).parameters) == ["name", "place", "inner"]


@pytest.mark.parametrize("arguments", [{}, {"name": "a", "other": 1}])
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"Quick\.__init__\(\)"):
        Quick(**arguments)


def test_stays_frozen() -> None:
    made = Quick("a")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.name


def test_copied_and_replaced() -> None:
    made = Quick("a", (1, 2), Quick("b"))
    for copied in (pickle.loads(pickle.dumps(made)), deepcopy(made), replace(made)):
        assert copied == made
        assert type(copied) is Quick
    assert replace(made, name="c") == Quick("c", (1, 2), Quick("b"))


def test_tensor_in_keeps_all_else() -> None:
    names = {"path", "op_name", "op_type", "graph", "argument", "scope", "label", "length"}
    numbers = {"rank": 1, "device": 2, "token": 3, "order": 4, "packed": 5, "nested": (6,)}
    ref = TensorRef(**{name: name for name in names}, **numbers, shards=("s",), statistics="csv")
    assert tensor_in(ref, ("input", 1), "input", 1) == replace(
        ref, member=("input", 1), io="input", index=1
    )
