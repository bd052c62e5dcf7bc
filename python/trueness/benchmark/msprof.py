"""The profile of an NPU: the same command again, under CANN's msprof."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from trueness.benchmark.options import Options
from trueness.benchmark.paths import make_folder
from trueness.benchmark.settle import model_name

LOGGER = logging.getLogger("trueness.benchmark")
_SWITCHED_OFF_BY = ("NO_MSPROF_MODE", "AIT_NO_MSPROF_MODE", "MSIT_NO_MSPROF_MODE")
_SWITCHES = (
    *("--model-execution=on", "--sys-hardware-mem=on", "--sys-cpu-profiling=off"),
    *("--sys-profiling=off", "--sys-pid-profiling=off", "--dvpp-profiling=on"),
    *("--runtime-api=on", "--task-time=on", "--aicpu=on"),
)
_KEYS = (
    *("output", "storage_limit", "ascendcl", "runtime_api", "hccl", "task_time", "aicpu"),
    *("aic_metrics", "l2", "sys_hardware_mem_freq", "lcc_profiling", "dvpp_freq", "host_sys"),
    *("host_sys_usage", "host_sys_usage_freq", "sys_interconnection_freq", "msproftx"),
)
_ALSO = {
    "sys_hardware_mem_freq": "--sys-hardware-mem=on",
    "sys_interconnection_freq": "--sys-interconnection-profiling=on",
    "dvpp_freq": "--dvpp-profiling=on",
}
_FOLDER = re.compile(r"PROF_\d{6}_\d{17}_[A-Z]{16}")


def wanted() -> bool:
    """Whether msprof is there and nobody switched it off."""
    off = [name for name in _SWITCHED_OFF_BY if os.environ.get(name) == "1"]
    if off:
        LOGGER.info("%s=1: acl.json is used in the place of msprof", off[0])
    return not off and shutil.which("msprof") is not None


def command(options: Options, profiler: Mapping[str, Any] | None) -> list[str]:
    """The arguments of msprof; `profiler` is that part of the user's acl.json."""
    application = f"--application={shlex.join(_again(options))}"
    if profiler is None:
        output = Path(options.output or ".").absolute() / "profiler"
        return ["msprof", f"--output={output}", application, *_SWITCHES]
    found = ["msprof", application]
    for key in _KEYS:
        value = profiler.get(key)
        if value not in (None, ""):
            found.append(f"--{key.replace('_', '-')}={value}")
            found += [_ALSO[key]] if key in _ALSO else []
    return found


def run(options: Options, profiler: Mapping[str, Any] | None) -> int:
    """The exit code of msprof, 1 where it says 0 and names no folder of results."""
    arguments = command(options, profiler)
    if options.output:
        make_folder(Path(options.output).absolute() / "profiler")
    folder = ""
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            print(line, end="")
            found = _FOLDER.search(line)
            folder = folder or (found[0] if found else "")
    code = process.returncode
    if profiler is not None or not options.profiler_rename:
        return code
    where = Path(options.output or ".").absolute() / "profiler" / folder
    if not folder or not where.is_dir():
        LOGGER.error("msprof named no folder of results; it ended with exit code %d", code)
        return code or 1
    rename(where, model_name(options))
    return code


def rename(folder: Path, name: str) -> None:
    """Puts the model's name and a mark of it into the names of tables and traces."""
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".csv", ".json", ".html") and path.is_file():
            path.rename(path.with_name(f"{path.stem}_{name}_{mark}{path.suffix}"))


def _again(options: Options) -> Sequence[str]:
    """This command without profiling and warm-up, as msprof is to start it. Paths are absolute:
    msprof may start it elsewhere."""
    found = [sys.executable, "-m", "trueness", "benchmark"]
    for field in fields(options):
        flag = field.metadata["flag"]
        value = getattr(options, field.name)
        if field.name in ("acl_json_path", "profiler", "warmup_count", "backend"):
            continue
        if value == field.default or value in (None, ""):
            continue
        if field.name in ("om_model", "output"):
            value = str(Path(value).absolute())
        elif field.name == "input":
            value = ",".join(str(Path(path).absolute()) for path in value)
        elif isinstance(value, tuple):
            value = ",".join(map(str, value))
        elif isinstance(value, bool):
            value = int(value)
        found.append(f"{flag.spellings[0]}={value}")
    return [*found, "--warmup-count=0", "--profiler=0"]
