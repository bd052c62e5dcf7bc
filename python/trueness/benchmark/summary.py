"""The numbers of a run: `{stamp}_summary.json` and the lines at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueness.benchmark.paths import FILE_MODE

Interval = tuple[float, float]
"""Begin and end of an execution, in milliseconds."""


@dataclass
class Times:
    """Milliseconds. `compute` has the intervals of the executions that count; `copies_in` and
    `copies_out` how long tensors took to and from the device."""

    compute: list[Interval] = field(default_factory=list)
    copies_in: list[float] = field(default_factory=list)
    copies_out: list[float] = field(default_factory=list)

    def add(self, other: Times) -> None:
        self.compute += other.compute
        self.copies_in += other.copies_in
        self.copies_out += other.copies_out


def statistics(values: Sequence[float]) -> dict[str, float]:
    """Of milliseconds: extremes, mean, median, 99th percentile (linear between neighbours) and
    count; zeros for none."""
    import numpy as np

    if not len(values):
        return dict.fromkeys(("min", "max", "mean", "median", "percentile(99%)", "count"), 0)
    return {
        "min": float(np.min(values)),
        "max": float(np.max(values)),
        "mean": float(np.mean(values)),
        "median": float(np.median(values)),
        "percentile(99%)": float(np.percentile(values, 99)),
        "count": len(values),
    }


def overlapping(intervals: Sequence[Interval]) -> dict[str, float]:
    """Of executions that ran at once: the time in which any ran, divided by their number."""
    busy, end = 0.0, float("-inf")
    for begin, until in sorted(intervals):
        busy += max(0.0, until - max(begin, end))
        end = max(end, until)
    return {"mean": busy / len(intervals) if intervals else 0.0, "count": len(intervals)}


def summary(
    times: Times,
    files: Mapping[str, Mapping[str, list[str]]],
    arguments: Sequence[str],
    batch: float,
    *,
    at_once: bool,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """`files` are inputs and outputs by sample; `batch` the samples of an execution; `at_once`:
    executions overlapped. `settings` is what the old tool does not record."""
    lengths = [end - begin for begin, end in times.compute]
    compute = overlapping(times.compute) if at_once else statistics(lengths)
    return {
        "filesinfo": files,
        "args": list(arguments),
        "NPU_compute_time": compute,
        "H2D_latency": statistics(times.copies_in),
        "D2H_latency": statistics(times.copies_out),
        "npu_compute_time_list": [list(i) for i in times.compute] if at_once else lengths,
        "throughput": 1000 * batch / compute["mean"] if compute["mean"] else 0.0,
        "pid": os.getpid(),
        "settings": settings,
    }


def write(values: Mapping[str, Any], path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(values), encoding="utf-8")
    partial.chmod(FILE_MODE)
    partial.replace(path)


def lines(values: Mapping[str, Any], everything: bool) -> list[str]:
    """As the old tool prints them: other scripts read the last number of the last line."""
    shown = ["NPU_compute_time", *(("H2D_latency", "D2H_latency") if everything else ())]
    found = ["-----------------Performance Summary------------------"]
    for name in shown:
        parts = (f"{key} = {value}" for key, value in values[name].items() if key != "count")
        found.append(f"{name} (ms): {', '.join(parts)}")
    mean = values["NPU_compute_time"]["mean"]
    batch = values["throughput"] * mean / 1000
    found.append(
        f"throughput 1000*batchsize.mean({batch:g})/NPU_compute_time.mean({mean}): "
        f"{values['throughput']}"
    )
    return found
