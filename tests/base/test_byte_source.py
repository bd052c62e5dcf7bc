"""What may be opened, and that pread hands out the same values as a mapping."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest

from trueness import _core
from trueness.errors import FormatError, ReadError


@pytest.fixture
def pread(monkeypatch):
    monkeypatch.setenv("TRUENESS_IO", "pread")


def test_only_regular_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        cases = [
            (tmp_path, "a directory"),
            (tmp_path / "pipe", "a pipe"),
            (tmp_path / "socket", "a socket"),
            ("/dev/null", "a device"),
            (tmp_path / "missing", "No such file"),
            (tmp_path / "pipe" / "x", "Not a directory"),
            ("x" * 300, "File name too long"),
        ]
        for path, reason in cases:
            with pytest.raises(ReadError, match=reason) as caught:
                _core.open_file(str(path))
            assert isinstance(caught.value, OSError)
            assert caught.value.path == str(path)


def test_names_that_are_not_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe.bin"
    Path(os.fsdecode(path)).write_bytes(b"\x05")
    source = _core.Source(os.fsdecode(path))
    assert os.fsencode(source.path) == path
    with pytest.raises(FormatError) as caught:
        source.parse()
    assert os.fsencode(caught.value.path) == path


def test_unknown_way_to_read(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(bytes(100_000))
    monkeypatch.setenv("TRUENESS_IO", "telepathy")
    with pytest.raises(ValueError, match="mmap or pread"):
        _core.Source(str(tmp_path / "x"))


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000])
def test_pread_equals_mmap(tmp_path, monkeypatch, size):
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    data.tofile(tmp_path / "x")
    mapped = _core.Source(str(tmp_path / "x"))
    monkeypatch.setenv("TRUENESS_IO", "pread")
    read = _core.Source(str(tmp_path / "x"))
    for source in (mapped, read):
        assert source.size == size
        assert source.read(0, size) == data.tobytes()
        tensor = source.tensor(offset=0, dtype="uint8", shape=(size,))
        np.testing.assert_array_equal(tensor.numpy(), data)
        assert tensor.raw() == data.tobytes()


def test_pread_walks_strides_and_swaps(tmp_path, pread):
    data = np.arange(60_000, dtype=">i4").reshape(200, 300)
    data.tofile(tmp_path / "x")
    source = _core.Source(str(tmp_path / "x"))
    plain = source.tensor(offset=0, dtype="int32", shape=(200, 300), byte_swapped=True)
    np.testing.assert_array_equal(plain.numpy(), data)
    turned = source.tensor(
        offset=0, dtype="int32", shape=(300, 200), strides=(1, 300), byte_swapped=True
    )
    np.testing.assert_array_equal(turned.numpy(), data.T)
    np.testing.assert_array_equal(turned.flat_numpy(8, 1000), data.T.reshape(-1)[8:1008])
    assert _core.compare(plain, plain).finish()["max_absolute_error"] == 0


def test_pread_notices_a_changed_file(tmp_path, pread):
    path = tmp_path / "x"
    path.write_bytes(bytes(100_000))
    tensor = _core.Tensor.from_file(str(path), offset=0, dtype="uint8", shape=(100_000,))
    os.truncate(path, 10)
    with pytest.raises(ReadError, match="shrank"):
        tensor.numpy()
    os.truncate(path, 100_001)
    with pytest.raises(ReadError, match="grew"):
        tensor.numpy()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"offset": 1}, "end behind the file"),
        ({"offset": 1 << 63}, "end behind the file"),
        ({"shape": (1 << 40, 1 << 40)}, "overflow"),
        ({"shape": (1 << 62,)}, "overflow"),
        ({"strides": (4, -1)}, "outside its bytes"),
        ({"strides": (4, 1 << 62)}, "overflow"),
        ({"strides": (1,)}, "one stride"),
        ({"nbytes": 20}, "outside its bytes"),
        ({"nbytes": (1 << 64) - 1}, "end behind the file"),
    ],
)
def test_tensors_stay_inside_their_file(tmp_path, changes, reason):
    (tmp_path / "x").write_bytes(bytes(24))
    arguments = {"offset": 0, "dtype": "int32", "shape": (2, 3), **changes}
    with pytest.raises(FormatError, match=reason):
        _core.Tensor.from_file(str(tmp_path / "x"), **arguments)


def test_small_misuse(tmp_path):
    (tmp_path / "x").write_bytes(bytes(24))
    source = _core.Source(str(tmp_path / "x"))
    tensor = source.tensor(offset=0, dtype="uint8", shape=(24,))
    with pytest.raises(ValueError, match="unknown dtype 'int37'"):
        source.tensor(offset=0, dtype="int37", shape=(24,))
    with pytest.raises(FormatError):
        source.read(20, 5)
    with pytest.raises(FormatError):
        source.parse(offset=25)
    with pytest.raises(IndexError):
        tensor.flat_numpy(16, 9)
    with pytest.raises(ValueError, match="multiple of 8"):
        tensor.flat_numpy(3, 1)
    with pytest.raises(IndexError):
        tensor.raw(20, 5)
    assert tensor.raw(20) == bytes(4)


def test_buffers_are_held_and_must_be_contiguous():
    data = bytearray(b"12345678")
    source = _core.Source.from_buffer("here", data)
    with pytest.raises(BufferError):
        data.append(1)
    assert source.tensor(offset=2, dtype="uint8", shape=(2,)).numpy().tolist() == [51, 52]
    with pytest.raises(ValueError, match="contiguous"):
        _core.Source.from_buffer("here", memoryview(data)[::2])
