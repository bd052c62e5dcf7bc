"""Comparing while the model runs gives the rows that two dumps would."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import trueness as tn
from trueness import against, dump
from trueness.dump import guard
from trueness.errors import LayoutError, UsageError
from trueness.model import STATISTICS_ONLY, Result, State

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(guard, "_said", set())
    torch._dynamo.reset()
    with torch.no_grad():
        yield


X = torch.linspace(-1, 1, 4 * 3000).reshape(3000, 4)


def model(factor: float = 1.0) -> torch.nn.Module:
    torch.manual_seed(0)
    found = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 2), torch.nn.Softmax(-1)
    )
    found[2].weight.data *= factor
    return found


def rows(results: list[Result]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What does not depend on where the tensors of my side were."""
    found = {}
    for result in results:
        ref = result.golden
        assert ref is not None
        key = ref.token, ref.op_name, ref.io, ref.index, ref.nested
        found[key] = (result.state, result.passed, result.reason, dict(result.metrics))
    return found


def fx_dump(folder: Path, factor: float = 1.0, calls: int = 1) -> Path:
    torch._dynamo.reset()
    with dump.fx(model(factor), folder, strict=True) as run:
        for _ in range(calls):
            run(X)
    return folder


def test_the_rows_are_those_of_two_dumps(tmp_path: Path) -> None:
    golden = fx_dump(tmp_path / "golden", calls=2)
    two = tn.compare_dumps(golden, fx_dump(tmp_path / "my", 1.5, calls=2), metrics="basic")
    torch._dynamo.reset()
    with dump.against(golden, metrics="basic", strict=True) as session:
        run = session.fx(model(1.5))
        for _ in range(2):
            run(X)
        assert len(session.results) == len(list(two))
    assert repr(rows(session.results)) == repr(rows(list(two)))
    assert session.summary().failed == two.summary().failed > 0
    assert [f.op_name for f in session.findings] == [f.op_name for f in two.findings]
    assert session.to_csv(tmp_path / "x.csv").read_text().count("\n") == len(session.results) + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["golden", "my", "x.csv"]


def test_chunks_come_to_the_same(tmp_path: Path) -> None:
    golden = fx_dump(tmp_path / "golden")
    found = []
    for chunk in (1 << 30, 1):
        torch._dynamo.reset()
        with dump.against(golden, strict=True, chunk_bytes=chunk) as session:
            session.fx(model(1.5))(X)
        found.append(session.results)
    for whole, parts in zip(*found, strict=True):
        assert (whole.state, whole.passed, whole.my_dtype) == (
            parts.state,
            parts.passed,
            parts.my_dtype,
        )
        for name, value in whole.metrics.items():
            assert parts.metrics[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


def test_golden_of_a_narrow_type_in_chunks(tmp_path: Path) -> None:
    with dump.fx(model().bfloat16(), tmp_path, strict=True) as run:
        run(X.bfloat16())
    torch._dynamo.reset()
    with dump.against(tmp_path, standard="bitwise", strict=True, chunk_bytes=1) as session:
        session.fx(model().bfloat16())(X.bfloat16())
    assert {result.passed for result in session.results} == {True}
    assert {result.golden_dtype for result in session.results} >= {"bfloat16"}


def test_modules(tmp_path: Path) -> None:
    golden = model()
    with dump.modules(golden, tmp_path, strict=True):
        golden(X)
    mine = model(1.5)
    with dump.against(tmp_path, strict=True) as session:
        session.modules(mine)
        mine(X)
    mine(X)
    failed = [f"{r.golden.op_name} {r.golden.io}" for r in session.results if not r.passed]
    assert failed == ["root.2 output", "root.3 input", "root.3 output", "root output"]


def test_what_one_side_lacks_is_a_row(tmp_path: Path) -> None:
    golden = fx_dump(tmp_path / "golden", calls=2)
    longer = torch.nn.Sequential(*model(), torch.nn.ReLU())
    with dump.against(golden, strict=True) as session:
        session.fx(longer)(X)
    states = {(r.my or r.golden).op_name.partition("-")[0]: r.state for r in session.results}
    assert states["relu"] is State.UNMATCHED_MY
    missing = [r for r in session.results if r.state is State.UNMATCHED_GOLDEN]
    assert {r.golden.token for r in missing} == {1} and not any(r.passed for r in missing)
    torch._dynamo.reset()
    with dump.against(golden, tokens=0, inputs=False, strict=True) as session:
        session.fx(model())(X)
    assert session.summary().not_compared == 0
    assert {r.reason for r in session.results if r.my is None} == {"it was not asked for"}


def test_a_golden_file_that_is_broken_or_of_another_shape_is_a_row(tmp_path: Path) -> None:
    golden = fx_dump(tmp_path / "golden")
    (broken,) = golden.rglob("addmm-*.OUTPUT.0.*")
    broken.write_bytes(b"short")
    with dump.against(golden, chunk_bytes=1, strict=True) as session:
        session.fx(model())(X[:10])
    states = {(r.golden.op_name, r.golden.io): r.state for r in session.results if r.golden}
    assert states["addmm-aten.addmm.default", "output"] is State.UNREADABLE
    assert states["addmm_1-aten.addmm.default", "output"] is State.SHAPE_MISMATCH


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    golden = fx_dump(tmp_path / "golden")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError, match="no dump that a model"):
        dump.against(tmp_path / "empty")
    with pytest.raises(UsageError, match=r"use session\.fx"):
        against.Against(golden).modules(model())


def test_golden_statistics_are_compared_with_those_of_the_tensor(tmp_path: Path) -> None:
    with dump.fx(model(), tmp_path, statistics=True, strict=True) as run:
        run(X)
    failed = []
    for factor in (1.0, 1.5):
        torch._dynamo.reset()
        with dump.against(tmp_path, strict=True) as session:
            session.fx(model(factor))(X)
        assert all(r.reason.startswith(STATISTICS_ONLY) for r in session.results)
        failed.append({r.golden.op_name for r in session.results if r.passed is False})
    assert failed[0] == set()
    assert "addmm_1-aten.addmm.default" in failed[1]
    assert "addmm-aten.addmm.default" not in failed[1]
