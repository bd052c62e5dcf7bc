"""The profile that ONNX Runtime collects, as msprof lays one out: the trace, and tables of times by
operator and by type of operator. The times are those of CPU kernels of the optimised graph."""

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

from trueness.benchmark.paths import make_folder

_KERNEL = "_kernel_time"


def prefix(root: Path, model: str) -> str:
    """How the names of the trace begin, in a new folder below `root`."""
    stamp = time.strftime("%Y%m%d%H%M%S") + f"{time.time_ns() // 1_000_000 % 1000:03}"
    mark = "".join(random.choices(string.ascii_uppercase, k=16))
    folder = root / f"PROF_000001_{stamp}_{mark}" / "device_0"
    for name in ("timeline", "summary"):
        make_folder(folder / name)
    return str(folder / "timeline" / f"trace_{model}")


@dataclass(frozen=True, slots=True)
class OpTime:
    """Time spent in a node, or in all nodes of a type, in microseconds."""

    name: str
    op_type: str
    calls: int
    total: float
    share: float

    @property
    def mean(self) -> float:
        return self.total / self.calls


def write(start: str) -> Path:
    """Makes the tables of the trace whose name begins so; returns the folder of the profile. Raises
    OSError when there is no trace."""
    trace = max(Path(start).parent.glob(f"{Path(start).name}*.json"), default=None)
    if trace is None:
        raise FileNotFoundError(f"{start}*.json: ONNX Runtime wrote no trace")
    events = json.loads(trace.read_text(encoding="utf-8"))
    nodes, types = by_node(events), by_type(events)
    folder = trace.parents[1] / "summary"
    model = Path(start).name.removeprefix("trace_")
    _table(folder / f"op_summary_{model}.csv", nodes)
    _table(folder / f"op_statistic_{model}.csv", types)
    return trace.parents[2]


def by_node(events: Iterable[Mapping[str, Any]]) -> list[OpTime]:
    """The slowest first."""
    return _summed((name, op, spent) for name, op, spent in _kernels(events))


def by_type(events: Iterable[Mapping[str, Any]]) -> list[OpTime]:
    """The slowest first."""
    return _summed((op, op, spent) for _, op, spent in _kernels(events))


def _kernels(events: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, float]]:
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            op = str(event.get("args", {}).get("op_name", ""))
            yield name.removesuffix(_KERNEL), op, float(event.get("dur", 0))


def _summed(times: Iterable[tuple[str, str, float]]) -> list[OpTime]:
    spent: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for name, op, duration in times:
        spent[name, op].append(duration)
    total = sum(sum(durations) for durations in spent.values()) or 1.0
    found = [
        OpTime(name, op, len(durations), sum(durations), sum(durations) / total)
        for (name, op), durations in spent.items()
    ]
    return sorted(found, key=lambda one: -one.total)


def _table(path: Path, rows: Sequence[OpTime]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("op_name", "op_type", "calls", "total_us", "mean_us", "share_percent"))
    for row in rows:
        safe = f"'{row.name}" if row.name[:1] in "=+-@" else row.name
        numbers = row.calls, f"{row.total:.1f}", f"{row.mean:.2f}", f"{100 * row.share:.2f}"
        writer.writerow((safe, row.op_type, *numbers))
    path.write_text(text.getvalue(), encoding="utf-8")
