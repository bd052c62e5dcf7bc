"""Archives of arrays: in place, unpacked, and broken."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trueness.errors import FormatError
from trueness.read import open_file, zip_members


def npy(array) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_by_name(tmp_path, save):
    arrays = {
        "a": np.arange(6, dtype=">i2").reshape(2, 3),
        "large": np.linspace(0, 1, 50_000).reshape(100, 500).T,
        "empty": np.zeros((0, 2)),
    }
    save(tmp_path / "x.npz", **arrays)
    file = open_file(tmp_path / "x.npz")
    assert file.kind == "npz"
    assert [(t.name, t.index) for t in file.tensors] == [("a", 0), ("large", 1), ("empty", 2)]
    for tensor in file.tensors:
        np.testing.assert_array_equal(tensor.numpy(), arrays[tensor.name])


def test_one_bad_member_does_not_hide_the_others(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("good.npy", npy(np.ones(3)))
        archive.writestr("empty.npy", b"")
        archive.writestr("cut.npy", npy(np.ones(3))[:-1])
        archive.writestr("readme.txt", b"hello")
    file = open_file(tmp_path / "x.npz")
    assert [t.readable for t in file.tensors] == [True, False, False]
    assert file.warnings == ["member 'readme.txt' is not an array"]
    with pytest.raises(FormatError, match="readable values"):
        file.tensors[1].numpy()


def test_names_do_not_decide(tmp_path):
    (tmp_path / "x.pt").write_bytes(npy(np.arange(3)))
    assert open_file(tmp_path / "x.pt").kind == "npy"


def damaged(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    data = path.read_bytes()
    for old, new in changes:
        assert old in data
        data = data.replace(old, new)
    path.write_bytes(data)
    return path


def test_hostile_directories(tmp_path):
    path = tmp_path / "x.npz"
    content = npy(np.ones(3))

    def fresh(compression=zipfile.ZIP_STORED) -> Path:
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("a.npy", content)
        return path

    size = len(content).to_bytes(4, "little")
    more = (len(content) + 1000).to_bytes(4, "little")
    for compression, changes in [
        (zipfile.ZIP_STORED, [(b"PK\x03\x04", b"PK\x03\x05")]),
        (zipfile.ZIP_STORED, [(size, more)]),
        (zipfile.ZIP_DEFLATED, [(size, more)]),
        (zipfile.ZIP_DEFLATED, [(size, (10).to_bytes(4, "little"))]),
        (
            zipfile.ZIP_DEFLATED,
            [(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")],
        ),
    ]:
        damaged(fresh(compression), *changes)
        if not path.read_bytes().startswith(b"PK\x03\x04"):
            path.write_bytes(b"PK\x03\x04" + path.read_bytes())
        try:
            problems = [t.problem for t in open_file(path).tensors]
        except FormatError:
            continue
        assert problems[0] is not None


def test_checksum_of_an_unpacked_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(np.ones(3)))
        checksum = archive.getinfo("a.npy").CRC.to_bytes(4, "little")
    damaged(tmp_path / "x.npz", (checksum, b"\0\0\0\0"))
    assert "checksum" in str(open_file(tmp_path / "x.npz").tensors[0].problem)


def test_bombs_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_members, "MAX_UNPACKED_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(200_000), b=np.zeros(3))
    assert "to unpack" in str(open_file(tmp_path / "x.npz").tensors[0].problem)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_ambiguous_and_foreign_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as archive:
        archive.writestr("a.npy", npy(np.ones(3)))
        archive.writestr("a.npy", npy(np.zeros(3)))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", b"")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for name, reason in [
        ("twice.npz", "twice"),
        ("other.zip", "1 other"),
        ("empty.zip", "0 other"),
    ]:
        with pytest.raises(FormatError, match=reason):
            open_file(tmp_path / name)
