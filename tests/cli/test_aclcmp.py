"""The command around a program: its words, its environment, its exit code. No torch: the program
writes the files of labels itself."""

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from trueness.aclcmp import command_of
from trueness.cli.app import main
from trueness.errors import UsageError
from trueness.report.to_aclcmp import COLUMNS

PROGRAM = """
import json, os, sys
folder, code = os.environ["AIT_CMP_TASK_DIR"], int(sys.argv[1])
print("said by the program", os.environ["ACLTRANSFORMER_SAVE_TENSOR"])
print(os.environ["ACLTRANSFORMER_SAVE_TENSOR_MAX"], file=sys.stderr)
with open(os.path.join(folder, "7_0.7_labels.jsonl"), "w") as file:
    file.write(sys.argv[2])
sys.exit(code)
"""


def label(source: str, data_id: str, path: Path | str, **more: object) -> str:
    record = {"task": "7_0", "source": source, "data_id": data_id, "path": str(path), "time": 1}
    return json.dumps(record | more) + "\n"


def array(path: Path, *values: float) -> Path:
    np.save(path, np.asarray(values, np.float32))
    return path


def aclcmp(tmp_path: Path, lines: str, *more: str, code: int = 0) -> int:
    script = tmp_path / "run.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), str(code), lines]
    text = " ".join("'" + word.replace("'", "'\\''") + "'" for word in command)
    return main(["aclcmp", "--exec", text, "-o", str(tmp_path / "out"), "--wait", "0", *more])


def rows(tmp_path: Path, task: str = "7_0") -> list[dict[str, str]]:
    (path,) = (tmp_path / "out").glob(f"aclcmp_*/{task}_cmp_result.csv")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def test_every_label_has_a_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = array(tmp_path / "a.npy", 1, 2), array(tmp_path / "b.npy", 1, 3)
    lines = [
        label("pta", "same", good),
        label("acl", "same", good),
        label("pta", "=other", good),
        label("acl", "=other", bad),
        label("pta", "lonely", good),
        label("acl", "gone", tmp_path / "gone.bin"),
        label("pta", "gone", good),
        label("pta", "nowhere", good),
        label("acl", "nowhere", "x.bin", problem="ACLTRANSFORMER_HOME_PATH is not set"),
    ]
    # A console line break cannot pass as an argument.
    assert aclcmp(tmp_path, "\r".join(line.strip() for line in lines)) == 1
    said = capfd.readouterr()
    assert "said by the program 1" in said.out and "10000" in said.err
    found = {row["data_id"]: row for row in rows(tmp_path)}
    same = found["same"]
    assert (same["cmp_flag"], same["cosine_similarity"], same["cmp_fail_reason"]) == (
        ("True", "1.0", "")
    )
    assert (same["pta_dtype"], same["acl_shape"]) == ("float32", "[2]")
    assert float(found["'=other"]["relative_euclidean_distance"]) == pytest.approx(5**-0.5)
    for name in ("lonely", "gone", "nowhere"):
        assert found[name]["cmp_flag"] == "False"
        assert found[name]["cmp_fail_reason"].startswith("acl_data_path is not exist.")
    assert "HOME_PATH" in found["nowhere"]["cmp_fail_reason"]
    (report,) = (tmp_path / "out").glob("aclcmp_*/trueness_report_*.csv")
    assert len(report.read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("code", "differs", "expected"), [(0, 0, 0), (0, 1, 1), (3, 1, 3), (3, 0, 3)]
)
def test_the_exit_code_of_the_program_wins(
    tmp_path: Path, code: int, differs: int, expected: int
) -> None:
    good, bad = array(tmp_path / "a.npy", 1, 2), array(tmp_path / "b.npy", 1, 2 + differs)
    lines = label("pta", "x", good).strip() + "\r" + label("acl", "x", bad).strip()
    assert aclcmp(tmp_path, lines, "-q", code=code) == expected
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("code", "more", "said"),
    [(3, (), "exit code 3: that of the program"), (0, ("--exit-zero",), "exit code 0: as asked")],
)
def test_the_exit_code_that_is_printed_is_the_one_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: int, more: tuple[str, ...], said: str
) -> None:
    good, bad = array(tmp_path / "a.npy", 1, 2), array(tmp_path / "b.npy", 1, 3)
    lines = label("pta", "x", good).strip() + "\r" + label("acl", "x", bad).strip()
    assert aclcmp(tmp_path, lines, *more, code=code) == code
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_a_repeated_id_is_compared_as_often(tmp_path: Path) -> None:
    lines = ""
    for step in range(3):
        path = array(tmp_path / f"{step}.npy", step, 1)
        lines += label("pta", "x", path).strip() + "\r" + label("acl", "x", path).strip() + "\r"
    assert aclcmp(tmp_path, lines, "-q") == 0
    assert [Path(row["acl_data_path"]).name for row in rows(tmp_path)] == [
        "0.npy",
        "1.npy",
        "2.npy",
    ]


def test_half_a_line_of_a_killed_program_is_told(tmp_path: Path) -> None:
    good = array(tmp_path / "a.npy", 1, 2)
    whole = label("pta", "x", good).strip() + "\r" + label("acl", "x", good).strip()
    assert aclcmp(tmp_path, whole + '\r{"task": "7_0", "sour', "-q") == 1
    assert "not a whole label" in rows(tmp_path, "")[0]["cmp_fail_reason"]


def test_nothing_labelled_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aclcmp(tmp_path, "") == 2
    assert "nothing was labelled" in capsys.readouterr().err
    assert aclcmp(tmp_path, "", code=5) == 5


def test_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'import os; os.kill(os.getpid(), 9)'"
    assert main(["aclcmp", "--exec", command, "-o", str(tmp_path)]) == 128 + 9


def test_what_the_user_set_is_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACLTRANSFORMER_SAVE_TENSOR_MAX", "77")
    aclcmp(tmp_path, "")
    assert "77\n" in capfd.readouterr().err
    assert "AIT_CMP_TASK_DIR" not in os.environ


def test_a_command_is_words_and_no_shell() -> None:
    assert command_of("bash run.sh 'two words'") == ["bash", "run.sh", "two words"]


@pytest.mark.parametrize("text", ["", "  ", "a | b", "a > b", "a && b", "a\nb", "unclosed '"])
def test_what_only_a_shell_could_do_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        command_of(text)
    assert main(["aclcmp", "--exec", text, "-o", str(tmp_path)]) == 2


def test_a_command_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aclcmp", "--exec", "no-such-program", "-o", str(tmp_path)]) == 2
    assert "cannot be run" in capsys.readouterr().err
