"""A file that shrinks while it is read gives an error; a SIGBUS of others stays theirs."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from trueness import _core
from trueness.errors import FormatError, ReadError

SIZE = 1 << 22

TRUNCATE_IN_A_LOOP = """
import os, sys
path, size = sys.argv[1], int(sys.argv[2])
while True:
    os.truncate(path, 4096)
    os.truncate(path, size)
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def big_file(tmp_path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(b"\x01" * SIZE)
    return path


def whole(path: Path) -> _core.Tensor:
    return _core.Tensor.from_file(str(path), offset=0, dtype="uint8", shape=(SIZE,))


def test_truncated_while_mapped(big_file):
    tensor = whole(big_file)
    assert tensor.numpy().sum() == SIZE
    os.truncate(big_file, 4096)
    for read in (tensor.numpy, tensor.raw):
        with pytest.raises(ReadError, match="shrank while being read"):
            read()
    with pytest.raises(ReadError, match="shrank"):
        _core.compare(tensor, tensor)


def test_lost_pages_stay_reported_after_the_file_grew_back(big_file):
    tensor = whole(big_file)
    os.truncate(big_file, 4096)
    with pytest.raises(ReadError, match="shrank"):
        tensor.numpy()
    os.truncate(big_file, SIZE)
    with pytest.raises(ReadError, match="shrank"):
        tensor.numpy()


def test_truncated_in_a_loop_by_another_process(big_file):
    arguments = [sys.executable, "-c", TRUNCATE_IN_A_LOOP, str(big_file), str(SIZE)]
    other = subprocess.Popen(arguments)
    outcomes = set()
    try:
        rounds = 0
        limit = time.monotonic() + 40
        while time.monotonic() < limit and (rounds < 50 or "ReadError" not in outcomes):
            rounds += 1
            try:
                whole(big_file).numpy()
                outcomes.add("read")
            except OSError as error:
                outcomes.add(type(error).__name__)
            except FormatError as error:
                # Opened while it was short.
                assert "end behind the file" in str(error)
    finally:
        other.kill()
        other.wait()
    assert "ReadError" in outcomes


def test_grown_or_rewritten_files_are_reported(big_file):
    tensor = whole(big_file)
    with big_file.open("ab") as more:
        more.write(b"\x01")
    with pytest.raises(ReadError, match="grew while being read"):
        tensor.numpy()
    os.truncate(big_file, SIZE)
    os.utime(big_file, ns=(0, 0))
    with pytest.raises(ReadError, match="written while being read"):
        tensor.numpy()


def test_a_replaced_file_leaves_the_open_one_alone(big_file, tmp_path):
    tensor = whole(big_file)
    (tmp_path / "new").write_bytes(b"\x02" * 10)
    (tmp_path / "new").replace(big_file)
    assert tensor.numpy().sum() == SIZE
    big_file.unlink()
    assert tensor.numpy().sum() == SIZE


SETUP = """
    import ctypes, faulthandler, mmap, os, signal, sys, tempfile
    from trueness import _core

    def foreign_fault():
        with tempfile.TemporaryFile() as file:
            file.truncate(4096)
            view = mmap.mmap(file.fileno(), 4096)
            file.truncate(0)
            return view[0]

    def use_the_guard():
        path = sys.argv[1]
        tensor = _core.Tensor.from_file(path, offset=0, dtype="uint8", shape=(1 << 22,))
        assert tensor.numpy()[0] == 1
        return tensor
"""


def test_foreign_fault_still_kills_by_default(big_file):
    died = run(SETUP + "\n    kept = use_the_guard()\n    foreign_fault()", big_file)
    assert died.returncode == -7, died.stderr


def test_foreign_fault_reaches_faulthandler_before_and_after(big_file):
    before = "\n    faulthandler.enable()\n    kept = use_the_guard()\n    foreign_fault()"
    after = (
        "\n    kept = use_the_guard()\n    faulthandler.enable()"
        "\n    kept2 = use_the_guard()\n    foreign_fault()"
    )
    for order in (before, after):
        died = run(SETUP + order, big_file)
        assert died.returncode == -7
        assert died.stderr.count("Fatal Python error: Bus error") == 1


CALL_C_HANDLER = """
    libc = ctypes.CDLL(None)
    Handler = ctypes.CFUNCTYPE(None, ctypes.c_int)

    @Handler
    def handler(number):
        os.write(1, b"reached")
        os._exit(3)

    libc.signal(signal.SIGBUS, handler)
    kept = use_the_guard()
    foreign_fault()
"""


def test_foreign_fault_reaches_a_c_handler(big_file):
    died = run(SETUP + CALL_C_HANDLER, big_file)
    assert (died.returncode, died.stdout) == (3, "reached")


def test_sent_signals_follow_the_previous_disposition(big_file):
    ignored = run(
        SETUP + "\n    signal.signal(signal.SIGBUS, signal.SIG_IGN)"
        "\n    kept = use_the_guard()\n    os.kill(os.getpid(), signal.SIGBUS)\n    print('alive')",
        big_file,
    )
    assert ignored.stdout == "alive\n"
    killed = run(
        SETUP + "\n    kept = use_the_guard()\n    os.kill(os.getpid(), signal.SIGBUS)", big_file
    )
    assert killed.returncode == -7


def test_more_files_than_guarded_mappings(tmp_path):
    path = tmp_path / "x.bin"
    np.arange(20_000, dtype=np.int32).tofile(path)
    code = """
        import resource, sys
        from trueness import _core
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        make = lambda: _core.Tensor.from_file(
            sys.argv[1], offset=0, dtype="int32", shape=(20000,))
        tensors = [make() for _ in range(4096 + 50)]
        print({int(t.flat_numpy(19984, 16)[15]) for t in tensors})
    """
    done = run(code, path)
    assert done.stdout == "{19999}\n", done.stderr
