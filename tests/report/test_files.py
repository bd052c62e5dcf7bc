import builtins
import os
from datetime import datetime
from pathlib import Path

import pytest

from builders.reports import model_rows, result, summary_of
from trueness.errors import UsageError
from trueness.report import REPORTS, Reports, Summary, naming
from trueness.report.read_report import read_report

ALL = list(REPORTS)


def test_reports_of_one_run_share_their_name(tmp_path: Path) -> None:
    rows = list(model_rows(100))
    with Reports(tmp_path / "new", ALL) as reports:
        for row in rows:
            reports.write(row)
        reports.finish(summary_of(rows))
    assert {path.stem for path in reports.paths} == {reports.paths[0].stem}
    assert [path.suffix[1:] for path in reports.paths] == ALL
    assert sorted((tmp_path / "new").iterdir()) == sorted(reports.paths)
    assert all(path.stat().st_size for path in reports.paths)


def test_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff '\"\n<b> %s")
    with Reports(folder, ALL) as reports:
        reports.write(result("a"))
        reports.finish(summary_of([result("a")]))
    assert sorted(folder.iterdir()) == sorted(reports.paths)
    readable = [path for path in reports.paths if path.suffix in (".csv", ".parquet")]
    assert [[key[2] for key in read_report(path)] for path in readable] == [["a"], ["a"]]


def test_a_name_that_one_kind_has_taken_is_taken_for_all(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 678901)
    (tmp_path / naming.stamped(now, "md")).write_text("old")
    partials = {kind: tmp_path / f"{kind}.partial" for kind in ("csv", "md")}
    for kind, partial in partials.items():
        partial.write_text(kind)
    paths = naming.publish(partials, tmp_path, now)
    assert [path.name for path in paths] == [
        "trueness_report_20260102_030405_679.csv",
        "trueness_report_20260102_030405_679.md",
    ]
    assert [path.read_text() for path in paths] == ["csv", "md"]
    assert (tmp_path / naming.stamped(now, "md")).read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 3


def test_without_links_files_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", no_links)
    now = datetime(2026, 1, 2, 3, 4, 5, 678901)
    (tmp_path / naming.stamped(now, "md")).write_text("old")
    partials = {kind: tmp_path / f"{kind}.partial" for kind in ("csv", "md")}
    for kind, partial in partials.items():
        partial.write_text(kind)
    paths = naming.publish(partials, tmp_path, now)
    assert [path.read_text() for path in paths] == ["csv", "md"]
    assert {path.stem[-3:] for path in paths} == {"679"}
    assert len(list(tmp_path.iterdir())) == 3


def test_rows_are_there_while_the_comparison_runs(tmp_path: Path) -> None:
    with Reports(tmp_path / "new") as reports:
        for _ in range(1000):
            reports.write(result())
        (partial,) = (tmp_path / "new").iterdir()
        assert partial.name.endswith(".csv.partial")
        assert len(partial.read_text(encoding="utf-8").splitlines()) > 700
        reports.finish(Summary())
    (path,) = reports.paths
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1001
    assert list((tmp_path / "new").iterdir()) == [path]


def test_after_an_interrupt_the_rows_of_the_csv_stay_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Reports(tmp_path, ALL) as reports:
        reports.write(result())
        raise KeyboardInterrupt
    assert reports.paths == ()
    assert list(tmp_path.iterdir()) == reports.kept
    assert [path.suffixes[-2:] for path in tmp_path.iterdir()] == [[".csv", ".partial"]]


def test_nothing_is_left_when_nothing_was_compared(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="early"), Reports(tmp_path, ALL):
        raise ValueError("early")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'pdf'; known: csv, "):
        Reports(tmp_path / "new", ["csv", "pdf"])
    assert not (tmp_path / "new").exists()


MISSING = {"xlsx": "xlsxwriter", "parquet": "pyarrow"}


@pytest.mark.parametrize(("kind", "package"), MISSING.items())
def test_a_missing_package_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r'pip install "trueness\['), Reports(tmp_path, [kind]):
        pass
    assert list(tmp_path.iterdir()) == []
