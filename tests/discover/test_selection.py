from pathlib import Path

import pytest

from trueness.discover.selection import Selection
from trueness.discover.torchair_fx import TorchairFx
from trueness.discover.torchair_ge import TorchairGe
from trueness.plan import filters_of, plan_dumps

GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"


def test_only_files_of_what_is_left_out_are_counted(tmp_path: Path) -> None:
    for name in ("0/a", "1/a", "1/deep/b", "1/mapping.csv", "1/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    selection = Selection(0, None)
    assert selection.takes_rank(0, str(tmp_path / "0"))
    assert not selection.takes_rank(1, str(tmp_path / "1"))
    assert selection.takes_token(7, str(tmp_path / "1"))
    assert selection.skipped == {"rank": 2}


@pytest.mark.parametrize("layout", [TorchairGe(), TorchairFx()], ids=lambda layout: layout.name)
@pytest.mark.parametrize(("rank", "token"), [(0, None), (1, None), (None, 1), (1, 0), (7, None)])
def test_what_is_kept_and_what_is_counted_are_the_whole(
    layout: TorchairGe | TorchairFx, rank: int | None, token: int | None
) -> None:
    root = GT710 / layout.name.removeprefix("torchair_")
    whole = layout.discover(root, rank=None, token=None)
    part = layout.discover(root, rank=rank, token=token)
    kept = len(part.tensors) + len(part.leftover)
    assert kept + sum(part.skipped.values()) == len(whole.tensors) + len(whole.leftover)
    assert set(part.tensors) == {
        ref for ref in whole.tensors if rank in (None, ref.rank) and token in (None, ref.token)
    }


def test_the_plan_counts_both_sides() -> None:
    plan = plan_dumps(GT710 / "fx", GT710 / "ge", filters=filters_of(rank=1))
    sides = [
        layout.discover(GT710 / side, rank=1, token=None).skipped["rank"]
        for layout, side in ((TorchairFx(), "fx"), (TorchairGe(), "ge"))
    ]
    assert all(sides)
    assert plan.filters.skipped == {"rank": sum(sides)}
