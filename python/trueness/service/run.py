"""One serving run, once read: columns of numbers, NaN where the source does not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bools = npt.NDArray[np.bool_]
NONE: Floats = np.empty(0)
NO_INTS: Ints = np.empty(0, np.int64)
EXECUTION = ("modelExec", "Execute", "modelRunnerExec")
SCHEDULING = ("BatchSchedule", "batchFrameworkProcessing")
PREFILL, DECODE, MIXED, OTHER = "Prefill", "Decode", "Prefill, Decode", "Other"
KINDS = (PREFILL, DECODE, MIXED, OTHER)


@dataclass(frozen=True)
class Note:
    """Something a reader has to know. `level` is "error" for what could not be read or compared,
    "warning" for what changes how a number is to be taken, "info" for the rest."""

    level: str
    where: str
    message: str


@dataclass(frozen=True)
class Requests:
    """One element a request, in order of arrival; times in ms, `start` in seconds of any clock."""

    start: Floats
    ttft: Floats
    e2e: Floats
    queue_wait: Floats
    exec_time: Floats
    input_tokens: Floats
    output_tokens: Floats
    cache_hit_rate: Floats
    failed: Bools

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Gaps:
    """Times between tokens of the same request, in ms; `request` is an index into Requests."""

    itl: Floats
    request: Ints


@dataclass(frozen=True)
class Steps:
    """One element a scheduling or execution span, in order of `start` (seconds). `name` indexes
    `names`, `kind` indexes KINDS; `duration` in ms."""

    names: tuple[str, ...]
    name: Ints
    kind: Ints
    start: Floats
    duration: Floats
    size: Floats
    tokens: Floats
    kv_usage: Floats

    def named(self, wanted: Iterable[str]) -> str | None:
        """The first of `wanted` that occurs: nested spans of one step must not count twice."""
        return next((name for name in wanted if name in self.names), None)

    def of(self, name: str | None) -> Bools:
        code = self.names.index(name) if name in self.names else -1
        return np.asarray(self.name == code)


@dataclass(frozen=True)
class Run:
    """`stated` holds what the source itself says, by metric key and statistic: the only numbers
    where it keeps no requests, else a cross-check. `config` tells comparable runs apart."""

    name: str
    kind: str
    requests: Requests | None = None
    gaps: Gaps | None = None
    steps: Steps | None = None
    kv_usage: Floats = field(default_factory=lambda: NONE)
    stated: Mapping[tuple[str, str], float] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    truncated_e2e: bool = False


def requests_of(count: int, **columns: Floats) -> Requests:
    """Requests sorted by arrival, what is not given NaN; without `failed`, a request that never
    ended has failed."""
    order = arrival_order(count, columns.get("start"))
    failed = columns.pop("failed", None)
    names = [name for name in Requests.__dataclass_fields__ if name != "failed"]
    values = {name: columns.get(name, np.full(count, np.nan))[order] for name in names}
    lost = np.isnan(values["e2e"]) if failed is None else failed[order].astype(bool)
    return Requests(**values, failed=lost)


def arrival_order(count: int, start: Floats | None) -> Ints:
    return np.arange(count) if start is None else np.argsort(start, kind="stable")
