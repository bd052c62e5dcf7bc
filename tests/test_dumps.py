import shutil
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness.dumps import Progress, compare_dumps
from trueness.model import State

VALUES = np.linspace(-1, 1, 12, dtype=np.float32)
GT710 = Path(__file__).parent / "data" / "torchair" / "gt710"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for side, factor in (("golden", 1), ("my", 2)):
        (tmp_path / side).mkdir()
        for name in "abc":
            np.save(tmp_path / side / f"{name}.npy", VALUES * factor)
    return tmp_path / "golden", tmp_path / "my"


def test_a_comparison_can_be_read_again_while_it_runs(folders: tuple[Path, Path]) -> None:
    comparison = tn.compare_dumps(*folders)
    first = next(iter(comparison))
    assert next(iter(comparison)) is first
    assert list(comparison) == list(comparison)
    assert comparison.summary().failed == 3


def test_to_csv_takes_the_place_of_what_was_there(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text("old")
    assert tn.compare_dumps(*folders).to_csv(path) == path
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4


def test_progress_ends_at_all_bytes(folders: tuple[Path, Path]) -> None:
    steps: list[Progress] = []
    list(tn.compare_dumps(*folders, on_progress=steps.append))
    total = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    assert [step.rows for step in steps] == [1, 2, 3]
    assert steps[-1] == Progress(3, total, total)


def test_options_that_filter_nothing_are_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(tn.UsageError, match="flat"):
        tn.compare_dumps(*folders, token=1)
    with pytest.raises(tn.UsageError, match="input or output"):
        tn.compare_dumps(*folders, io="both")


def test_half_of_a_pairing_says_what_the_other_half_lacks(folders: tuple[Path, Path]) -> None:
    with pytest.raises(tn.PairingError) as caught:
        tn.compare_dumps(GT710 / "fx", folders[1])
    assert f"my ({folders[1]}) is not torchair_ge: no dynamo_original_graph" in str(caught.value)


def test_python_objects_among_fx_arguments(tmp_path: Path) -> None:
    """None and dtypes are pickled by torchair; they are no tensors, and a damaged file is not one
    of them."""
    fx = tmp_path / "fx"
    shutil.copytree(GT710 / "fx", fx)
    folder = next(fx.rglob("worldsize2_global_rank0/graph_1/0"))
    norm = "native_layer_norm-aten.native_layer_norm.default.INPUT"
    (sizes,) = folder.glob(f"{norm}.1.*")
    np.save(sizes, np.asarray(None))
    (epsilon,) = folder.glob(f"{norm}.4.*")
    epsilon.write_bytes(epsilon.read_bytes()[:-3])
    results = compare_dumps(fx, GT710 / "ge", rank=0, token=0)
    rows = {Path(row.golden.path): row for row in results if row.golden}
    assert rows[sizes].passed is None
    assert "Python object" in rows[sizes].reason
    assert rows[epsilon].passed is False
    assert str(epsilon) in rows[epsilon].reason
    gamma = next(row for path, row in rows.items() if path.name.startswith(f"{norm}.2."))
    assert (gamma.my.index, gamma.state) == (1, State.OK)


def test_a_mapping_between_two_files_and_between_folders(tmp_path: Path) -> None:
    names = tmp_path / "names.yaml"
    names.write_text("globs:\n- {golden: 'model.*.w', my: 'blk.*.weight'}\n")
    tensors = [np.full(3, i, np.float32) for i in range(3)]
    np.savez(tmp_path / "g.npz", **{f"model.{i}.w": t for i, t in enumerate(tensors)})
    np.savez(tmp_path / "m.npz", **{f"blk.{i}.weight": t for i, t in enumerate(tensors)})
    found = list(tn.compare_dumps(tmp_path / "g.npz", tmp_path / "m.npz", mapping=names))
    assert [(r.golden.member, r.my.member, r.passed) for r in found] == [
        (f"model.{i}.w", f"blk.{i}.weight", True) for i in range(3)
    ]
    for side, name in (("golden", "model.{}.w.npy"), ("my", "blk.{}.weight.npy")):
        (tmp_path / side).mkdir()
        for i, t in enumerate(tensors):
            np.save(tmp_path / side / name.format(i), t)
    summary = tn.compare_dumps(tmp_path / "golden", tmp_path / "my", mapping=names).summary()
    assert (summary.passed, summary.total) == (3, 3)


def test_a_mapping_between_layouts_that_have_no_pairing(tmp_path: Path) -> None:
    """A GE operator against files of any name."""
    names = tmp_path / "names.json"
    names.write_text('{"pairs": [{"golden": "ours", "my": "Add_2"}]}')
    golden = tmp_path / "golden"
    golden.mkdir()
    np.save(golden / "ours.npy", VALUES)
    with pytest.raises(tn.PairingError):
        tn.compare_dumps(golden, GT710 / "ge")
    comparison = tn.compare_dumps(golden, GT710 / "ge", mapping=names)
    assert [side.layout for side in comparison.recognised] == ["flat", "torchair_ge"]
    assert {r.state for r in comparison} >= {State.UNMATCHED_MY}
