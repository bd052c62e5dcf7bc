"""Exports of GenAI-Perf and AIPerf: a block with a unit for each metric, requests beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trueness.service.catalogue import BY_KEY
from trueness.service.json_source import (
    MS,
    Object,
    inner,
    items,
    number,
    numbers,
    read_objects,
    settings,
)
from trueness.service.run import NONE, Floats, Gaps, Ints, Note, Requests, Run, requests_of
from trueness.service.summaries import Stated

# Their inter_token_latency is a mean of each request, which is what others call TPOT.
NAMES = {
    "time_to_first_token": "ttft",
    "inter_token_latency": "tpot",
    "inter_chunk_latency": "itl",
    "request_latency": "e2e",
    "input_sequence_length": "input_tokens",
    "output_sequence_length": "output_tokens",
}
VALUES = {
    "request_throughput": "request_rate",
    "output_token_throughput": "output_rate",
    "total_token_throughput": "token_rate",
    "request_goodput": "goodput",
    "goodput": "goodput",
    "benchmark_duration": "duration",
    "total_isl": "input_total",
    "total_output_tokens": "output_total",
    "total_osl": "output_total",
}
STATISTIC = {"avg": "mean", **{name: name for name in ("min", "max", "std", "count")}}
STATISTIC |= {name: name for name in ("p50", "p90", "p95", "p99")}
SETTINGS = (
    *("model", "model_names", "concurrency", "request_rate", "streaming", "endpoint_type"),
    *("isl", "osl", "request_count"),
)
RECORDS = "profile_export.jsonl"
RAW = "profile_export.json"


def is_mine(found: Object) -> bool:
    return any("unit" in inner(found, name) for name in (*NAMES, *VALUES))


def is_record(found: Object) -> bool:
    """One line of profile_export.jsonl."""
    return "request_start_ns" in inner(found, "metadata") and "metrics" in found


def is_raw(found: Object) -> bool:
    return any("requests" in experiment for experiment in items(found.get("experiments")))


def read_export(found: Object, name: str, folder: Path) -> Run:
    """The summary, with the requests of the file of records beside it, if there is one."""
    records, raw = folder / RECORDS, folder / RAW
    requests, gaps, notes = None, None, [Note("info", name, "keeps no single requests here")]
    if records.is_file():
        run = read_records(read_objects(records), str(records))
        requests, gaps, notes = run.requests, run.gaps, list(run.notes)
    elif raw.is_file() and is_raw(experiments := read_objects(raw)[0]):
        run = read_raw(experiments, str(raw))
        requests, gaps, notes = run.requests, run.gaps, list(run.notes)
    kind = "AIPerf" if "schema_version" in found or "aiperf_version" in found else "GenAI-Perf"
    config = settings(inner(found, "input_config"), SETTINGS)
    return Run(name, kind, requests, gaps, None, NONE, _stated(found), config, tuple(notes))


def _stated(found: Object) -> Stated:
    stated: Stated = {}
    for theirs, key in (*NAMES.items(), *VALUES.items()):
        block = inner(found, theirs)
        factor = MS.get(str(block.get("unit")), 1.0) if BY_KEY[key].unit in ("ms", "s") else 1.0
        factor /= 1e3 if BY_KEY[key].unit == "s" else 1.0
        if BY_KEY[key].dimension == "service":
            stated.setdefault((key, "value"), number(block.get("avg")) * factor)
            continue
        for name, statistic in STATISTIC.items():
            scale = 1.0 if name == "count" else factor
            stated[key, statistic] = number(block.get(name)) * scale
    errors = number(inner(found, "error_request_count").get("avg"))
    count = number(inner(found, "request_count").get("avg"))
    stated["request_count", "value"] = count + np.nan_to_num(errors)
    if count + errors > 0:
        stated["error_rate", "value"] = errors / (count + errors) * 100
    return {place: value for place, value in stated.items() if np.isfinite(value)}


def read_records(records: list[Object], name: str) -> Run:
    """The lines of profile_export.jsonl; those of the warm-up are left out."""
    kept = [one for one in records if inner(one, "metadata").get("benchmark_phase") != "warmup"]
    notes = []
    if len(kept) < len(records):
        message = f"{len(records) - len(kept)} requests of the warm-up are left out"
        notes.append(Note("info", name, message))
    columns: dict[str, list[float]] = {"start": [], "failed": []}
    gaps: list[Floats] = []
    for record in kept:
        metadata = inner(record, "metadata")
        columns["start"].append(number(metadata.get("request_start_ns")) / 1e9)
        failed = bool(record.get("error")) or bool(metadata.get("was_cancelled"))
        columns["failed"].append(float(failed))
        for theirs, key in NAMES.items():
            block = inner(record, "metrics", theirs)
            factor = MS.get(str(block.get("unit")), 1.0) if BY_KEY[key].unit == "ms" else 1.0
            if key == "itl":
                gaps.append(numbers(block.get("value")) * factor)
            elif key != "tpot":
                value = np.nan if failed else number(block.get("value")) * factor
                columns.setdefault(key, []).append(value)
    requests, found = _requests(columns, gaps)
    return Run(name, "AIPerf", requests, found, notes=tuple(notes))


def read_raw(found: Object, name: str) -> Run:
    """GenAI-Perf's profile_export.json: when each answer came, in ns. It counts no tokens."""
    columns: dict[str, list[float]] = {"start": [], "ttft": [], "e2e": []}
    gaps: list[Floats] = []
    for experiment in items(found.get("experiments")):
        for request in items(experiment.get("requests")):
            start, times = (
                number(request.get("timestamp")),
                numbers(request.get("response_timestamps")),
            )
            columns["start"].append(start / 1e9)
            columns["ttft"].append((times[0] - start) / 1e6 if len(times) else np.nan)
            columns["e2e"].append((times[-1] - start) / 1e6 if len(times) else np.nan)
            gaps.append(np.diff(times) / 1e6)
    requests, found_gaps = _requests(columns, gaps)
    return Run(name, "GenAI-Perf", requests, found_gaps)


def _requests(columns: dict[str, list[float]], gaps: list[Floats]) -> tuple[Requests, Gaps | None]:
    arrays = {key: np.array(values, np.float64) for key, values in columns.items()}
    count = len(arrays["start"])
    order = np.argsort(arrays["start"], kind="stable")
    place: Ints = np.empty(count, np.int64)
    place[order] = np.arange(count)
    itl = np.concatenate([NONE, *gaps])
    owner = np.repeat(place, [len(gap) for gap in gaps]) if gaps else place[:0]
    known = np.isfinite(itl)
    found = Gaps(itl[known], owner[known]) if known.any() else None
    return requests_of(count, **arrays), found
