"""A dump made by `dump_data` on another machine, which msit compared too: its numbers where it is
right, and a test for each place where it is not."""

import csv
import shutil
from pathlib import Path

import pytest

from builders.manual import write_golden, write_metadata, write_my
from trueness.dumps import compare_dumps
from trueness.model import Result, State
from trueness.report.columns import COLUMNS, row

DATA = Path(__file__).parents[1] / "data"
DUMP = DATA / "manual" / "dump" / "28014_-1"
MY = DATA / "atb"
with (DATA / "manual" / "msit.csv").open(encoding="utf-8", newline="") as _file:
    MSIT = {line["data_id"]: line for line in csv.DictReader(_file)}
DROPPED_BY_MSIT = {"shape", "quant"}


@pytest.fixture(scope="module")
def ours() -> dict[str, Result]:
    results = compare_dumps(DUMP, MY, jobs=2)
    return {result.golden.label: result for result in results if result.golden}


@pytest.mark.parametrize("label", sorted(set(MSIT) - {"gone", "with_nan", "flat"}))
def test_numbers_of_msit(ours: dict[str, Result], label: str) -> None:
    found, said = ours[label], MSIT[label]
    assert str(found.golden.token) == said["token_id"]
    assert found.metrics["cosine_similarity"] == pytest.approx(
        float(said["cosine_similarity"]), abs=1e-6
    )
    if label == "mask":
        return
    for name in ("max_relative_error", "mean_relative_error", "relative_euclidean_distance"):
        assert found.metrics[name] == pytest.approx(float(said[name]), rel=1e-5)


def test_msit_gives_a_flipped_bool_no_error(ours: dict[str, Result]) -> None:
    assert float(MSIT["mask"]["max_absolute_error"]) == 0
    assert ours["mask"].metrics["max_absolute_error"] == 1


def test_rows_that_msit_drops_are_there(ours: dict[str, Result]) -> None:
    assert set(ours) - set(MSIT) - {""} == DROPPED_BY_MSIT
    assert ours["shape"].state is State.SHAPE_MISMATCH
    assert ours["quant"].metrics["max_absolute_error"] > 1


def test_nan_has_numbers_over_the_rest(ours: dict[str, Result]) -> None:
    assert MSIT["with_nan"]["cosine_similarity"] == ""
    assert ours["with_nan"].state is State.NONFINITE_MY
    assert ours["with_nan"].metrics["cosine_similarity"] > 0


def test_a_missing_file_is_a_row_with_both_paths(ours: dict[str, Result]) -> None:
    gone = ours["gone"]
    assert (gone.state, gone.my.path) == (State.UNMATCHED_GOLDEN, MSIT["gone"]["my_data_path"])
    assert "no file 'gone.bin'" in gone.reason


def test_the_token_that_the_metadata_lost_is_a_row() -> None:
    """Older tools kept one token of a name, so msit never compares the other one."""
    lost = [r for r in compare_dumps(DUMP, MY) if r.golden and r.golden.op_name.startswith("0/")]
    assert [Path(r.golden.path).name for r in lost] == ["hidden_tensor.pth"]
    assert lost[0].verdict == "not compared"


def test_labels_are_in_the_column_of_msit(ours: dict[str, Result]) -> None:
    cells = dict(zip(COLUMNS, row(ours["hidden"], 7), strict=True))
    assert (cells["token_id"], cells["data_id"]) == (1, "hidden")


def test_my_path_is_used(tmp_path: Path) -> None:
    """msit asks for it and ignores it."""
    (tmp_path / "empty").mkdir()
    write_my(tmp_path / "other" / "unrelated.bin", [1])
    states = {r.state for r in compare_dumps(DUMP, tmp_path / "other") if r.golden}
    assert states == {State.UNMATCHED_GOLDEN}


def test_several_tokens_of_a_name(tmp_path: Path) -> None:
    process = tmp_path / "7_0"
    records = {}
    for token in (0, 1, 10):
        write_my(tmp_path / "my" / str(token) / "x.bin", [token, 2])
        records[str(token)] = [write_golden(process, token, "x", [token, 1]), f"/run/{token}/x.bin"]
    write_metadata(tmp_path, {"x": records})
    found = list(compare_dumps(tmp_path, tmp_path / "my"))
    assert [(r.golden.token, r.my.token, r.metrics["max_absolute_error"]) for r in found] == [
        (0, 0, 1),
        (1, 1, 1),
        (10, 10, 1),
    ]
    only = compare_dumps(tmp_path, tmp_path / "my", token=10)
    assert [r.golden.token for r in only] == [10]
    assert only.summary().coverage["skipped_by_filter"] == 2


def test_one_file_of_mine_as_the_old_documents_say() -> None:
    comparison = compare_dumps(DUMP, MY / "hidden.bin")
    compared = [r for r in comparison if r.state.compared]
    assert [(r.golden.label, r.passed) for r in compared] == [("hidden", True)]
    assert comparison.summary().exit_code == 0


def test_one_golden_file() -> None:
    comparison = compare_dumps(DUMP / "golden_tensor" / "0" / "ids_tensor.pth", MY)
    assert [r.golden.label for r in comparison if r.state.compared] == ["ids"]
    assert comparison.summary().exit_code == 0


def test_one_damaged_file_ends_nothing(tmp_path: Path) -> None:
    shutil.copytree(MY, tmp_path / "my")
    (tmp_path / "my" / "ffn.bin").write_bytes(b"$Version=1.0\n")
    found = {r.golden.label: r for r in compare_dumps(DUMP, tmp_path / "my") if r.golden}
    assert found["ffn"].state is State.UNREADABLE
    assert found["hidden"].passed


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "../../../../etc/hostname", "/dev/zero", "."])
def test_hostile_paths_end_nothing(tmp_path: Path, name: str) -> None:
    good = [write_golden(tmp_path / "7_0", 0, "x", [1]), "/run/x.bin"]
    records = {"bad": {"0": [f"/run/{name}", f"/run/{name}"]}, "x": {"0": good}}
    write_metadata(tmp_path, records)
    write_my(tmp_path / "my" / "x.bin", [1])
    for path_map in ({}, {"/run": str(tmp_path / "my")}):
        results = compare_dumps(tmp_path, tmp_path / "my", path_map=path_map)
        found = {r.golden.label: r for r in results if r.golden}
        assert found["x"].passed
        assert not found["bad"].state.compared
