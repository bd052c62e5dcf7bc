"""`trueness convert`: what it writes is what was read."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from trueness import _core
from trueness.cli.app import main
from trueness.read import export, open_file

PT = Path(__file__).parents[1] / "data" / "pt"


def test_every_tensor_as_npy(tmp_path, capsys):
    assert main(["convert", str(PT / "all_dtypes.pt"), "--to", "npy", "-o", str(tmp_path)]) == 0
    with np.load(PT / "expected.npz") as expected:
        for name in expected.files:
            found = np.load(tmp_path / f"all_dtypes.pt.{name}.npy", allow_pickle=False)
            assert found.dtype == expected[name].dtype
            np.testing.assert_array_equal(found, expected[name])
        assert len(list(tmp_path.iterdir())) == len(expected.files)


def test_long_tensors_are_written_in_parts(tmp_path):
    data = np.arange(700_000, dtype=np.float32).reshape(700, 1000).T
    np.save(tmp_path / "a.npy", data)
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "a.npy"), "--to", "npy", "-o", str(out)]) == 0
    np.testing.assert_array_equal(np.load(out / "a.npy.0.npy"), data)


def test_bin_keeps_the_stored_bytes_and_says_how_to_read_them(tmp_path):
    data = np.arange(6, dtype=">i4").reshape(2, 3)
    np.save(tmp_path / "a.npy", data)
    assert main(["convert", str(tmp_path / "a.npy"), "--to", "bin", "-o", str(tmp_path)]) == 0
    assert (tmp_path / "a.npy.0.6.int32.bin").read_bytes() == data.tobytes()


def test_nothing_is_overwritten_without_force(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones(3))
    arguments = ["convert", str(tmp_path / "a.npy"), "--to", "npy", "-o", str(tmp_path)]
    assert main(arguments) == 0
    target = tmp_path / "a.npy.0.npy"
    target.write_bytes(b"mine")
    assert main(arguments) == 1
    assert "exists already" in capsys.readouterr().err
    assert target.read_bytes() == b"mine"
    assert main([*arguments, "--force"]) == 0
    assert np.load(target).tolist() == [1, 1, 1]


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.ones(3))

    def fail(tensor, target):
        target.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "_write_npy", fail)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(KeyboardInterrupt):
        export.Exporter("npy", force=False).export(open_file(tmp_path / "a.npy"), out)
    assert list(out.iterdir()) == []


def test_folder_keeps_its_shape_and_goes_on_after_a_bad_file(tmp_path, capsys):
    dump = tmp_path / "dump" / "inner"
    dump.mkdir(parents=True)
    np.save(dump / "a.npy", np.ones(3))
    (dump / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00")
    np.savez(dump / "c.npz", x=np.zeros(2), **{"y/z": np.ones(2)})
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "dump"), "--to", "npy", "-o", str(out)]) == 1
    assert "bad.npy" in capsys.readouterr().err
    assert sorted(path.name for path in (out / "inner").iterdir()) == [
        "a.npy.0.npy",
        "c.npz.x.npy",
        "c.npz.y_z.npy",
    ]


def test_names_never_leave_the_folder_or_collide(tmp_path):
    np.savez(tmp_path / "x.npz", **{"../up": np.ones(1), "a/b": np.ones(1), "a?b": np.zeros(1)})
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "x.npz"), "--to", "npy", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "2.x.npz.a_b.npy",
        "x.npz._up.npy",
        "x.npz.a_b.npy",
    ]


def test_names_too_long_for_a_file_system(tmp_path):
    name = "n" * 300
    np.savez(tmp_path / "x.npz", **{name: np.arange(3)})
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "x.npz"), "--to", "npy", "-o", str(out)]) == 0
    short, original = (out / "mapping.csv").read_text().strip().split(",")
    assert original == f"x.npz.{name}.npy"
    assert np.load(out / short).tolist() == [0, 1, 2]


def test_a_long_name_that_is_not_utf8(tmp_path):
    name = os.fsdecode(b"\xff" * 248 + b".npy")
    np.save(tmp_path / name, np.arange(3))
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / name), "--to", "npy", "-o", str(out)]) == 0
    short, original = (out / "mapping.csv").read_bytes().strip().split(b",")
    assert original == os.fsencode(f"{name}.0.npy")
    assert np.load(out / os.fsdecode(short)).tolist() == [0, 1, 2]


def test_pt_without_torch(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    np.save(tmp_path / "a.npy", np.ones(3))
    assert main(["convert", str(tmp_path / "a.npy"), "--to", "pt", "-o", str(tmp_path)]) == 2
    assert 'pip install "trueness[torch]"' in capsys.readouterr().err


def test_missing_source(tmp_path):
    assert main(["convert", str(tmp_path / "no"), "--to", "npy", "-o", str(tmp_path)]) == 2


def test_undecodable_tensors_keep_their_bytes(tmp_path):
    tensor = _core.Tensor.unreadable(str(tmp_path / "a"), name="q", index=0, problem="why not")
    file = type(open_file(PT / "bare.pt"))(str(tmp_path / "a"), "torch", [tensor])
    (problem,) = export.Exporter("npy", force=False).export(file, tmp_path)
    assert "why not" in problem
    assert list(tmp_path.iterdir()) == []
