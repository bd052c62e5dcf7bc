import errno
import os
from pathlib import Path

import numpy as np
import pytest

from trueness.discover import LAYOUTS, layouts_of
from trueness.discover.flat import Flat
from trueness.dumps import compare_dumps
from trueness.errors import LayoutError, UsageError
from trueness.report import Reports, Summary


def test_names_are_relative_paths_in_order(tmp_path: Path) -> None:
    for name in ("b.npy", "a/c.npy", "a/b/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".hidden").touch()
    dump = Flat().discover(tmp_path, rank=None, token=None)
    assert [ref.op_name for ref in dump.tensors] == ["a/b/d", "a/c.npy", "b.npy"]
    assert [Path(ref.path) for ref in dump.tensors] == [
        tmp_path / "a/b/d",
        tmp_path / "a/c.npy",
        tmp_path / "b.npy",
    ]


def test_reports_of_earlier_comparisons_are_no_tensors(tmp_path: Path) -> None:
    with Reports(tmp_path) as reports:
        (tmp_path / "trueness_report_of_mine.npy").touch()
        assert len(list(tmp_path.iterdir())) == 2
        assert len(Flat().discover(tmp_path, rank=None, token=None).tensors) == 1
        reports.finish(Summary())
    assert len(list(tmp_path.iterdir())) == 2
    assert len(Flat().discover(tmp_path, rank=None, token=None).tensors) == 1


def discover(root: Path) -> tuple[list[str], dict[str, tuple[str, bool]]]:
    """Names of tensors; reason and `expected` by the name of what is left over."""
    dump = Flat().discover(root, rank=None, token=None)
    left = {left.ref.op_name: (left.reason, left.expected) for left in dump.leftover}
    assert len(left) == len(dump.leftover)
    return [ref.op_name for ref in dump.tensors], left


@pytest.mark.parametrize(
    "name", ["README.md", "readme", "a.JSON", "b.log", "c.d.csv", "model.onnx", "t.txt"]
)
def test_notes_and_tables_are_no_tensors(tmp_path: Path, name: str) -> None:
    for file in (name, "x.npy", "Add.Add_1.1.2.1700000000000000", "weight.raw", "layers.0.h"):
        (tmp_path / file).touch()
    tensors, left = discover(tmp_path)
    assert tensors == ["Add.Add_1.1.2.1700000000000000", "layers.0.h", "weight.raw", "x.npy"]
    assert left == {name: ("no file of tensors by its name", True)}


def test_notes_do_not_fail_a_comparison_and_damage_does(tmp_path: Path) -> None:
    for side in ("golden", "my"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "x.npy", np.ones(3))
        (tmp_path / side / "README.md").write_text(f"of {side}")
    (tmp_path / "my" / "run.log").write_text("done")
    summary = compare_dumps(tmp_path / "golden", tmp_path / "my").summary()
    assert (summary.passed, summary.not_needed, summary.exit_code) == (1, 3, 0)
    for side in ("golden", "my"):
        (tmp_path / side / "y.npy").write_text("of no format")
    summary = compare_dumps(tmp_path / "golden", tmp_path / "my").summary()
    assert (summary.states["unreadable"], summary.exit_code) == (1, 1)


def test_nothing_but_notes_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(UsageError, match=r"^no tensors on either side"):
        compare_dumps(tmp_path, tmp_path)


def test_a_link_to_a_folder_below_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").touch()
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "first").symlink_to("a")
    (tmp_path / "second").symlink_to(tmp_path / "a")
    tensors, left = discover(tmp_path)
    assert tensors == ["a/b/x", "first/b/x"]
    assert left == {
        "a/b/up": (f"a link to {tmp_path / 'a'}, which it lies in", True),
        "second": (f"another link to {tmp_path / 'a'}", True),
    }


def test_a_link_that_leaves_the_folder_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").touch()
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump/y").touch()
    (tmp_path / "dump/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dump/loop").symlink_to(tmp_path / "dump")
    tensors, left = discover(tmp_path / "dump")
    assert tensors == ["y"]
    assert left.pop("loop")[1] is True
    assert left == {
        "out": (f"a link to {tmp_path / 'elsewhere'}, which lies elsewhere: give that", False)
    }


def test_pipes_are_rows_and_never_opened(tmp_path: Path) -> None:
    for side in ("golden", "my"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "x.npy", np.ones(3))
        os.mkfifo(tmp_path / side / "pipe.npy")
    tensors, left = discover(tmp_path / "my")
    assert (tensors, left) == (["x.npy"], {"pipe.npy": ("a pipe, a socket or a device", True)})
    assert compare_dumps(tmp_path / "golden", tmp_path / "my").summary().passed == 1


def test_a_folder_that_cannot_be_listed_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "x").touch()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    tensors, left = discover(tmp_path)
    assert tensors == ["x"]
    assert left == {"secret": ("its files cannot be listed: Permission denied", False)}
    with pytest.raises(PermissionError):
        discover(tmp_path / "secret")


def test_a_link_to_nowhere_is_a_row_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "missing").symlink_to("nowhere")
    (tmp_path / "x").touch()
    dump = Flat().discover(tmp_path, rank=None, token=None)
    assert [ref.op_name for ref in dump.tensors] == ["itself", "missing", "x"]


def test_an_unknown_folder_says_every_reason(tmp_path: Path) -> None:
    with pytest.raises(LayoutError) as caught:
        layouts_of(tmp_path)
    assert str(tmp_path) in str(caught.value)
    for layout in LAYOUTS:
        assert f"not {layout.name}: {layout.refusal(tmp_path)}" in str(caught.value)
