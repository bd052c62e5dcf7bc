from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness.cli.app import main
from trueness.report import REPORTS

VALUES = np.linspace(-1, 1, 12, dtype=np.float32)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for side, factor in (("golden", 1), ("my", 2)):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", VALUES * factor)
    return tmp_path / "golden", tmp_path / "my"


@pytest.mark.parametrize("inside", ["", "a.npy"], ids=["folders", "files"])
def test_all_reports_of_a_run(
    sides: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    inside: str,
) -> None:
    paths = [str(side / inside) for side in sides]
    out = tmp_path / "out"
    assert main(["compare", *paths, "-o", str(out), "--report", ", ".join(REPORTS)]) == 1
    made = sorted(out.iterdir())
    assert [path.suffix[1:] for path in made] == sorted(REPORTS)
    assert len({path.stem for path in made}) == 1
    said = capsys.readouterr().out
    assert all(f"report: {path}\n" in said for path in made)


def test_a_report_asked_for_alone_or_twice_is_made_once(
    sides: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    kinds = ("--report", "md", "--report", "csv,md", "--report", "json")
    assert main(["compare", *map(str, sides), "-q", "-o", str(out), *kinds]) == 1
    assert sorted(path.suffix for path in out.iterdir()) == [".csv", ".json", ".md"]


def test_a_report_that_is_asked_for_has_a_place(
    sides: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [str(side / "a.npy") for side in sides]
    assert main(["compare", *files, "-q"]) == 1
    assert not list(tmp_path.glob("trueness_report_*"))
    assert main(["compare", *files, "-q", "--report", "md"]) == 1
    (report,) = tmp_path.glob("trueness_report_*")
    assert report.read_text(encoding="utf-8").startswith("## FAIL")


def test_reports_from_python(sides: tuple[Path, Path], tmp_path: Path) -> None:
    comparison = tn.compare_dumps(*sides)
    for kind in REPORTS:
        method = "to_markdown" if kind == "md" else f"to_{kind}"
        path = getattr(comparison, method)(tmp_path / f"mine.{kind}")
        assert path.stat().st_size > 100
    assert main(["diff-reports", str(tmp_path / "mine.csv"), str(tmp_path / "mine.parquet")]) == 0


def test_a_place_that_cannot_be_written_is_said_in_words(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    for place, said in (
        (taken, f"{taken} is no folder: reports go into one"),
        (taken / "out", f"{taken / 'out'}: Not a directory"),
    ):
        assert main(["compare", *map(str, sides), "-o", str(place)]) == 2
        assert capsys.readouterr().err == f"trueness: {said}\n"
