import json
from pathlib import Path

import numpy as np
import pytest

from trueness.cli.app import main

GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"
MANUAL = Path(__file__).parents[1] / "data" / "manual" / "dump"
ATB = Path(__file__).parents[1] / "data" / "atb"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    for side in ("golden", "my"):
        (tmp_path / side).mkdir()
        for name in ("a", "b", side):
            np.save(tmp_path / side / f"{name}.npy", np.zeros(1000, np.float32))
    return str(tmp_path / "golden"), str(tmp_path / "my")


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["compare", *words, "--list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_shows_pairs_bytes_and_time(
    folders: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(capsys, *folders)
    assert (found["pairs"], found["unmatched"], found["bytes"]) == (2, 2, 4 * 4128)
    assert found["seconds"] > 0
    assert [Path(row["golden"]).name for row in found["rows"][:2]] == ["a.npy", "b.npy"]
    assert {row["pairing"] for row in found["rows"]} == {"name", ""}


def test_list_reads_no_tensor_and_writes_no_report(
    folders: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    for path in tmp_path.rglob("*.npy"):
        path.write_bytes(b"no tensor at all")
    assert main(["compare", *folders, "--list"]) == 0
    out = capsys.readouterr().out
    assert "2 pairs, 2 unmatched, 0 skipped by filter; 64 bytes of files, about" in out
    assert set(tmp_path.rglob("*")) == before


def test_list_is_what_is_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = (str(GT710 / "fx"), str(GT710 / "ge"), "--rank", "0", "--token", "1")
    found = listed(capsys, *words)
    main(["compare", *words, "--json", "--top", "0", "-o", str(tmp_path)])
    coverage = json.loads(capsys.readouterr().out)["summary"]["coverage"]
    assert found["pairs"] == coverage["pairs"]
    assert found["unmatched"] == coverage["unmatched_golden"] + coverage["unmatched_my"]
    assert sum(found["skipped"].values()) == coverage["skipped_by_filter"] > 0


def test_what_was_recognised_is_said_with_evidence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("compare", str(MANUAL), str(ATB), "-o", str(tmp_path))
    assert main([*words]) == 1
    golden, my = capsys.readouterr().out.splitlines()[:2]
    assert golden.startswith(f"golden: manual in {MANUAL} (11 records in ")
    assert my.startswith(f"my: flat in {ATB} (")
    assert main([*words, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["recognised"]
    assert (found["golden"]["layout"], found["my"]["layout"]) == ("manual", "flat")
    assert "metadata.json" in found["golden"]["evidence"]
    assert "golden_tensor/metadata.json" in found["my"]["refused"]["manual"]
    assert found["golden"]["refused"]["flat"] == ""


def test_evidence_of_a_torchair_dump(capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys, str(GT710 / "fx"), str(GT710 / "ge"))["recognised"]
    assert "2 ranks from 0 to 1, 2 tokens from 0 to 1" in found["golden"]["evidence"]
    assert "dynamo_original_graph" in found["my"]["evidence"]


def test_path_map(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "gone.bin").write_bytes((ATB / "hidden.bin").read_bytes())
    words = (str(MANUAL), str(ATB), "--path-map", f"set_202506/bins={tmp_path}")
    rows = {Path(row["golden"]).name: row["my"] for row in listed(capsys, *words)["rows"]}
    assert rows["gone_tensor.pth"] == str(tmp_path / "gone.bin")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--path-map", "nothing"), "OLD=NEW"),
        (("--layer", "1-"), "numbers and ranges"),
        (("--io", "both"), "input or output"),
    ],
)
def test_options_that_say_nothing_are_refused(
    folders: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    message: str,
) -> None:
    assert main(["compare", *folders, *words]) == 2
    assert message in capsys.readouterr().err
