"""The profile that ONNX Runtime collects, as msprof lays one out: the trace, tables of times by
operator and by type of operator, and a chart of both. The times are those of CPU kernels of the
optimised graph."""

from __future__ import annotations

import csv
import io
import json
import random
import string
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueness.benchmark import msprof
from trueness.benchmark.paths import FILE_MODE, make_folder
from trueness.benchmark.profile_chart import OpTime, page

_KERNEL = "_kernel_time"
_RUN = "model_run"
TRACE = "trace"


def prefix(root: Path) -> str:
    """How the name of the trace begins, in a new folder below `root`."""
    stamp = time.strftime("%Y%m%d%H%M%S") + f"{time.time_ns() // 1_000_000 % 1000:03}"
    mark = "".join(random.choices(string.ascii_uppercase, k=16))
    folder = root / f"PROF_000001_{stamp}_{mark}" / "device_0"
    for name in ("timeline", "summary"):
        make_folder(folder / name)
    return str(folder / "timeline" / TRACE)


@dataclass(frozen=True, slots=True)
class Profile:
    """Times of nodes and of types of operators, the slowest first, and how many runs of the model
    they are of."""

    nodes: Sequence[OpTime]
    types: Sequence[OpTime]
    runs: int


def write(start: str, model: str, warm_up: int, *, rename: bool) -> Path:
    """Makes tables and chart of the trace whose name begins so, without its first `warm_up` runs;
    returns the folder of the profile. `rename`: file names end with the model's name and a mark of
    it, as msprof's do. Raises OSError when there is no trace."""
    trace = max(Path(start).parent.glob(f"{Path(start).name}*.json"), default=None)
    if trace is None:
        raise FileNotFoundError(f"{start}*.json: ONNX Runtime wrote no trace")
    found = profile_of(json.loads(trace.read_text(encoding="utf-8")), warm_up)
    trace.chmod(FILE_MODE)
    trace.rename(trace.with_name(f"{TRACE}.json"))
    folder = trace.parents[1] / "summary"
    _put(folder / "op_summary.csv", _table(found.nodes))
    _put(folder / "op_statistic.csv", _table(found.types))
    _put(folder / "op_chart.html", page(model, found.nodes, found.types, found.runs))
    root = trace.parents[2]
    if rename:
        msprof.rename(root, model)
    return root


def profile_of(events: Sequence[Mapping[str, Any]], warm_up: int) -> Profile:
    """`events` of a Chrome trace; runs of the warm-up come first and one after the other."""
    runs = sorted(
        (float(event["ts"]), float(event["ts"]) + float(event["dur"]))
        for event in events
        if event.get("cat") == "Session" and event.get("name") == _RUN
    )
    begin = runs[warm_up - 1][1] if 0 < warm_up <= len(runs) else 0.0
    kernels = list(_kernels(event for event in events if float(event.get("ts", 0)) >= begin))
    nodes = _summed(kernels)
    types = _summed((op, op, "", spent) for _, op, _, spent in kernels)
    return Profile(nodes, types, max(0, len(runs) - warm_up))


def _kernels(events: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str, float]]:
    """Name, type, number of the node and microseconds; names may be missing, or be twice there."""
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            arguments = event.get("args", {})
            op, number = str(arguments.get("op_name", "")), str(arguments.get("node_index", ""))
            shown = name.removesuffix(_KERNEL) or f"{op}_{number}"
            yield shown, op, number, float(event.get("dur", 0))


def _summed(times: Iterable[tuple[str, str, str, float]]) -> list[OpTime]:
    spent: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for name, op, number, duration in times:
        spent[name, op, number].append(duration)
    total = sum(sum(durations) for durations in spent.values()) or 1.0
    found = [
        OpTime(name, op, len(durations), sum(durations), sum(durations) / total)
        for (name, op, _), durations in spent.items()
    ]
    return sorted(found, key=lambda one: -one.total)


def _table(rows: Sequence[OpTime]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("op_name", "op_type", "calls", "total_us", "mean_us", "share_percent"))
    for row in rows:
        numbers = row.calls, f"{row.total:.1f}", f"{row.mean:.2f}", f"{100 * row.share:.2f}"
        writer.writerow((_no_formula(row.name), _no_formula(row.op_type), *numbers))
    return text.getvalue()


def _no_formula(name: str) -> str:
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name


def _put(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.chmod(FILE_MODE)
    partial.replace(path)
