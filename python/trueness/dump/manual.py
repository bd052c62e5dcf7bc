"""Golden tensors written one by one, with the file of the other side that each belongs to."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from threading import Lock

from trueness.dump import files
from trueness.dump.guard import Forgiving, say_once
from trueness.errors import UsageError

FOLDER = "golden_tensor"
METADATA = "metadata.json"


@dataclass
class _Folder:
    """A `golden_tensor` folder of this process, and what its metadata.json says."""

    path: str
    records: dict[str, dict[str, list[str]]] = field(default_factory=dict)


_folders: dict[tuple[int, str, int], _Folder] = {}
_lock = Lock()
# A child that is forked while another thread dumps must not wait for a thread it does not have.
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)


def dump_data(
    token_id: int | str = -1,
    data_id: int | str = -1,
    golden_data: object = None,
    my_path: str | os.PathLike[str] = "",
    output_path: str | os.PathLike[str] = "./",
    *,
    strict: bool = False,
) -> None:
    """Keeps a golden tensor and notes which file holds the same tensor of the other side.

    Writes `{output_path}/msit_dump_{time}/{PID}_{device}/golden_tensor/{token_id}/
    {data_id}_tensor.pth` and a `metadata.json` beside the tokens, for `trueness compare`. The
    tensor may be of any shape and dtype, on any device, a view, and require a gradient; it is
    written before this returns. A file that is not there yet is noted all the same. Of one
    `data_id` and `token_id` the last tensor is kept. Threads may call at once.

    What goes wrong, a missing argument included, is logged once and changes nothing, unless
    `strict`: then it raises UsageError or OSError."""
    with Forgiving("dump_data", strict):
        if token_id in (-1, "") or data_id in (-1, "") or not os.fspath(my_path):
            raise UsageError("token_id, data_id and my_path are all needed")
        if not files.is_tensor(golden_data):
            raise UsageError(f"golden_data is a {type(golden_data).__name__}, no torch tensor")
        record = _my_file(os.fspath(my_path))
        _dump(str(token_id), str(data_id), golden_data, record, os.fspath(output_path))


def _my_file(path: str) -> str:
    real = os.path.realpath(path)
    if not os.path.exists(real):
        say_once("dump_data", "missing", f"{path} is not there yet; noted all the same")
    elif not os.path.isfile(real):
        raise UsageError(f"my_path {path} is no regular file")
    return real


def _dump(token: str, label: str, tensor: files.Tensor, my_path: str, output: str) -> None:
    host = files.on_host(tensor)
    with _lock:
        folder = _folder(output, tensor.get_device())
        below = os.path.join(folder.path, files.safe_name(token))
        os.makedirs(below, mode=0o750, exist_ok=True)
        path = os.path.join(below, f"{files.safe_name(label)}_tensor.pth")
        files.write_pth(path, host)
        tokens = folder.records.setdefault(label, {})
        if token in tokens:
            say_once("dump_data", "again", f"data_id {label} came again; its last tensor is kept")
        tokens[token] = [path, my_path]
        files.write_text(os.path.join(folder.path, METADATA), json.dumps(folder.records))


def _time_of_all_ranks(output: str) -> float:
    """That of the rank that came first, so that the folders of all are in one place. Nobody waits
    for anybody, and without a store each has its own."""
    now = time.time()
    try:
        import torch.distributed as distributed

        if distributed.is_available() and distributed.is_initialized():
            store = distributed.distributed_c10d._get_default_store()
            return float(store.compare_set(f"trueness_dump_time/{output}", "", repr(now)))
    except (ImportError, AttributeError, RuntimeError, ValueError) as error:
        say_once("dump_data", "ranks", f"the ranks dump to folders of their own: {error}")
    return now


def _folder(output: str, device: int) -> _Folder:
    """Its own for every process and device; a process of the same number, in another container
    with the same disk, gets a folder of a later time."""
    key = os.getpid(), os.path.realpath(output), device
    found = _folders.get(key)
    if found is None:
        now = _time_of_all_ranks(key[1])
        while found is None:
            stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
            process = os.path.join(output, f"msit_dump_{stamp}", f"{key[0]}_{device}")
            os.makedirs(os.path.dirname(process), mode=0o750, exist_ok=True)
            try:
                os.mkdir(process, mode=0o750)
            except FileExistsError:
                now += 1
                continue
            found = _folders[key] = _Folder(os.path.join(process, FOLDER))
        os.mkdir(found.path, mode=0o750)
    return found
