"""The one list of metrics: what each is called, in which unit, which way is better, and how much
it may move before that counts."""

from __future__ import annotations

from dataclasses import dataclass

DIMENSIONS = ("service", "request", "batch")
STATISTICS = ("mean", "max", "min", "p50", "p90", "p99", "p95", "std", "count")
"""Of a distribution; the first six in the order of the documented sheets."""
VALUE = "value"
"""The statistic of a metric that has one value a run."""
JUDGED = ("mean", "p50", "p90", "p99")
TOLERANCE = {"mean": 0.05, "p50": 0.05, "p90": 0.10, "p99": 0.20, VALUE: 0.05}
"""Relative to golden. Tails of the same server move by tens of percent from run to run."""
POINTS_TOLERANCE = 0.01
"""Of what is a percentage itself: one point."""
AMPLIFIED = {"ttft": 2.0, "queue_wait": 2.0}
"""Times in a queue multiply whatever else moves, and are allowed that much more."""


@dataclass(frozen=True)
class Metric:
    """`name` is the documented one where there is one, `label` what people call it; `better` is
    "lower", "higher" or "" for what describes the workload and is never judged."""

    key: str
    dimension: str
    name: str
    label: str
    unit: str
    better: str


def _of(dimension: str, *rows: tuple[str, str, str, str, str]) -> list[Metric]:
    return [Metric(key, dimension, *rest) for key, *rest in rows]


METRICS = [
    *_of(
        "service",
        ("input_total", "total_input_token_num", "input tokens", "token", ""),
        ("output_total", "total_generated_token_num", "output tokens", "token", ""),
        ("output_rate", "generate_token_speed (token/s)", "output rate", "token/s", "higher"),
        ("token_rate", "generate_all_token_speed (token/s)", "token rate", "token/s", "higher"),
        ("request_rate", "request_rate (request/s)", "request rate", "request/s", "higher"),
        ("goodput", "goodput (request/s)", "goodput", "request/s", "higher"),
        ("slo_attainment", "slo_attainment (%)", "within the SLO", "%", "higher"),
        ("error_rate", "error_rate (%)", "error rate", "%", "lower"),
        ("request_count", "request_num", "requests", "request", ""),
        ("duration", "duration (s)", "duration", "s", ""),
    ),
    *_of(
        "request",
        ("ttft", "first_token_latency (ms)", "TTFT", "ms", "lower"),
        ("itl", "subsequent_token_latency (ms)", "ITL", "ms", "lower"),
        ("tpot", "time_per_output_token (ms)", "TPOT", "ms", "lower"),
        ("e2e", "total_time (ms)", "E2E", "ms", "lower"),
        ("exec_time", "exec_time (ms)", "execution", "ms", "lower"),
        ("queue_wait", "waiting_time (ms)", "queue wait", "ms", "lower"),
        ("input_tokens", "input_token_num", "input tokens", "token", ""),
        ("output_tokens", "generated_token_num", "output tokens", "token", ""),
        ("cache_hit_rate", "cache_hit_rate", "cache hits", "", "higher"),
    ),
    *_of(
        "batch",
        ("prefill_size", "prefill_batch_num", "prefill batch", "request", ""),
        ("decode_size", "decode_batch_num", "decode batch", "request", ""),
        ("mixed_size", "mixed_batch_num", "mixed batch", "request", ""),
        ("prefill_step", "prefill_exec_time (ms)", "prefill step", "ms", "lower"),
        ("decode_step", "decode_exec_time (ms)", "decode step", "ms", "lower"),
        ("mixed_step", "mixed_exec_time (ms)", "mixed step", "ms", "lower"),
        ("scheduled_tokens", "scheduled_token_num", "scheduled tokens", "token", ""),
        ("kv_usage", "kvcache_usage_rate", "KV cache in use", "", ""),
    ),
]
BY_KEY = {metric.key: metric for metric in METRICS}


def statistics_of(metric: Metric) -> tuple[str, ...]:
    return (VALUE,) if metric.dimension == "service" else STATISTICS
