import pytest

from trueness.errors import PairingError
from trueness.pair import choose


@pytest.mark.parametrize(
    ("golden", "my", "name"),
    [
        (["torchair_fx", "flat"], ["torchair_ge", "flat"], "torchair"),
        (
            ["torchair_ge", "torchair_fx", "flat"],
            ["torchair_ge", "torchair_fx", "flat"],
            "torchair",
        ),
        (["torchair_ge", "flat"], ["torchair_ge", "flat"], "fusion"),
        (["manual", "flat"], ["atb", "flat"], "manual"),
        (["checkpoint", "flat"], ["checkpoint", "flat"], "checkpoint"),
        (["checkpoint", "flat"], ["flat"], "flat"),
        (["flat"], ["flat"], "flat"),
    ],
)
def test_the_most_special_that_fits(golden: list[str], my: list[str], name: str) -> None:
    assert choose(golden, my).name == name


def test_swapped_sides_are_said() -> None:
    with pytest.raises(PairingError, match="swapped"):
        choose(["torchair_ge", "flat"], ["torchair_fx", "flat"])


@pytest.mark.parametrize("other", ["torchair_ge", "torchair_fx"])
def test_a_dump_is_not_paired_by_names_just_because_the_other_is_unknown(other: str) -> None:
    with pytest.raises(PairingError, match="--layout flat"):
        choose([other, "flat"], ["flat"])
