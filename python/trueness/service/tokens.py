"""Which request got a token in which step: what inter-token times are made of.

From the lists of requests in the batch table. The tables batch_exec and batch_req of a profiler.db
promise the same, but number their batches differently from each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueness.service.cells import as_bytes, floats, seconds
from trueness.service.run import NONE, Floats, Gaps, Ints
from trueness.service.tables import Chunk

MAX_TOKENS = 4_000_000
"""Of a run; enough for the distribution of gaps, and about 200 MB while they are sorted."""
LISTING = "res_list"
WANTED = {
    "res_list": ("res_list",),
    "end": ("end_datetime", "end_time"),
    "duration": ("during_time",),
    "name": ("name",),
}
_ENTRY = re.compile(rb"""["']rid["']:\s*["']?([^"',}\]]*)["']?(?:,\s*["']iter["']:\s*(\d+))?""")


@dataclass(frozen=True)
class Tokens:
    """One element for each request in each execution step: index of the request, its iteration,
    end of the step in seconds, duration of the step in ms. `complete`: none were left out."""

    request: Ints
    iteration: Ints
    end: Floats
    duration: Floats
    complete: bool = True


def from_res_list(
    chunks: Iterable[Chunk], index: Mapping[bytes, int], execution: str
) -> Tokens | None:
    parts = list(_limited(_res_list_parts(chunks, index, execution.encode())))
    return _joined(parts)


def _res_list_parts(
    chunks: Iterable[Chunk], index: Mapping[bytes, int], execution: bytes
) -> Iterator[tuple[Ints, Ints, Floats, Floats]]:
    for chunk in chunks:
        if set(chunk) != set(WANTED):
            return
        rows = [i for i, name in enumerate(as_bytes(chunk["name"])) if name == execution]
        ends = seconds([chunk["end"][i] for i in rows])[0]
        durations = floats([chunk["duration"][i] for i in rows])[0]
        lists = as_bytes([chunk["res_list"][i] for i in rows])
        found = [_ENTRY.findall(entries) for entries in lists]
        counts = [len(entries) for entries in found]
        entries = [entry for step in found for entry in step]
        yield (
            np.array([index.get(rid, -1) for rid, _ in entries], np.int64),
            np.array([int(number[:9] or -1) for _, number in entries], np.int64),
            np.repeat(ends, counts),
            np.repeat(durations, counts),
        )


def _limited(
    parts: Iterable[tuple[Ints, Ints, Floats, Floats]],
) -> Iterator[tuple[Ints, Ints, Floats, Floats] | None]:
    """Ends with None when there was more than is kept."""
    count = 0
    for part in parts:
        if count > MAX_TOKENS:
            yield None
            return
        count += len(part[0])
        yield part


def _joined(parts: Sequence[tuple[Ints, Ints, Floats, Floats] | None]) -> Tokens | None:
    complete = [part for part in parts if part is not None]
    if not complete:
        return None
    columns = [np.concatenate(column) for column in zip(*complete, strict=True)]
    known = (columns[0] >= 0) & np.isfinite(columns[2])
    if not known.any():
        return None
    request, iteration, end, duration = (column[known] for column in columns)
    return Tokens(request, iteration, end, duration, len(complete) == len(parts))


def _last_of_iteration(tokens: Tokens) -> tuple[Ints, Ints, Floats]:
    """A prompt worked on in pieces has one iteration of several steps, and its token is the last
    one's. Without iterations every step is one."""
    order = np.lexsort((tokens.end, tokens.iteration, tokens.request))
    request, iteration, end = tokens.request[order], tokens.iteration[order], tokens.end[order]
    last = np.ones(len(end), bool)
    same = (request[1:] == request[:-1]) & (iteration[1:] == iteration[:-1])
    last[:-1] = ~same | (iteration[:-1] < 0)
    return request[last], iteration[last], end[last]


def gaps_of(tokens: Tokens) -> Gaps:
    request, _, end = _last_of_iteration(tokens)
    same = request[1:] == request[:-1]
    return Gaps((np.diff(end) * 1e3)[same], request[1:][same])


def first_token_end(tokens: Tokens, count: int) -> Floats:
    """End of the first iteration of each of `count` requests in seconds, else NaN."""
    request, iteration, end = _last_of_iteration(tokens)
    ends = np.full(count, np.nan)
    first = np.ones(len(request), bool)
    first[1:] = request[1:] != request[:-1]
    first &= iteration <= 0
    ends[request[first]] = end[first]
    return ends


def exec_time_of(tokens: Tokens, count: int) -> Floats:
    """Sum of the steps of each request in ms; NaN where it had none, or not all are known."""
    if not tokens.complete:
        return np.full(count, np.nan)
    steps = np.bincount(tokens.request, minlength=count)
    total = np.bincount(tokens.request, weights=tokens.duration, minlength=count)
    return np.where(steps > 0, total, np.nan) if count else NONE
