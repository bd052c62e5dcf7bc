"""Tensors labelled on both sides of an accelerator, for `trueness aclcmp` to compare."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from itertools import count
from threading import Lock

from trueness.dump import files
from trueness.dump.guard import Forgiving
from trueness.errors import UsageError

TASK_ID = "AIT_CMP_TASK_ID"
TASK_FOLDER = "AIT_CMP_TASK_DIR"
HOME = "ACLTRANSFORMER_HOME_PATH"
SOURCES = ("pta", "acl")
DATA_FOLDER = "cmp_dump_data"
LABELS = "_labels.jsonl"

_tasks = count()
_ids = count()
_times: Counter[tuple[str, str, str]] = Counter()
_lock = Lock()
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)


def set_task_id() -> None:
    """Begins a task of this process: labels that follow belong to it. Sets `AIT_CMP_TASK_ID` to
    `{pid}_{n}`, where n counts the tasks, and `{pid}_DUMP_PATH`, below which the accelerator dumps,
    to the process id unless it is set."""
    pid = os.getpid()
    os.environ.setdefault(f"{pid}_DUMP_PATH", str(pid))
    os.environ[TASK_ID] = f"{pid}_{next(_tasks)}"


def gen_id() -> str:
    """A data_id that no other call gives, in no thread and no process."""
    return f"data_{time.time_ns()}_{os.getpid()}_{next(_ids)}"


def set_label(
    data_src: str,
    data_id: object,
    data_val: object = None,
    tensor_path: str | None = None,
    *,
    strict: bool = False,
) -> None:
    """Says that a tensor is what the other side calls `data_id` too.

    `data_src` is "pta" for what should come out and "acl" for the accelerator. Give the tensor
    itself, of any shape and dtype, or as `tensor_path` where the accelerator will have written it
    below `{ACLTRANSFORMER_HOME_PATH}/tensors/{pid}/{task}`. The n-th label of one id meets the n-th
    of the other side. `trueness aclcmp` compares when the program has ended.

    What goes wrong is logged once and changes nothing, unless `strict`: then it raises UsageError
    or OSError."""
    with Forgiving("set_label", strict):
        if data_src not in SOURCES:
            raise UsageError(f"data_src is {data_src!r}; give pta or acl")
        if tensor_path is None and not files.is_tensor(data_val):
            raise UsageError(f"label {data_id}: neither a torch tensor nor a tensor_path is given")
        _label(data_src, str(data_id), data_val, tensor_path)


def _label(source: str, label: str, value: files.Tensor, tensor_path: str | None) -> None:
    folder = os.environ.get(TASK_FOLDER) or "."
    task = os.environ.get(TASK_ID) or str(os.getpid())
    record: dict[str, object] = {"task": task, "source": source, "data_id": label}
    # A process that inherited the task writes files of its own.
    own = f"{task}.{os.getpid()}"
    with _lock:
        number = _times[own, source, label]
        _times[own, source, label] += 1
    if files.is_tensor(value):
        record["path"] = _keep(folder, own, source, label, number, value)
    else:
        record["path"], record["problem"] = _dumped_by_acl(task, source, str(tensor_path))
    record["time"] = time.time_ns()
    line = json.dumps(record) + "\n"
    os.makedirs(folder, exist_ok=True)
    # One write to the end of a file that no other process writes to.
    handle = os.open(
        os.path.join(folder, own + LABELS), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640
    )
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def _keep(folder: str, own: str, source: str, label: str, number: int, value: files.Tensor) -> str:
    below = os.path.join(folder, f"{own}_{DATA_FOLDER}", f"{source}_tensor")
    os.makedirs(below, mode=0o750, exist_ok=True)
    again = f".{number}" if number else ""
    path = os.path.join(below, f"{files.safe_name(label)}_tensor{again}.npy")
    files.write_npy(path, files.on_host(value))
    return os.path.abspath(path)


def _dumped_by_acl(task: str, source: str, path: str) -> tuple[str, str]:
    """Where the file will be, and why it cannot be told."""
    if source != "acl" or os.path.isabs(path):
        return os.path.abspath(path), ""
    home = os.environ.get(HOME)
    if not home:
        return path, f"{HOME} is not set, below which the accelerator dumps"
    pid = os.getpid()
    below = os.environ.get(f"{pid}_DUMP_PATH", str(pid))
    return os.path.abspath(os.path.join(home, "tensors", below, task, path)), ""
