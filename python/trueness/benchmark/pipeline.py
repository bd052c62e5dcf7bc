"""Several inputs at once, results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from trueness.benchmark.options import Options

Given = TypeVar("Given")
Made = TypeVar("Made")


def run_at_once(
    one: Callable[[Given], Made], stream: Iterable[Given], options: Options
) -> Iterator[Made]:
    """`one` of everything in `stream`; with --pipeline by several threads, which hold only as much
    of the stream as they work on."""
    if not options.pipeline:
        yield from map(one, stream)
        return
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(options.threads) as pool:
        for given in stream:
            waiting.append(pool.submit(one, given))
            if len(waiting) > options.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
