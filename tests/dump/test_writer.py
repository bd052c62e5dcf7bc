"""The thread that writes: bounded, complete, and quiet about what it cannot do."""

import subprocess
import sys
import threading
import time

import pytest

from trueness.dump.writer import Writer


def test_no_more_waits_than_was_allowed() -> None:
    writer = Writer(buffer_bytes=10)
    gate, done, seen = threading.Event(), [], []

    def work() -> None:
        gate.wait(20)
        done.append(1)

    def hand_over() -> None:
        for _ in range(6):
            writer.submit(work, 4)
            seen.append(1)

    thread = threading.Thread(target=hand_over)
    thread.start()
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert (len(seen), len(done)) == (2, 0)
    gate.set()
    thread.join()
    writer.close()
    assert len(done) == 6


def test_one_that_is_larger_than_the_limit_goes_alone() -> None:
    writer = Writer(buffer_bytes=1)
    done: list[int] = []
    for number in range(3):
        writer.submit(lambda n=number: done.append(n), 100)
    writer.flush()
    assert done == [0, 1, 2]
    writer.close()


def test_what_fails_does_not_stop_the_rest() -> None:
    writer = Writer()
    done: list[int] = []

    def fail() -> None:
        raise OSError("disk full")

    for work in (fail, lambda: done.append(1), fail, lambda: done.append(2)):
        writer.submit(work, 1)
    with pytest.raises(OSError, match="2 files could not be written: disk full"):
        writer.close()
    assert done == [1, 2]
    writer.submit(lambda: done.append(3), 1)
    writer.close()
    assert done == [1, 2, 3]


def test_a_program_that_never_closes_loses_nothing() -> None:
    program = (
        "import time; from trueness.dump.writer import Writer\n"
        "writer = Writer()\n"
        "for n in range(3): writer.submit(lambda n=n: (time.sleep(.05), print(n)), 1)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("0\n1\n2\n", "", 0)
