import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trueness.cli.app import main
from trueness.model import Result
from trueness.report.columns import COLUMNS
from trueness.report.to_csv import CsvWriter

VALUES = np.linspace(-1, 1, 12, dtype=np.float32)
GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    arrays = {"golden": VALUES, "same": VALUES, "other": VALUES * 2}
    for name, values in arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "t.npy", values)
    return {name: str(tmp_path / name) for name in arrays}


def run(*words: str) -> int:
    return main(["compare", *words])


def process(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from trueness.cli.app import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "compare", *words],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("suffix", ["", ".npy"], ids=["folders", "files"])
@pytest.mark.parametrize(
    ("my", "options", "code"),
    [("same", (), 0), ("other", (), 1), ("other", ("--exit-zero",), 0), ("same", ("-q",), 0)],
)
def test_exit_codes(
    paths: dict[str, str], tmp_path: Path, suffix: str, my: str, options: tuple[str, ...], code: int
) -> None:
    words = (paths["golden"] + suffix, paths[my] + suffix, "-o", str(tmp_path / "out"))
    assert run(*words, *options) == code
    assert len(list((tmp_path / "out").glob("trueness_report_*.csv"))) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing", "golden"), "missing"),
        (("golden", "missing"), "missing"),
        (("golden.npy", "golden"), "is a folder and"),
        (("golden", "golden.npy"), "is a folder and"),
        (("golden",), "MY is missing"),
        ((), "GOLDEN is missing"),
        (("golden", "same", "--layout", "hope"), "no layout is called 'hope'; known: "),
        (("golden", "same", "--layout", "torchair"), "is not torchair_fx: "),
        (("golden", "same", "--metrics", "speed"), "no metric is called 'speed'"),
        (("golden", "same", "--standard", "hope"), "no standard is called 'hope'"),
        (("golden", "same", "--report", "pdf"), "no report is called 'pdf'"),
        (("golden", "same", "--rank", "0"), "knows no ranks"),
        (("golden.npy", "same.npy", "--token", "0"), "--token"),
        (("golden", "same", "-l", "loud"), "no log level"),
        (("golden", "same", "--golden-path", "golden"), "twice"),
    ],
)
def test_what_cannot_run_is_one_line_and_2(
    paths: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("trueness: ")
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert not list(tmp_path.glob("trueness_report*"))


@pytest.mark.parametrize("words", [("--nonsense",), ("a", "b", "c"), ("a", "b", "--jobs", "0")])
def test_unknown_options_are_2(words: tuple[str, ...]) -> None:
    assert run(*words) == 2


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("missing", "missing", "-l", "debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_old_spellings(paths: dict[str, str], tmp_path: Path) -> None:
    golden, my, out = paths["golden"], paths["same"], str(tmp_path / "out")
    assert run("-gp", golden, "-mp", my, "-o", out, "-l", "error") == 0
    options = ("--golden-path", golden, "--my-path", my, "--output", out, "--log-level", "info")
    assert run(*options) == 0


def test_two_files_show_every_number(
    paths: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(paths["golden"] + ".npy", paths["other"] + ".npy") == 1
    out = capsys.readouterr().out
    for word in ("cosine_similarity 1", "max_absolute_error", "FAIL", "auto@2", "exit code 1"):
        assert word in " ".join(out.split())


def test_the_exit_code_that_is_said_is_the_one_given(
    paths: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = (paths["golden"] + ".npy", paths["other"] + ".npy")
    for options, code in (((), 1), (("--exit-zero",), 0)):
        assert run(*words, *options) == code
        assert capsys.readouterr().out.splitlines()[-1].startswith(f"exit code {code}: ")


def test_quiet_says_nothing(paths: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(paths["golden"] + ".npy", paths["other"] + ".npy", "-q") == 1
    assert capsys.readouterr().out == ""


def test_json(paths: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(paths["golden"], paths["other"], "--json", "-o", str(tmp_path / "out")) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["summary"]["failed"] == 1
    assert list(found["rows"][0]) == list(COLUMNS)
    assert Path(found["report"]).parent == tmp_path / "out"


def test_a_torchair_dump_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        str(GT710 / "fx"),
        str(GT710 / "ge"),
        "-o",
        str(tmp_path),
        "--rank",
        "0",
        "--token",
        "1",
    )
    assert run(*words, "--metrics", "basic", "--top", "3") == 1
    out = capsys.readouterr().out
    assert "worst 2 of 2 that differ" in out
    assert "unmatched_my" in out


def test_the_command_itself(paths: dict[str, str]) -> None:
    for my, code in (("same", 0), ("other", 1), ("missing", 2)):
        words = [paths["golden"] + ".npy", f"{paths.get(my, my)}.npy"]
        ran = process(*words)
        assert ran.returncode == code
        assert "Traceback" not in ran.stderr


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from trueness.cli.app import main; code = main(['compare', '--help']);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0
    assert "--golden-path" in ran.stdout
    assert {"numpy", "rich", "trueness._core"} & set(ran.stderr.split()) == set()


@pytest.mark.parametrize("name", ["TRUENESS_ISA", "TRUENESS_IO", "TRUENESS_THREADS"])
@pytest.mark.parametrize("suffix", ["", ".npy"], ids=["folders", "files"])
def test_a_wrong_variable_is_one_line_and_2(tmp_path: Path, name: str, suffix: str) -> None:
    (tmp_path / "golden").mkdir()
    # Enough to be mapped, and to be worth threads.
    values = np.zeros(1 << 20, np.float32)
    for path in ("golden.npy", "golden/t.npy"):
        np.save(tmp_path / path, values)
    path = str(tmp_path / "golden") + suffix
    done = process(path, path, "-o", str(tmp_path), **{name: "abacus"})
    assert done.returncode == 2
    assert "abacus" in done.stderr
    assert done.stderr.count("\n") == 1


def test_names_that_the_output_cannot_encode(paths: dict[str, str], tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    done = process(paths["golden"], paths["same"], "-o", folder, PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert "/\\udcff/trueness_report_" in done.stdout


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name}-9")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "trueness trueness-9\n"


@pytest.mark.parametrize("rows", [0, 2])
def test_who_stops_it_is_told_where_the_rows_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: int
) -> None:
    for side in ("golden", "my"):
        (tmp_path / side).mkdir()
        for name in "abc":
            np.save(tmp_path / side / f"{name}.npy", VALUES)
    real = CsvWriter.write

    def write(report: CsvWriter, result: Result) -> None:
        if report._rows == rows:
            raise KeyboardInterrupt
        real(report, result)

    monkeypatch.setattr(CsvWriter, "write", write)
    sides = str(tmp_path / "golden"), str(tmp_path / "my")
    assert run(*sides, "-o", str(tmp_path / "out"), "-q") == 130
    kept = list((tmp_path / "out").glob("*.partial"))
    assert len(kept) == (1 if rows else 0)
    where = f"; rows so far are in {kept[0]}" if kept else ""
    assert capsys.readouterr().err == f"trueness: stopped{where}\n"
