"""A server that answers requests in batches, simulated step by step, and its traces.

One queue, a fixed number of slots, prompts before answers; arrivals are a Poisson process, lengths
are log-normal. The same `workload` seed means the same requests, another `noise` seed another run
of the same server."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trueness.service.run import Gaps, Requests, Run, Steps, requests_of

Floats = npt.NDArray[np.float64]
EPOCH = 1_735_000_000
SCHEDULE_S = 0.0003


@dataclass(frozen=True)
class Server:
    prefill: float = 1.0
    decode: float = 1.0
    slots: int = 64
    blocks: int = 9000
    prompt_tokens: int = 4096


@dataclass(frozen=True)
class Trace:
    """Seconds after the start; `joined` is the number of decode steps before the first token of
    each request, so that its tokens are `decode_end[joined : joined + output - 1]`."""

    arrival: Floats
    scheduled: Floats
    first: Floats
    end: Floats
    prompt: npt.NDArray[np.int64]
    output: npt.NDArray[np.int64]
    joined: npt.NDArray[np.int64]
    step_start: Floats
    step_s: Floats
    step_size: npt.NDArray[np.int64]
    step_tokens: npt.NDArray[np.int64]
    step_blocks: npt.NDArray[np.int64]
    is_prefill: npt.NDArray[np.bool_]

    @property
    def decode_end(self) -> Floats:
        return (self.step_start + self.step_s)[~self.is_prefill]


def simulate(
    count: int, *, workload: int = 1, noise: int = 1, server: Server = Server(), rate: float = 10.5
) -> Trace:
    work, chance = np.random.default_rng(workload), np.random.default_rng(noise)
    arrival = np.cumsum(work.exponential(1 / rate, count))
    prompt = np.clip(work.lognormal(6.05, 0.85, count), 16, 4096).astype(np.int64)
    output = np.clip(work.lognormal(4.45, 0.75, count), 4, 1024).astype(np.int64)
    scheduled, first, end = (np.zeros(count) for _ in range(3))
    joined = np.zeros(count, np.int64)
    steps: list[tuple[float, float, int, int, int, bool]] = []
    running: list[tuple[int, int]] = []
    waiting, now, decoded, tokens = 0, float(arrival[0]), 0, 0
    jitter, at = chance.lognormal(0, 0.05, 1 << 16).tolist(), 0
    while waiting < count or running:
        if not running and arrival[waiting] > now:
            now = float(arrival[waiting])
        free = server.slots - len(running)
        batch = list(_prompts(arrival, prompt, waiting, now, free, server.prompt_tokens))
        at = (at + 1) % len(jitter)
        begun = now + SCHEDULE_S
        if batch:
            amount = int(prompt[batch].sum())
            length = (0.008 + 68e-6 * amount) * server.prefill * jitter[at]
            now = begun + length
            for one in batch:
                scheduled[one], first[one], joined[one] = begun - SCHEDULE_S, now, decoded
                heapq.heappush(running, (decoded + int(output[one]) - 1, one))
            waiting += len(batch)
            tokens += amount
            steps.append((begun, length, len(batch), amount, tokens // 128, True))
        else:
            length = (0.0135 + 1.8e-4 * len(running)) * server.decode * jitter[at]
            now = begun + length
            decoded += 1
            tokens += len(running)
            steps.append((begun, length, len(running), len(running), tokens // 128, False))
        while running and running[0][0] <= decoded:
            _, one = heapq.heappop(running)
            end[one] = now
            tokens -= int(prompt[one] + output[one])
    columns = [np.array(column) for column in zip(*steps, strict=True)]
    requests = (arrival, scheduled, first, end, prompt, output, joined)
    return Trace(*requests, *columns)


def _prompts(
    arrival: Floats, prompt: npt.NDArray[np.int64], first: int, now: float, free: int, budget: int
) -> Iterator[int]:
    for one in range(first, min(first + free, len(arrival))):
        budget -= int(prompt[one])
        if arrival[one] > now or (budget < 0 and one > first):
            return
        yield one


def run_of(trace: Trace) -> Run:
    """The trace as the loaders would give it."""
    gaps, owner = [], []
    ends = trace.decode_end
    for one in range(len(trace.arrival)):
        after = ends[trace.joined[one] : trace.joined[one] + trace.output[one] - 1]
        gaps.append(np.diff(after, prepend=trace.first[one]) * 1e3)
        owner.append(np.full(len(after), one))
    return Run(
        name="simulated",
        kind="simulated",
        requests=_requests(trace),
        gaps=Gaps(np.concatenate(gaps), np.concatenate(owner)),
        steps=_steps(trace),
        kv_usage=trace.step_blocks / 9000,
    )


def _requests(trace: Trace) -> Requests:
    return requests_of(
        len(trace.arrival),
        start=trace.arrival,
        ttft=(trace.first - trace.arrival) * 1e3,
        e2e=(trace.end - trace.arrival) * 1e3,
        queue_wait=(trace.scheduled - trace.arrival) * 1e3,
        input_tokens=trace.prompt.astype(np.float64),
        output_tokens=trace.output.astype(np.float64),
    )


def _steps(trace: Trace) -> Steps:
    return Steps(
        names=("modelExec",),
        name=np.zeros(len(trace.step_s), np.int64),
        kind=np.where(trace.is_prefill, 0, 1),
        start=trace.step_start,
        duration=trace.step_s * 1e3,
        size=trace.step_size.astype(np.float64),
        tokens=trace.step_tokens.astype(np.float64),
        kv_usage=trace.step_blocks / 9000,
    )


def stamps(times: Floats) -> list[str]:
    """`YYYY-mm-dd HH:MM:SS:ffffff` of seconds after the start."""
    micros = np.round((times + EPOCH) * 1e6).astype("datetime64[us]")
    text = np.datetime_as_string(micros, unit="us").astype("S26")
    letters = text.view(np.uint8).reshape(len(text), 26)
    letters[:, 10], letters[:, 19] = ord(" "), ord(":")
    return [stamp.decode() for stamp in text]


def write_profiler_db(trace: Trace, path: Path, server: Server = Server()) -> None:
    """A profiler.db of the older generation without lists of requests, and with its unit bug: TTFT
    and queue wait are in seconds."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE request (http_rid TEXT, start_datetime TEXT, recv_token_size REAL,"
            " reply_token_size REAL, execution_time REAL, queue_wait_time REAL,"
            " first_token_latency REAL, cache_hit_rate TEXT)"
        )
        connection.executemany(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            zip(
                map(str, range(len(trace.arrival))),
                stamps(trace.arrival),
                trace.prompt.tolist(),
                trace.output.tolist(),
                np.floor((trace.end - trace.arrival) * 1e3).tolist(),
                (trace.scheduled - trace.arrival).tolist(),
                (trace.first - trace.arrival).tolist(),
                strict=True,
            ),
        )
        connection.execute(
            "CREATE TABLE batch (name TEXT, res_list TEXT, start_datetime TEXT, end_datetime TEXT,"
            " during_time REAL, batch_type TEXT, prof_id TEXT, batch_size REAL, total_blocks TEXT,"
            " used_blocks TEXT, kvcache_usage_rate TEXT, total_scheduled_tokens INTEGER)"
        )
        connection.executemany(
            "INSERT INTO batch VALUES (?, '', ?, ?, ?, ?, 'p', ?, ?, ?, ?, ?)",
            _batch_rows(trace, server),
        )


def _batch_rows(trace: Trace, server: Server) -> Iterator[tuple[object, ...]]:
    begun = stamps(trace.step_start - SCHEDULE_S)
    started, ended = stamps(trace.step_start), stamps(trace.step_start + trace.step_s)
    kinds = np.where(trace.is_prefill, "Prefill", "Decode").tolist()
    columns = (trace.step_s * 1e3, trace.step_size, trace.step_tokens, trace.step_blocks)
    lists = [column.tolist() for column in columns]
    for row in zip(begun, started, ended, kinds, *lists, strict=True):
        before, start, end, kind, length, size, tokens, used = row
        kv_cache = (str(server.blocks), str(used), f"{used / server.blocks:.6f}")
        yield "BatchSchedule", before, start, SCHEDULE_S * 1e3, kind, size, *kv_cache, tokens
        yield "modelExec", start, end, length, kind, size, "<NA>", "<NA>", "<NA>", tokens
