"""acl.json, which tells CANN what to dump or to profile: made, checked, and understood for backends
that are not CANN. Keys: the CANN documents on aclInit."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueness.benchmark.options import Options
from trueness.benchmark.paths import FILE_MODE, make_folder
from trueness.benchmark.settle import model_name
from trueness.errors import UsageError

_MODES = ("input", "output", "all")


@dataclass(frozen=True)
class Request:
    """What is to be collected. `layers` are names of nodes, none means all; `steps` numbers of
    runs, None means all."""

    dump_path: Path | None = None
    layers: tuple[str, ...] = ()
    steps: frozenset[int] | None = None
    statistics: bool = False
    profile_path: Path | None = None

    def dumps(self, run: int) -> bool:
        return self.dump_path is not None and (self.steps is None or run in self.steps)


def requested(options: Options, values: Mapping[str, Any] | None) -> Request:
    """What the switches, or the given acl.json, ask for."""
    layers, statistics = options.layers, options.dump_data == "stats"
    if values is None:
        output = Path(options.output or ".")
        dump = output / "dump" if options.dump else None
        profile = output / "profiler" if options.profiler else None
        return Request(dump, layers, None, statistics, profile)
    dump = values.get("dump")
    profiler = values.get("profiler", {})
    if not isinstance(dump, dict):
        on = isinstance(profiler, dict) and profiler.get("switch") == "on"
        path = Path(str(profiler.get("output") or options.output or ".")) if on else None
        return Request(profile_path=path)
    entries = dump.get("dump_list") or [{}]
    named = [name for entry in entries for name in entry.get("layer", [])]
    return Request(
        Path(str(dump.get("dump_path") or options.output or ".")),
        (*layers, *map(str, named)),
        _steps(dump.get("dump_step")),
        statistics or dump.get("dump_data") == "stats",
    )


def read(path: str) -> dict[str, Any]:
    """Raises UsageError for what is no JSON object."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--acl-json-path {path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--acl-json-path {path} is not a JSON object")
    return found


def problems(values: Mapping[str, Any], options: Options) -> list[str]:
    """Why CANN would dump nothing, or what it would take amiss."""
    dump = values.get("dump")
    if dump is None:
        return []
    if not isinstance(dump, dict):
        return ["dump is not an object"]
    found = []
    entries = dump.get("dump_list")
    if not entries or not isinstance(entries, list) or not isinstance(entries[0], dict):
        found.append("dump_list is missing or empty")
    elif entries[0].get("model_name") != model_name(options):
        name = entries[0].get("model_name")
        found.append(f"model_name is {name!r}, the model is called {model_name(options)!r}")
    path = dump.get("dump_path")
    if not path:
        found.append("dump_path is missing")
    elif not Path(str(path)).is_dir() or not os.access(str(path), os.R_OK | os.W_OK):
        found.append(f"dump_path {path} is no folder that can be written")
    if dump.get("dump_op_switch", "on") not in ("on", "off"):
        found.append("dump_op_switch is neither on nor off")
    if dump.get("dump_mode", "all") not in _MODES:
        found.append(f"dump_mode is not one of {', '.join(_MODES)}")
    return found


def write(options: Options) -> Path:
    """The file for --dump, or for --profiler where msprof is not there, with the folders it names.
    CANN matches the model by its name, so that of the file without its suffix is given."""
    output = Path(options.output or ".").absolute()
    if options.dump:
        target = output / "dump"
        entry = {"model_name": model_name(options)}
        if options.layers:
            entry["layer"] = [*options.layers]  # type: ignore[assignment]
        values: dict[str, Any] = {
            "dump": {"dump_list": [entry], "dump_mode": "all", "dump_path": str(target)}
        }
        if options.dump_data == "stats":
            values["dump"]["dump_data"] = "stats"
    else:
        target = output / "profiler"
        values = {
            "profiler": {
                "aic_metrics": "",
                "aicpu": "on",
                "output": str(target),
                "switch": "on",
            }
        }
    make_folder(target)
    path = output / "acl.json"
    path.write_text(json.dumps(values, sort_keys=True, indent=4), encoding="utf-8")
    path.chmod(FILE_MODE)
    return path


def _steps(text: Any) -> frozenset[int] | None:
    """`0|3-5|10`. Raises UsageError."""
    if text in (None, ""):
        return None
    found: set[int] = set()
    for part in str(text).split("|"):
        if not re.fullmatch(r"\d{1,6}(-\d{1,6})?", part):
            raise UsageError(f"dump_step {text!r}: give numbers and ranges such as 0|3-5|10")
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)
