import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.msprobe import Writer
from trueness.dumps import compare_dumps
from trueness.model import Dump, Pair, State, TensorRef, Unmatched
from trueness.pair.by_call import pair

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def ref(name: str, scope: str = "", **more: object) -> TensorRef:
    return TensorRef(f"{name}.pt", op_name=name, io="output", scope=scope, **more)


def rows(golden: Sequence[TensorRef], my: Sequence[TensorRef]) -> list[Pair | Unmatched]:
    sides = Dump("msprobe", "g", golden), Dump("msprobe", "m", my)
    return list(pair(*sides, lambda ref: pytest.fail("names are enough")))


def names(found: Sequence[Pair | Unmatched]) -> list[tuple[str, str]]:
    return [(r.golden.op_name if r.golden else "", r.my.op_name if r.my else "") for r in found]


def linear(*calls: int, scope: str = "") -> list[TensorRef]:
    return [ref(f"Functional.linear.{call}.forward", scope) for call in calls]


def test_equal_names_are_certain_whatever_their_order() -> None:
    found = rows(linear(0, 1, 10), linear(10, 1, 0))
    assert all(isinstance(row, Pair) and not row.doubt for row in found)
    assert all(golden == my for golden, my in names(found))


def test_as_many_calls_with_other_counts_are_paired_in_order_with_a_doubt() -> None:
    found = rows(linear(0, 1, 2), linear(1, 2, 3))
    assert [(a.split(".")[2], b.split(".")[2]) for a, b in names(found)] == [
        ("0", "1"),
        ("1", "2"),
        ("2", "3"),
    ]
    assert all("in the order of calls" in row.doubt for row in found)


def test_a_call_more_makes_equal_names_doubtful() -> None:
    found = rows(linear(0, 1), linear(0, 1, 2))
    assert all("may be shifted" in row.doubt for row in found[:2])
    assert names(found)[2] == ("", "Functional.linear.2.forward")
    assert "none clearly this one" in found[2].reason


def test_the_caller_sees_through_a_shift() -> None:
    golden = linear(0, scope="Module.a.A.forward.0") + linear(1, scope="Module.b.B.forward.0")
    extra = linear(0, scope="Module.new.N.forward.0")
    my = extra + linear(1, scope="Module.a.A.forward.0") + linear(2, scope="Module.b.B.forward.3")
    found = rows(golden, my)
    assert [(a.split(".")[2:3], b.split(".")[2:3]) for a, b in names(found)] == [
        ([], ["0"]),
        (["0"], ["1"]),
        (["1"], ["2"]),
    ]
    assert [row.pairing for row in found[1:]] == ["name and caller"] * 2


def test_equal_names_with_other_callers_are_doubtful() -> None:
    (row,) = rows(linear(0, scope="Module.a.A.forward.0"), linear(0, scope="Module.b.B.forward.0"))
    assert "called from" in row.doubt


def test_forward_is_not_backward_and_tensors_meet_by_their_place() -> None:
    golden = [ref("Torch.a.0.forward"), ref("Torch.a.0.forward", index=1)]
    my = [ref("Torch.a.0.backward"), ref("Torch.a.0.forward", index=1), ref("Torch.b.0.forward")]
    found = rows(golden, my)
    assert [row.reason if isinstance(row, Unmatched) else "pair" for row in found] == [
        "the golden dump has nothing of this name",
        "pair",
        "the golden dump has nothing of this name",
        "my Torch.a.0.forward has no such tensor",
    ]


def test_ranks_and_steps() -> None:
    def one(rank: int, token: int) -> TensorRef:
        return ref("Torch.a.0.forward", rank=rank, token=token)

    found = rows([one(0, 0), one(1, 0)], [one(1, 0), one(1, 1)])
    reasons = [row.reason for row in found if isinstance(row, Unmatched)]
    assert isinstance(found[0], Pair)
    assert reasons == [
        "rank 1, token 1 is not in the golden dump",
        "rank 0, token 0 is not in my dump",
    ]
    (row,) = rows([one(0, 3)], [one(2, 5)])
    assert row.doubt == "golden rank 0 against my rank 2; golden token 3 against my token 5"
    (row,) = rows([one(0, 3)], [ref("Torch.a.0.forward", token=3)])
    assert not row.doubt
    found = rows([one(0, 0)], [one(0, 0), one(1, 0)])
    assert [row.doubt for row in found[:1]] == [""]


CALLS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.sampled_from(["", "S.x"])))


@given(CALLS, CALLS)
def test_every_tensor_is_in_one_row(golden: list, my: list) -> None:
    left = [ref(f"F.{f}.{n}.forward", scope) for f, n, scope in {c[:2]: c for c in golden}.values()]
    right = [ref(f"F.{f}.{n}.forward", scope) for f, n, scope in {c[:2]: c for c in my}.values()]
    found = rows(left, right)
    assert sorted(r.golden.op_name for r in found if r.golden) == sorted(r.op_name for r in left)
    assert sorted(r.my.op_name for r in found if r.my) == sorted(r.op_name for r in right)
    for row in found:
        if isinstance(row, Pair):
            assert row.golden.op_name[:3] == row.my.op_name[:3]


def dump(root: Path, *, values: bool, factor: float = 1.0) -> Path:
    for rank in (0, 1):
        writer = Writer(root / f"step0/rank{rank}", values=values)
        for call in range(12):
            scale = factor if call == 11 else 1.0
            writer.call(f"Functional.linear.{call}.forward", [X, X + 1], [X * scale])
        writer.write()
    return root


def test_values_end_to_end(tmp_path: Path) -> None:
    golden = dump(tmp_path / "golden", values=True)
    my = dump(tmp_path / "my", values=True, factor=1.5)
    found = list(compare_dumps(golden, my))
    assert len(found) == 2 * 12 * 3
    assert [(r.my.rank, r.my.op_name, r.my.io) for r in found if not r.passed] == [
        (rank, "Functional.linear.11.forward", "output") for rank in (0, 1)
    ]


def test_statistics_against_values(tmp_path: Path) -> None:
    golden = dump(tmp_path / "golden", values=False)
    my = dump(tmp_path / "my", values=True, factor=1.5)
    shutil.rmtree(my / "step0/rank1/dump_tensor_data")
    comparison = compare_dumps(golden, my)
    found = list(comparison)
    assert all(row.reason.startswith("statistics only") for row in found)
    assert comparison.summary().statistics_only == len(found)
    failed = [row for row in found if not row.passed]
    assert [row.my.op_name for row in failed] == ["Functional.linear.11.forward"] * 2
    assert all(row.state is State.OK and "max differs" in row.reason for row in failed)
