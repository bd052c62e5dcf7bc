"""`trueness inspect` through the command's own entry."""

import json
from pathlib import Path

import numpy as np
import pytest

from trueness.cli.app import main

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, -2.0, np.nan], [np.inf, 0.0, 4.0]], np.float32))
    np.save(tmp_path / "b.npy", np.zeros((0, 3), np.int8))
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def test_text(folder, capsys):
    assert main(["inspect", str(folder / "a.npy")]) == 0
    head, *_, names, row = capsys.readouterr().out.splitlines()
    assert head == f"{folder / 'a.npy'}: npy, 1 tensors"
    cells = dict(zip(names.split(), row.replace("[2, 3]", "2x3").split(), strict=True))
    assert cells == {
        "index": "0",
        "dtype": "float32",
        "shape": "2x3",
        "bytes": "24",
        "offset": "128",
        "min": "-2",
        "max": "4",
        "mean": "0.75",
        "l2norm": "4.582576",
        "nan": "1",
        "inf": "1",
    }


def test_json(folder, capsys):
    assert main(["inspect", str(folder / "a.npy"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "npy"
    (tensor,) = found["tensors"]
    assert tensor["shape"] == [2, 3]
    assert tensor["problem"] is None
    statistics = tensor["statistics"]
    assert (statistics["min_value"], statistics["max_value"]) == (-2, 4)
    assert (statistics["nan_count"], statistics["inf_count"]) == (1, 1)


def test_empty_tensor_has_no_extremes(folder, capsys):
    assert main(["inspect", str(folder / "b.npy"), "--json"]) == 0
    (tensor,) = json.loads(capsys.readouterr().out)["tensors"]
    assert tensor["statistics"]["min_value"] is None


def test_unreadable_tensors_are_shown_and_counted(capsys):
    assert main(["inspect", str(DATA / "pt" / "nested.pt")]) == 1
    out = capsys.readouterr().out
    assert "warning: 'a.step' is no tensor (int)" in out
    assert "a sparse tensor has no plain values" in out


def test_headerless(tmp_path, capsys):
    np.arange(6, dtype=np.int16).tofile(tmp_path / "x.bin")
    arguments = ["inspect", str(tmp_path / "x.bin"), "--dtype", "i16", "--json"]
    assert main([*arguments, "--shape", "2x-1"]) == 0
    assert json.loads(capsys.readouterr().out)["tensors"][0]["shape"] == [2, 3]
    assert main([*arguments, "--shape", "7"]) == 1
    assert "14 bytes" in capsys.readouterr().err
    assert main([*arguments, "--shape", "a,b"]) == 2
    assert main(arguments) == 2


def test_folder_lists_its_files(folder, capsys):
    assert main(["inspect", str(folder), "--json"]) == 0
    rows = {row["file"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["a.npy"]["kind"] == "npy"
    assert "text" in rows["notes.txt"]["problem"]
    assert main(["inspect", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:2] == ["file", "kind"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_folder_with_a_damaged_file(folder, capsys, options):
    (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:100])
    assert main(["inspect", str(folder), *options]) == 1
    (folder / "a.npy").unlink()
    assert main(["inspect", str(folder), *options]) == 0
    (folder / "gone.npy").symlink_to("nowhere")
    assert main(["inspect", str(folder), *options]) == 1
    assert "gone.npy" in capsys.readouterr().out


def test_what_cannot_be_opened(folder, capsys):
    assert main(["inspect", str(folder / "missing")]) == 2
    assert main(["inspect", str(folder / "notes.txt")]) == 1
    assert "notes.txt: byte 0" in capsys.readouterr().err


def test_names_cannot_drive_the_terminal(tmp_path, capsys):
    np.savez(tmp_path / "x.npz", **{"\x1b[31mred": np.ones(2)})
    assert main(["inspect", str(tmp_path / "x.npz")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out
