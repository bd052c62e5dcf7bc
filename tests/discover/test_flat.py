from pathlib import Path

import pytest

from trueness.discover import LAYOUTS, layouts_of
from trueness.discover.flat import Flat
from trueness.errors import LayoutError
from trueness.report import CsvReport


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
    with CsvReport(tmp_path):
        (tmp_path / "trueness_report_of_mine.npy").touch()
        assert len(list(tmp_path.iterdir())) == 2
        assert len(Flat().discover(tmp_path, rank=None, token=None).tensors) == 1
    assert len(list(tmp_path.iterdir())) == 2
    assert len(Flat().discover(tmp_path, rank=None, token=None).tensors) == 1


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "x").touch()
    assert len(Flat().discover(tmp_path, rank=None, token=None).tensors) == 1


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
