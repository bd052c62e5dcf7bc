"""Names and wholeness of what is written; no tensor is needed for that."""

import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.dump import files, guard


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("layer0.out", "layer0.out"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("../x", "%2E.%2Fx"),
        (".", "%2E"),
        ("", "%"),
        ("注意力", "注意力"),
        ("a\x00\n", "a%00%0A"),
        ("\udc80", "%DC80"),
    ],
)
def test_a_name_is_kept_where_a_file_may_be_called_so(text: str, name: str) -> None:
    assert files.safe_name(text) == name


def test_long_names_stay_apart() -> None:
    names = {files.safe_name("注" * 400 + end) for end in "abc"}
    assert len(names) == 3
    assert all(len(name.encode()) <= files.MAX_NAME + 2 for name in names)


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_two_texts_never_get_one_name(texts: list[str]) -> None:
    first, second = map(files.safe_name, texts)
    assert first != second
    assert not {"/", "\0"} & {*first, *second} and first not in (".", "..", "")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.write_text(str(path), "first")

    def fail(file: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_whole(str(path), fail)
    assert path.read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_where_files_need_names_they_are_whole_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_anonymous", lambda folder: None)
    files.write_text(str(tmp_path / "x"), "first")
    test_a_failed_write_leaves_what_was_there(tmp_path)


def test_a_file_system_that_cannot_name_files_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(files.os, "link", refuse)
    test_a_failed_write_leaves_what_was_there(tmp_path)


def test_a_killed_process_leaves_no_half_file(tmp_path: Path) -> None:
    if files._anonymous(str(tmp_path)) is None:
        pytest.skip("this file system has no files without names")
    program = (
        "import os, signal, sys; from trueness.dump import files\n"
        "def write(file):\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_whole(sys.argv[1], write)"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path / "x")])
    assert ran.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_problem_is_said_once_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for text in ("first", "second"):
            with guard.Forgiving("test_files", strict=False):
                raise ValueError(text)
    assert [record.getMessage() for record in caplog.records if "first" in record.getMessage()]
    assert not [record for record in caplog.records if "second" in record.getMessage()]
    with pytest.raises(ValueError, match="third"), guard.Forgiving("test_files", strict=True):
        raise ValueError("third")
    with pytest.raises(KeyboardInterrupt), guard.Forgiving("test_files", strict=False):
        raise KeyboardInterrupt


def test_another_problem_of_the_same_type_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with guard.Forgiving("test_files, two", strict=False):
                raise ValueError("apples")
            with guard.Forgiving("test_files, two", strict=False):
                raise ValueError("pears")
    assert ["apples" in r.getMessage() for r in caplog.records] == [True, False]


def test_nothing_heavy_is_imported() -> None:
    program = "import sys, trueness.dump; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert {"torch", "numpy", "trueness.read"} & set(ran.stdout.split()) == set()
