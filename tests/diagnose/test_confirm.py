"""Suspects are run again where something can run them; what they are then, and what is left."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builders.reports import result
from trueness.demo import fx_dump, ge_dump, transformer
from trueness.diagnose import confirm
from trueness.diagnose.confirm import can_be_confirmed, confirmed
from trueness.diagnose.replayed import Replay
from trueness.dumps import compare_dumps
from trueness.model import Diagnosis, Finding


def finding(name: str, kind: str = "MatMul", golden: str = "", seen: str = "introduced") -> Finding:
    row = result(name)
    theirs, mine = (replace(row.my, op_name=name, op_type=of) for of in (golden, kind))
    return Finding(seen, name, kind, 9.0, 0.1, 0.1, (), replace(row, golden=theirs, my=mine))


def with_replays(monkeypatch: pytest.MonkeyPatch, **own: float) -> None:
    """What replay finds of operators; of others that it cannot run them."""

    def replay(items: list[str], *, taken_from: Sequence[str]) -> Replay:
        (name,) = items
        if name not in own:
            return Replay(name, "", problem="of the test")
        return Replay(name, "MatMul", own[name], 0.1, 0.0, noise=0.01)

    monkeypatch.setattr("trueness.diagnose.replay.replay", replay)


def items(findings: list[Finding]) -> list:
    return [([one.op_name], ()) for one in findings]


def names(findings: list[Finding]) -> list[str]:
    return [one.op_name for one in findings]


def test_a_comparison_without_torch_runs_its_suspects_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    model = transformer.run()
    sides = fx_dump.write(model, tmp_path / "golden"), ge_dump.write(model, tmp_path / "my")
    found = compare_dumps(*sides).findings[0]
    assert found.op_name == transformer.PLANTED
    assert found.evidence[-1].startswith("alone it is off by")


def test_what_only_torch_could_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "find_spec", lambda name: None)
    diagnosis = Diagnosis("it is odd", [finding("odd", "Odd", "aten.odd.default")])
    assert not can_be_confirmed(diagnosis)
    with_replays(monkeypatch)
    said = confirmed(diagnosis, items).findings[0].evidence
    assert said == ("not replayable because of the test",)


def test_what_is_off_by_itself_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, cleared=0.0, guilty=0.3)
    suspects = [finding(name) for name in ("cleared", "unknown", "guilty")]
    found = confirmed(Diagnosis("cleared is it", suspects), items)
    assert names(found.findings) == ["guilty", "unknown", "cleared"]
    assert found.conclusion.startswith("guilty is where")


def test_where_all_are_cleared_none_is_left_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, a=0.0, b=0.005)
    found = confirmed(Diagnosis("a it is", [finding("a"), finding("b")]), items)
    assert not found.findings
    assert names(found.faint) == ["a", "b"]
    assert "run alone, a, b are as exact" in found.conclusion


def test_of_the_faint_only_so_much_and_so_many_runs_are_asked() -> None:
    faint = [finding(str(at), seen="faint") for at in range(confirm.FAINT_RUNS + 4)]
    of_runs = [replace(one, token=at) for at, one in enumerate(faint)]
    assert len(confirm._asked(of_runs)) == confirm.FAINT_RUNS
    large = [replace(o, result=replace(o.result, nbytes=confirm.FAINT_BYTES // 3)) for o in faint]
    assert names(confirm._asked(large)) == ["0", "1", "2"]


def test_what_read_something_wrong_is_not_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, a=0.0)
    found = confirmed(Diagnosis("a it is", [finding("a", seen="overwritten")]), items)
    assert names(found.findings) == ["a"]


def test_the_faint_are_asked_where_no_suspect_is_guilty(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, cleared=0.0, near=0.0, guilty=0.3)
    faint = [finding(name, seen="faint") for name in ("near", "guilty")]
    found = confirmed(Diagnosis("it", [finding("cleared")], faint=faint), items)
    assert names(found.findings) == ["guilty", "cleared"]
    assert found.findings[0].kind == "introduced"


def with_sign(monkeypatch: pytest.MonkeyPatch, name: str) -> list[list[str]]:
    """What the values of an operator tell; returned are the operators asked, in their order."""
    asked: list[list[str]] = []

    def first_sign(groups: Iterable[list[str]]) -> tuple[int, str] | None:
        asked.append([one for (one,) in groups])
        return (asked[-1].index(name), "it shows") if name in asked[-1] else None

    monkeypatch.setattr("trueness.diagnose.signature.first_sign", first_sign)
    return asked


def at(order: int, one: Finding) -> Finding:
    return replace(one, result=replace(one.result, my=replace(one.result.my, order=order)))


def test_values_are_asked_where_replay_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, cleared=0.0)
    asked = with_sign(monkeypatch, "odd")
    found = [at(3, finding("unknown")), at(2, finding("cleared"))]
    faint = [at(4, finding("late", seen="faint")), at(1, finding("odd", seen="faint"))]
    sure = confirmed(Diagnosis("it", found, faint=faint), items)
    assert asked == [["odd", "unknown"]]
    assert names(sure.findings) == ["odd", "unknown", "cleared"]
    assert sure.findings[0].kind == "introduced"
    assert sure.findings[0].evidence == ("not replayable because of the test", "it shows")
    assert sure.conclusion == "odd is where the values part: its values show that by themselves"


def test_values_are_not_asked_where_replay_has_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_replays(monkeypatch, guilty=0.3)
    asked = with_sign(monkeypatch, "odd")
    found = confirmed(Diagnosis("it", [finding("odd"), finding("guilty")]), items)
    assert (names(found.findings), asked) == (["guilty", "odd"], [])


def test_what_follows_a_cleared_suspect_is_not_said_to_be_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_replays(monkeypatch, cleared=0.0)
    found = confirmed(Diagnosis("it", [finding("cleared"), finding("unknown")]), items)
    assert found.conclusion == "unknown is where the values part: what was likelier is cleared"
