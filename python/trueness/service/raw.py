"""Databases as the collector writes them, before any analysis: one event or span a row, in ns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trueness.errors import ReadError
from trueness.service.cells import text
from trueness.service.json_source import number
from trueness.service.run import (
    DECODE,
    EXECUTION,
    KINDS,
    MIXED,
    PREFILL,
    SCHEDULING,
    Note,
    Requests,
    Run,
    Steps,
    requests_of,
)
from trueness.service.sqlite_source import columns_of, open_database, tables_of
from trueness.service.tokens import MAX_TOKENS, Tokens, exec_time_of, first_token_end, gaps_of

PATTERN = "ms_service_"
ENDS = ("httpRes", "DecodeEnd")
POINTS = ("httpReq", "Enqueue", "Dequeue", *ENDS)


@dataclass
class _Request:
    """Times in seconds after the first event of the run."""

    start: float = np.nan
    end: float = np.nan
    enqueued: float = np.nan
    dequeued: float = np.nan
    input_tokens: float = np.nan
    output_tokens: float = np.nan


@dataclass
class _Events:
    base: int = 0
    requests: dict[str, _Request] = field(default_factory=dict)
    spans: list[tuple[str, float, float, list[tuple[str, int]], float]] = field(
        default_factory=list
    )
    tokens: int = 0
    broken: int = 0


def is_raw_database(path: Path) -> bool:
    with open_database(path) as connection:
        tables = tables_of(connection)
    return "Mstx" in tables or ("slice" in tables and not {"request", "batch"} & tables)


def raw_databases(folder: Path, names: Sequence[str]) -> list[Path]:
    """Those in this very folder: one of each process of one run."""
    return [folder / name for name in names if name.startswith(PATTERN) and name.endswith(".db")]


def read_raw_databases(folder: Path, paths: Sequence[Path]) -> Run:
    """One run out of the databases of its processes. A broken one is a note; raises ReadError when
    none can be read."""
    events, notes = _Events(), []
    for path in paths:
        try:
            with open_database(path) as connection:
                _collect(connection, events, path)
        except ReadError as error:
            notes.append(Note("error", str(path), error.reason))
    if not events.requests and not events.spans:
        raise ReadError(str(folder), "; ".join(note.message for note in notes) or "has no events")
    name = str(paths[0] if len(paths) == 1 else folder)
    if events.broken:
        notes.append(Note("warning", name, f"{events.broken} events are no JSON and were left out"))
    notes.append(Note("info", name, "KV cache use is read from analyzed folders only"))
    return _run_of(events, name, notes)


def _collect(connection: sqlite3.Connection, events: _Events, path: Path) -> None:
    for name, start, end, payload in _rows(connection, events, path):
        if not events.base:
            events.base = start
        begun, ended = (start - events.base) / 1e9, (end - events.base) / 1e9
        entries = _entries(payload.get("rid", payload.get("res_list")))
        if name in (*EXECUTION, *SCHEDULING):
            events.tokens += len(entries)
            kept = entries if events.tokens <= MAX_TOKENS else []
            scheduled = sum(_scheduled(payload.get("rid", payload.get("res_list"))))
            events.spans.append((name, begun, (end - start) / 1e6, kept, float(scheduled)))
            continue
        for rid, _ in entries:
            if name in POINTS or "recvTokenSize=" in payload or "replyTokenSize=" in payload:
                _point(events.requests.setdefault(rid, _Request()), name, begun, ended, payload)


def _point(
    request: _Request, name: str, begun: float, ended: float, payload: dict[str, object]
) -> None:
    if name == "httpReq":
        request.start = begun
    elif name in ENDS:
        request.end = np.fmax(request.end, ended)
    elif name == "Enqueue" and np.isnan(request.enqueued):
        request.enqueued = begun
    elif name == "Dequeue" and np.isnan(request.dequeued):
        request.dequeued = begun
    for key, column in (("recvTokenSize=", "input_tokens"), ("replyTokenSize=", "output_tokens")):
        if key in payload:
            setattr(request, column, number(payload[key]))


def _rows(
    connection: sqlite3.Connection, events: _Events, path: Path
) -> Iterator[tuple[str, int, int, dict[str, object]]]:
    tables = tables_of(connection)
    if "Mstx" in tables:
        query = "SELECT NULL, timestamp, endTimestamp, message FROM Mstx ORDER BY timestamp"
    elif "slice" in tables:
        ends = (
            "end_time" if "end_time" in columns_of(connection, "slice") else "timestamp + duration"
        )
        query = f"SELECT name, timestamp, {ends}, args FROM slice ORDER BY timestamp"
    else:
        raise ReadError(str(path), "has neither a table Mstx nor a table slice")
    for name, start, end, message in connection.execute(query):
        payload = _payload(text(message))
        if payload is None or not isinstance(start, int):
            events.broken += 1
            continue
        said = text(name) or str(payload.get("name", ""))
        yield said, start, end if isinstance(end, int) and end >= start else start, payload


def _payload(message: str) -> dict[str, object] | None:
    """A JSON object; older collectors write ^ for quotes and leave the braces out."""
    written = message.replace("^", '"').strip().rstrip(",") if "^" in message[:2] else message
    if not written.startswith("{"):
        written = "{" + written + "}"
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _entries(value: object) -> list[tuple[str, int]]:
    """Request ids and iterations of a text, a list of texts, or a list of objects."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    found = []
    for item in values:
        if isinstance(item, dict):
            iteration = item.get("iter")
            number_ = iteration if isinstance(iteration, int) and iteration < 1 << 40 else -1
            found.append((str(item.get("rid", "")), number_))
        else:
            found.append((str(item), -1))
    return found


def _scheduled(value: object) -> Iterator[float]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield float(np.nan_to_num(number(item.get("num_scheduled_tokens="))))


def _run_of(events: _Events, name: str, notes: list[Note]) -> Run:
    known = {rid: one for rid, one in events.requests.items() if np.isfinite(one.start)}
    lost = len(events.requests) - len(known)
    if lost:
        notes.append(Note("warning", name, f"{lost} requests have no httpReq and were left out"))
    ordered = sorted(known, key=lambda rid: known[rid].start)
    steps, tokens = _steps_and_tokens(events, {rid: place for place, rid in enumerate(ordered)})
    requests = _requests([known[rid] for rid in ordered], tokens)
    if len(requests) and np.isnan(requests.queue_wait).all():
        message = "no queue events were recorded: the waiting time is not known"
        notes.append(Note("warning", name, message))
    return Run(
        name=name,
        kind="collector",
        requests=requests if len(requests) else None,
        gaps=gaps_of(tokens) if tokens else None,
        steps=steps,
        notes=tuple(notes),
    )


def _steps_and_tokens(events: _Events, index: dict[str, int]) -> tuple[Steps | None, Tokens | None]:
    spans = sorted(events.spans, key=lambda span: span[1])
    if not spans:
        return None, None
    names = tuple(dict.fromkeys(span[0] for span in spans))
    start, duration = (np.array([span[i] for span in spans]) for i in (1, 2))
    steps = Steps(
        names=names,
        name=np.array([names.index(span[0]) for span in spans], np.int64),
        kind=np.array([KINDS.index(_kind(span[3])) for span in spans], np.int64),
        start=start,
        duration=duration,
        size=np.array([float(len(span[3])) for span in spans]),
        tokens=np.array([span[4] for span in spans]),
        kv_usage=np.full(len(spans), np.nan),
    )
    execution = steps.named(EXECUTION)
    rows = [
        (index[rid], iteration, span[1] + span[2] / 1e3, span[2])
        for span in spans
        if span[0] == execution
        for rid, iteration in span[3]
        if rid in index
    ]
    if not rows:
        return steps, None
    request, iteration, end, length = (np.array(column) for column in zip(*rows, strict=True))
    complete = events.tokens <= MAX_TOKENS
    return steps, Tokens(request, iteration, end, length, complete)


def _kind(entries: Sequence[tuple[str, int]]) -> str:
    iterations = [iteration for _, iteration in entries]
    if not iterations or min(iterations) < 0:
        return "Other"
    if max(iterations) == 0:
        return PREFILL
    return DECODE if min(iterations) > 0 else MIXED


def _requests(ordered: Sequence[_Request], tokens: Tokens | None) -> Requests:
    columns = {
        name: np.array([getattr(one, name) for one in ordered], np.float64)
        for name in ("start", "input_tokens", "output_tokens")
    }
    column = {
        name: np.array([getattr(one, name) for one in ordered], np.float64)
        for name in ("end", "enqueued", "dequeued")
    }
    columns["e2e"] = (column["end"] - columns["start"]) * 1e3
    columns["queue_wait"] = (column["dequeued"] - column["enqueued"]) * 1e3
    if tokens is not None:
        count = len(ordered)
        columns["ttft"] = (first_token_end(tokens, count) - columns["start"]) * 1e3
        columns["exec_time"] = exec_time_of(tokens, count)
    return requests_of(len(ordered), **columns)
