"""benchmarks.json of guidellm: a run for each benchmark of a sweep."""

from __future__ import annotations

import numpy as np

from trueness.service.json_source import Object, inner, items, number, settings
from trueness.service.run import Note, Requests, Run, requests_of
from trueness.service.summaries import Stated

# Their time_per_output_token counts the first token in; inter_token_latency is the usual TPOT.
NAMES = {
    "request_latency": ("e2e", 1e3),
    "time_to_first_token_ms": ("ttft", 1.0),
    "inter_token_latency_ms": ("tpot", 1.0),
    "prompt_token_count": ("input_tokens", 1.0),
    "output_token_count": ("output_tokens", 1.0),
}
RATES = {
    "requests_per_second": "request_rate",
    "output_tokens_per_second": "output_rate",
    "tokens_per_second": "token_rate",
    "request_goodput": "goodput",
}
STATISTIC = {"mean": "mean", "std_dev": "std", "min": "min", "max": "max", "count": "count"}
OF_REQUEST = {
    "start": ("request_start_time", "start_time"),
    "ttft": ("time_to_first_token_ms",),
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("output_tokens",),
}
SETTINGS = ("strategy", "type_", "rate", "streams", "max_concurrency", "model", "backend", "target")


def is_mine(found: Object) -> bool:
    return any("metrics" in one for one in items(found.get("benchmarks")))


def read_benchmarks(found: Object, name: str) -> list[Run]:
    benchmarks = items(found.get("benchmarks"))
    return [
        _read(one, name if len(benchmarks) == 1 else f"{name}#{place}")
        for place, one in enumerate(benchmarks)
    ]


def _read(benchmark: Object, name: str) -> Run:
    requests = _requests(inner(benchmark, "requests"))
    notes = [] if requests else [Note("info", name, "keeps no single requests: no intervals")]
    return Run(
        name=name,
        kind="guidellm",
        requests=requests,
        stated=_stated(benchmark),
        config=settings(inner(benchmark, "config"), SETTINGS),
        notes=tuple(notes),
    )


def _stated(benchmark: Object) -> Stated:
    metrics = inner(benchmark, "metrics")
    stated: Stated = {("duration", "value"): number(benchmark.get("duration"))}
    for theirs, (key, factor) in NAMES.items():
        block = inner(metrics, theirs, "successful")
        for name, statistic in STATISTIC.items():
            stated[key, statistic] = number(block.get(name)) * (1 if name == "count" else factor)
        for name in ("p50", "p90", "p95", "p99"):
            stated[key, name] = number(inner(block, "percentiles").get(name)) * factor
        if key in ("input_tokens", "output_tokens"):
            whole = "input_total" if key == "input_tokens" else "output_total"
            stated[whole, "value"] = number(block.get("total_sum"))
    for theirs, key in RATES.items():
        stated[key, "value"] = number(inner(metrics, theirs, "successful").get("mean"))
    totals = inner(metrics, "request_totals")
    total = number(totals.get("total"))
    stated["request_count", "value"] = total
    if total > 0:
        lost = number(totals.get("errored")) + number(totals.get("incomplete"))
        stated["error_rate", "value"] = lost / total * 100
    return {place: value for place, value in stated.items() if np.isfinite(value)}


def _requests(groups: Object) -> Requests | None:
    """Those that ended, and those that did not without their times."""
    rows = [(one, False) for one in items(groups.get("successful"))]
    rows += [(one, True) for name in ("errored", "incomplete") for one in items(groups.get(name))]
    if not any(not failed for _, failed in rows):
        return None
    columns = {
        ours: np.array([_first(one, theirs) for one, _ in rows])
        for ours, theirs in OF_REQUEST.items()
    }
    columns["e2e"] = np.array([number(one.get("request_latency")) for one, _ in rows]) * 1e3
    columns["failed"] = np.array([failed for _, failed in rows], np.float64)
    for name in ("ttft", "e2e"):
        columns[name] = np.where(columns["failed"] > 0, np.nan, columns[name])
    if not np.isfinite(columns["e2e"]).any():
        return None
    return requests_of(len(rows), **columns)


def _first(one: Object, names: tuple[str, ...]) -> float:
    return next((value for name in names if np.isfinite(value := number(one.get(name)))), np.nan)
