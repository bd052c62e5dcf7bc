"""Labels made in a program, compared by `aclcmp`."""

import logging
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from trueness import aclcmp
from trueness.dump import gen_id, guard, labels, set_label, set_task_id
from trueness.errors import UsageError
from trueness.model import State

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(labels.TASK_FOLDER, str(tmp_path / "task"))
    monkeypatch.setenv(labels.TASK_ID, "")
    monkeypatch.setenv(f"{os.getpid()}_DUMP_PATH", "acl_7")
    monkeypatch.setattr(labels, "_times", type(labels._times)())
    monkeypatch.setattr(guard, "_said", set())


def compare(tmp_path: Path, wait: float = 0) -> dict[str, State]:
    results = aclcmp.compare_labels(tmp_path / "task", wait=wait)
    refs = ((result.golden or result.my, result) for result in results)
    return {ref.label: result.state for ref, result in refs if ref}


def test_values_of_any_shape_and_dtype(tmp_path: Path) -> None:
    tensors = {
        "one": torch.arange(3.0),
        "none": torch.tensor(2.0),
        "bf16": torch.linspace(-1, 1, 8).bfloat16().reshape(2, 4).t(),
        "int": torch.arange(6).reshape(2, 3),
        "grad": torch.ones(2, requires_grad=True),
    }
    set_task_id()
    for name, tensor in tensors.items():
        set_label("pta", name, tensor, strict=True)
        set_label("acl", name, tensor.clone(), strict=True)
    results = list(aclcmp.compare_labels(tmp_path / "task", wait=0))
    assert [result.state for result in results] == [State.OK] * 5
    assert {r.my_dtype for r in results} == {"float32", "bfloat16", "int64"}
    assert {aclcmp.task_of(result) for result in results} == {os.environ[labels.TASK_ID]}


def test_files_of_the_accelerator_may_come_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(labels.HOME, str(tmp_path / "acl"))
    set_task_id()
    set_label("acl", "late", tensor_path="0_Op/after/outtensor0.bin", strict=True)
    set_label("pta", "late", torch.ones(4), strict=True)
    below = tmp_path / "acl" / "tensors" / "acl_7" / os.environ[labels.TASK_ID]
    path = below / "0_Op" / "after" / "outtensor0.bin"
    path.parent.mkdir(parents=True)
    head = b"$Version=1.0\n$Object.Count=1\n$Object.Length=16\nformat=2\ndtype=0\ndims=4\n"
    head += b"$Object.data=0,16\n$End=1\n"

    def write() -> None:
        time.sleep(0.3)
        path.write_bytes(head)
        time.sleep(0.3)
        with path.open("ab") as file:
            file.write(np.ones(4, np.float32).tobytes())

    thread = threading.Thread(target=write)
    thread.start()
    assert compare(tmp_path, wait=20) == {"late": State.OK}
    thread.join()


def test_a_limit_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(labels.HOME, str(tmp_path / "acl"))
    set_label("acl", "never", tensor_path="x.bin", strict=True)
    set_label("pta", "never", torch.ones(1), strict=True)
    assert compare(tmp_path, wait=0.2) == {"never": State.NOT_DUMPED}


def test_a_path_without_a_home_is_a_row_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(labels.HOME, raising=False)
    set_label("acl", "x", tensor_path="x.bin", strict=True)
    set_label("pta", "x", torch.ones(1), strict=True)
    (result,) = aclcmp.compare_labels(tmp_path / "task", wait=0)
    assert labels.HOME in result.reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("cpu", "x", torch.ones(1)), "pta or acl"),
        (("pta", "x"), "neither"),
        (("pta", "x", [1.0]), "neither"),
    ],
)
def test_what_is_wrong_is_said_once(
    caplog: pytest.LogCaptureFixture, arguments: tuple[object, ...], reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        set_label(*arguments)
        set_label(*arguments)
    assert [reason in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(UsageError, match=reason):
        set_label(*arguments, strict=True)


def test_ids_never_meet() -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(gen_id() for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2000
    assert all(name.startswith("data_") for name in found)


def test_tasks_are_told_apart() -> None:
    set_task_id()
    first = os.environ[labels.TASK_ID]
    set_task_id()
    assert first != os.environ[labels.TASK_ID]
    assert first.startswith(f"{os.getpid()}_")


RANKS = """
import os, sys
import torch
from trueness.dump import set_label, set_task_id
set_task_id()
for rank in range(2):
    if os.fork() == 0:
        for number in range(500):
            value = torch.full((2,), float(number))
            set_label("pta", f"r{rank}.{number}", value, strict=True)
            set_label("acl", f"r{rank}.{number}", value, strict=True)
        os._exit(0)
sys.exit(max(os.wait()[1] for _ in range(2)))
"""


def test_two_processes_that_label_a_thousand_tensors_each_lose_none(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    folder = tmp_path / "ranks"
    folder.mkdir()
    assert aclcmp.run([sys.executable, str(script)], folder) == 0
    results = list(aclcmp.compare_labels(folder, wait=5))
    names = {result.golden.label for result in results if result.golden and result.passed}
    assert names == {f"r{rank}.{number}" for rank in range(2) for number in range(500)}
    assert len(results) == 1000
