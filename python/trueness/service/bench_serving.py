"""Result files of `vllm bench serve` and of sglang's `bench_serving`.

Times are in ms in the summary, and in seconds in the arrays of the details."""

from __future__ import annotations

import numpy as np

from trueness.service.json_source import Object, number, numbers, settings
from trueness.service.run import NO_INTS, NONE, Floats, Gaps, Ints, Note, Requests, Run, requests_of
from trueness.service.summaries import Stated

NAMES = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2el": "e2e", "e2e_latency": "e2e"}
STATISTIC = {
    "mean": "mean",
    "median": "p50",
    "std": "std",
    **{name: name for name in ("p50", "p90", "p95", "p99", "min", "max")},
}
VALUES = {
    "duration": "duration",
    "total_input_tokens": "input_total",
    "total_output_tokens": "output_total",
    "request_throughput": "request_rate",
    "request_goodput": "goodput",
    "output_throughput": "output_rate",
    "total_token_throughput": "token_rate",
    "total_throughput": "token_rate",
}
ARRAYS = ("ttfts", "itls", "input_lens", "output_lens")
SETTINGS = (
    *("backend", "endpoint_type", "model_id", "num_prompts", "request_rate", "burstiness"),
    *("max_concurrency", "dataset_name", "random_input_len", "random_output_len"),
    *("sharegpt_output_len", "random_range_ratio"),
)


def is_mine(found: Object) -> bool:
    return "completed" in found and "request_throughput" in found and "duration" in found


def read_result(found: Object, name: str) -> Run:
    notes: list[Note] = []
    details = _details(found, name, notes)
    requests, gaps = details if details else (None, None)
    if number(found.get("completed")) == 0:
        notes.append(Note("error", name, "no request was completed"))
    kind = "vllm bench serve" if "total_token_throughput" in found else "sglang bench_serving"
    return Run(
        name=name,
        kind=kind,
        requests=requests,
        gaps=gaps,
        stated=_stated(found),
        config=settings(found, SETTINGS),
        notes=tuple(notes),
    )


def _stated(found: Object) -> Stated:
    stated: Stated = {}
    for theirs, key in VALUES.items():
        stated[key, "value"] = number(found.get(theirs))
    completed, failed = number(found.get("completed")), number(found.get("failed"))
    total = completed + np.nan_to_num(failed)
    stated["request_count", "value"] = total
    if failed >= 0 and total > 0:
        stated["error_rate", "value"] = failed / total * 100
    for theirs, key in NAMES.items():
        for prefix, statistic in STATISTIC.items():
            stated.setdefault((key, statistic), number(found.get(f"{prefix}_{theirs}_ms")))
            if np.isnan(stated[key, statistic]):
                del stated[key, statistic]
    return {place: value for place, value in stated.items() if np.isfinite(value)}


def _details(found: Object, name: str, notes: list[Note]) -> tuple[Requests, Gaps | None] | None:
    """Requests from the arrays, when there are any and they fit each other."""
    broken = [key for key in ARRAYS if not isinstance(found.get(key), list | None)]
    if broken:
        message = f"{', '.join(broken)} is no array: only its summary is used"
        notes.append(Note("error", name, message))
        return None
    ttft, output = numbers(found.get("ttfts")) * 1e3, numbers(found.get("output_lens"))
    count = len(ttft)
    if not count:
        message = "keeps no single requests (no --save-detailed or --output-details): no intervals"
        notes.append(Note("info", name, message))
        return None
    itl, owner = _flat(found.get("itls"))
    columns = {"ttft": ttft, "output_tokens": output}
    if isinstance(found.get("input_lens"), list):
        columns["input_tokens"] = numbers(found["input_lens"])
    if isinstance(found.get("latencies"), list):
        columns["e2e"] = numbers(found["latencies"]) * 1e3
    elif len(itl):
        columns["e2e"] = ttft + np.bincount(owner, weights=itl, minlength=count)[:count]
    for theirs, ours, factor in (("start_times", "start", 1.0), ("queue_times", "queue_wait", 1e3)):
        if isinstance(found.get(theirs), list):
            columns[ours] = numbers(found[theirs]) * factor
    errors = found.get("errors")
    if isinstance(errors, list):
        columns["failed"] = np.array([bool(error) for error in errors], np.float64)
    wrong = [ours for ours, column in columns.items() if len(column) != count]
    if wrong or (len(owner) and owner.max() >= count):
        message = (
            f"its arrays differ in length ({', '.join(wrong) or 'itls'}): only its summary is used"
        )
        notes.append(Note("error", name, message))
        return None
    _blank_failed(columns)
    order = np.argsort(columns["start"], kind="stable") if "start" in columns else np.arange(count)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    gaps = Gaps(itl, place[owner]) if len(itl) else None
    return requests_of(count, **columns), gaps


def _blank_failed(columns: dict[str, Floats]) -> None:
    """What failed has no times, whatever number stands there."""
    failed = columns.get("failed")
    if failed is not None:
        for name in ("ttft", "e2e", "queue_wait"):
            if name in columns:
                columns[name] = np.where(failed > 0, np.nan, columns[name])


def _flat(lists: object) -> tuple[Floats, Ints]:
    """Lists of seconds as one column of ms, and which list each came from."""
    if not isinstance(lists, list):
        return NONE, NO_INTS
    parts = [numbers(item) for item in lists]
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    itl = np.concatenate([NONE, *parts]) * 1e3
    known = np.isfinite(itl)
    return itl[known], owner[known]
