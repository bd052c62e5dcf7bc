"""What the analyze step of msserviceprofiler writes: a folder of CSV files, a profiler.db, or both.

Both generations; a database holds the same tables, and is preferred for its exact times."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from trueness.errors import ReadError
from trueness.service import tokens
from trueness.service.batches import WANTED as BATCH
from trueness.service.batches import steps_of
from trueness.service.catalogue import STATISTICS
from trueness.service.cells import as_bytes, floats, seconds
from trueness.service.run import (
    EXECUTION,
    NONE,
    SCHEDULING,
    Floats,
    Note,
    Requests,
    Run,
    Steps,
    requests_of,
)
from trueness.service.sqlite_source import BROKEN, open_database, tables_of
from trueness.service.summaries import FILES as SUMMARIES
from trueness.service.summaries import Stated, read_summaries
from trueness.service.tables import Chunk, Wanted, csv_chunks, table_chunks
from trueness.service.tokens import Tokens
from trueness.service.units import in_milliseconds

DATABASE = "profiler.db"
TABLES = ("request", "batch", "kvcache")
FILES = (DATABASE, *(f"{table}.csv" for table in TABLES), *SUMMARIES)
REQUEST = {
    "id": ("http_rid",),
    "start": ("start_datetime",),
    "input_tokens": ("recv_token_size",),
    "output_tokens": ("reply_token_size",),
    "e2e": ("execution_time",),
    "queue_wait": ("queue_wait_time",),
    "ttft": ("first_token_latency",),
    "cache_hit_rate": ("cache_hit_rate",),
}
KV_CACHE = {"kv_usage": ("kvcache_usage_rate",)}
Chunks = Callable[[Wanted], Iterable[Chunk]]
Columns = dict[str, Floats]
T = TypeVar("T")


@dataclass
class _Source:
    """The tables of one run, each in the places where it can be read, best first."""

    where: str
    notes: list[Note] = field(default_factory=list)
    tables: dict[str, list[tuple[Path, Chunks]]] = field(default_factory=dict)
    connection: sqlite3.Connection | None = None
    names: frozenset[str] = frozenset()

    def say(self, level: str, message: str, where: str = "") -> None:
        self.notes.append(Note(level, where or self.where, message))

    def lost(self, path: Path, error: Exception) -> None:
        self.say("error", str(error).removeprefix(f"{path}: "), str(path))

    def first(self, table: str, read: Callable[[Chunks], T]) -> T | None:
        """`read` of the first place of the table that can be read to its end."""
        for path, chunks in self.tables.get(table, []):
            try:
                return read(chunks)
            except BROKEN as error:
                self.lost(path, error)
        return None


def read_analyzed(folder: Path, files: Iterable[str], database: str = DATABASE) -> Run:
    """The run of one folder, from `files` of it, one of which may be the `database`. What cannot be
    read is a note; raises ReadError when nothing can."""
    paths = {name: folder / name for name in files}
    source = _Source(str(folder))
    with ExitStack() as stack:
        if database in paths:
            _open(source, paths[database], stack)
        for table in TABLES:
            path = paths.get(f"{table}.csv")
            if path is not None:
                source.tables.setdefault(table, []).append((path, _of_csv(path)))
        stated, notes = read_summaries([paths[name] for name in SUMMARIES if name in paths])
        source.notes += notes
        run = _run_of(source, stated)
    if run.requests is None and run.steps is None and not stated:
        raise ReadError(str(folder), "; ".join(note.message for note in run.notes) or "has nothing")
    return run


def _open(source: _Source, path: Path, stack: ExitStack) -> None:
    try:
        connection = stack.enter_context(open_database(path))
        source.names = frozenset(tables_of(connection))
    except BROKEN as error:
        source.lost(path, error)
        return
    source.connection = connection
    for table in TABLES:
        if table in source.names:
            source.tables[table] = [(path, _of_table(connection, table))]
        elif table != "kvcache":
            source.say("error", f"has no table {table}", str(path))


def _of_csv(path: Path) -> Chunks:
    return lambda wanted: csv_chunks(path, wanted)


def _of_table(connection: sqlite3.Connection, table: str) -> Chunks:
    return lambda wanted: table_chunks(connection, table, wanted, tokens.LISTING)


def _run_of(source: _Source, stated: Stated) -> Run:
    steps = source.first("batch", lambda chunks: _steps(source, chunks))
    kv_usage = source.first("kvcache", lambda chunks: _kv_usage(source, chunks))
    read = source.first("request", lambda chunks: _requests(source, chunks))
    gaps, requests, truncated = None, None, False
    if read is not None:
        columns, index = read
        found = _tokens(source, steps, index)
        gaps = tokens.gaps_of(found) if found else None
        truncated = not _exact_ends(source, columns, index)
        requests = _finished(source, columns, stated, found)
        if truncated:
            source.say("info", "total_time is known to the millisecond: no events are kept here")
    return Run(
        name=source.where,
        kind="analyze",
        requests=requests,
        gaps=gaps,
        steps=steps,
        kv_usage=_kv_of(steps) if kv_usage is None else kv_usage,
        stated=stated,
        notes=tuple(source.notes),
        truncated_e2e=truncated,
    )


def _steps(source: _Source, chunks: Chunks) -> Steps | None:
    steps, notes = steps_of(chunks(BATCH), source.where)
    source.notes += notes
    return steps


def _kv_usage(source: _Source, chunks: Chunks) -> Floats:
    parts = [floats(chunk["kv_usage"]) for chunk in chunks(KV_CACHE)]
    bad = sum(wrong for _, wrong in parts)
    if bad:
        source.say("warning", f"{bad} cells of kvcache_usage_rate are no number")
    usage = np.concatenate([values for values, _ in parts]) if parts else NONE
    if len(usage) and np.nanmax(usage, initial=0) > 1.5:
        source.say("warning", "kvcache_usage_rate is a percentage here; taken as a share of 1")
        usage = usage / 100
    return usage


def _kv_of(steps: Steps | None) -> Floats:
    """Of the scheduling steps: the newer analyze step writes 0 into the others."""
    if steps is None:
        return NONE
    usage = steps.kv_usage[steps.of(steps.named(SCHEDULING))]
    return usage[np.isfinite(usage)]


def _requests(source: _Source, chunks: Chunks) -> tuple[Columns, dict[bytes, int]]:
    """Columns in order of arrival, and the place of each id in them."""
    ids: list[bytes] = []
    parts: list[Columns] = []
    bad = dict.fromkeys(REQUEST, 0)
    for chunk in chunks(REQUEST):
        ids += as_bytes(chunk.pop("id", ()))
        part = {}
        for name, cells in chunk.items():
            part[name], wrong = (seconds if name == "start" else floats)(cells)
            bad[name] += wrong
        parts.append(part)
    for name, count in bad.items():
        if count:
            source.say("warning", f"{count} cells of {REQUEST[name][0]} could not be read")
    if not parts:
        raise ReadError(source.where, "has no requests")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if "start" in columns:
        order = np.argsort(columns["start"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
        ids = [ids[i] for i in order] if ids else ids
    index = {rid: place for place, rid in enumerate(ids)}
    if len(index) < len(ids):
        source.say("warning", f"{len(ids) - len(index)} request ids occur more than once")
    return columns, index


def _tokens(source: _Source, steps: Steps | None, index: Mapping[bytes, int]) -> Tokens | None:
    execution = steps.named(EXECUTION) if steps is not None else None
    if execution is None or not index:
        return None
    found = source.first(
        "batch",
        lambda chunks: tokens.from_res_list(chunks(tokens.WANTED), index, execution),
    )
    if found is not None and not found.complete:
        message = f"inter-token times are those of the first {len(found.end):,} tokens only"
        source.say("warning", message)
    return found


def _exact_ends(source: _Source, columns: Columns, index: Mapping[bytes, int]) -> bool:
    """Takes the end of each request from its last event, where the database keeps events: the
    request table has whole milliseconds. True if no time is truncated any more."""
    if source.connection is None or "slice" not in source.names or "start" not in columns:
        return False
    ends = np.full(len(columns["start"]), np.nan)
    try:
        rows = source.connection.execute(
            "SELECT timestamp,"
            " CASE WHEN json_valid(args) THEN CAST(json_extract(args, '$.res_list') AS TEXT) END"
            " FROM slice WHERE name IN ('httpRes', 'DecodeEnd')"
        )
        for stamp, rid in rows:
            place = index.get(rid)
            if place is not None and isinstance(stamp, int):
                ends[place] = np.fmax(ends[place], stamp / 1e9)
    except BROKEN:
        return False
    # The clock of the table may be in another zone than that of the events: by whole hours.
    e2e = (ends - columns["start"]) * 1e3
    shift = np.round((e2e - columns.get("e2e", e2e)) / 3.6e6) * 3.6e6
    exact = e2e - shift
    known = np.abs(exact - columns.get("e2e", exact)) <= 2
    columns["e2e"] = np.where(known, exact, columns.get("e2e", exact))
    return bool(known.any() and np.all(known | np.isnan(columns["e2e"])))


def _finished(source: _Source, columns: Columns, stated: Stated, found: Tokens | None) -> Requests:
    count = len(next(iter(columns.values()))) if columns else 0
    measured = np.full(count, np.nan)
    if found is not None and "start" in columns:
        measured = (tokens.first_token_end(found, count) - columns["start"]) * 1e3
        columns["exec_time"] = tokens.exec_time_of(found, count)
    columns, notes = in_milliseconds(columns, stated, measured, source.where)
    source.notes += notes
    wait = columns.get("queue_wait")
    if wait is not None and count and not np.nan_to_num(wait).any():
        source.say("warning", "no queue events were recorded: the waiting time is not known, not 0")
        columns["queue_wait"] = np.full(count, np.nan)
        for statistic in STATISTICS:
            stated.pop(("queue_wait", statistic), None)
    for name in ("ttft", "e2e", "queue_wait"):
        early = columns.get(name, NONE) < 0
        if early.any():
            message = f"{int(early.sum())} requests have a negative {name}: clocks differ; left out"
            source.say("warning", message)
            columns[name] = np.where(early, np.nan, columns[name])
    return requests_of(count, **columns)
