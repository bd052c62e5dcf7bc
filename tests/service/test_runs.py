"""Which runs a path holds, and what is said of those that cannot be read."""

import random
import shutil
from pathlib import Path

import pytest

from trueness.cli.app import main
from trueness.errors import TruenessError, UsageError
from trueness.service import service_compare, tokens
from trueness.service.find import find_runs


@pytest.fixture
def runs(samples: Path, tmp_path: Path) -> Path:
    """Two runs in folders of their own, two analyzed databases under other names, and a note."""
    root = tmp_path / "runs"
    for name in ("golden", "input"):
        shutil.copytree(samples / name, root / name)
    (root / "more").mkdir()
    for name in ("golden", "input"):
        shutil.copy(samples / name / "profiler.db", root / "more" / f"{name}.db")
    (root / "readme.txt").write_text("notes")
    (root / "r.pytorch.json").write_text("[]")
    (root / "settings.json").write_text('{"rate": 4}')
    return root


def test_a_folder_of_runs_is_several_runs(runs: Path, samples: Path) -> None:
    found, notes = find_runs([runs], "input")
    assert len(found) == 4
    assert {note.level for note in notes} == {"info"}
    said = "\n".join(f"{note.where}: {note.message}" for note in notes)
    assert "2 files are no results and were not read: r.pytorch.json, readme.txt" in said
    assert "settings.json: is no result this can read" in said
    outcome = service_compare([runs], [samples / "golden"], None)
    ttft = {row.statistic: row for row in outcome.comparison.of("ttft")}
    assert ttft["mean"].input == pytest.approx((58.6743 + 53.6574) / 2, abs=1e-3)
    assert ttft["mean"].low < ttft["mean"].relative < ttft["mean"].high


def test_one_broken_run_of_several_is_an_error_and_not_the_end(
    runs: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "more" / "input.db").write_bytes(b"")
    sides = ["--input", str(runs), "--golden", str(samples / "golden")]
    assert main(["service-compare", *sides, "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "input.db: is empty (0 bytes)" in said
    assert "(runs: 3 input, 1 golden)" in said


def test_runs_may_be_named_one_by_one(samples: Path) -> None:
    outcome = service_compare(
        [samples / "input", samples / "golden_core26"], [samples / "golden"], None
    )
    assert len(outcome.comparison.input) == 2


def test_a_setting_that_no_run_has_is_refused(samples: Path) -> None:
    with pytest.raises(UsageError, match="no run has rate=7"):
        service_compare([samples / "input"], [samples / "golden"], None, where={"rate": "7"})


def test_inter_token_times_of_very_long_runs_are_a_part_that_is_named(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 100)
    monkeypatch.setattr("trueness.service.tables.ROWS", 200)
    (run,), _ = find_runs([samples / "golden"], "input")
    assert "inter-token times are those of the first" in "".join(n.message for n in run.notes)
    assert run.gaps is not None
    assert 0 < len(run.gaps.itl) < 2267


def test_tolerances_may_be_chosen(samples: Path) -> None:
    sides = [samples / "input"], [samples / "golden"]
    for tolerance, verdict in (({"decode_step": 0.005}, "worse"), ({"": 0.9}, "same")):
        outcome = service_compare(*sides, None, tolerance=tolerance)
        assert outcome.comparison.verdicts["decode_step"][0] == verdict


def test_damage_anywhere_ends_in_an_answer_or_one_error(samples: Path, tmp_path: Path) -> None:
    chance = random.Random(11)
    content = (samples / "input" / "profiler.db").read_bytes()
    folder = tmp_path / "damaged"
    folder.mkdir()
    answered = 0
    for _ in range(25):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 10, 100])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (folder / "profiler.db").write_bytes(damaged)
        try:
            find_runs([folder], "input")
            answered += 1
        except TruenessError as error:
            assert "damaged" in str(error)
    assert answered > 0
