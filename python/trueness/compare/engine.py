"""Many pairs, with all cores and little memory, in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from time import thread_time

from trueness.compare.files import Worker
from trueness.compare.metrics import Choice
from trueness.compare.open_files import OpenFiles
from trueness.compare.standards import Standard, lower_precision, standard_of
from trueness.compare.tensors import thread_count
from trueness.errors import UsageError
from trueness.model import Pair, Result, Unmatched

BATCH = 128
"""Pairs a thread takes at once, at most: for tiny ones the hand-over costs more than the
comparison."""
FEW = 8
SPAN = 0.005
"""Seconds of work that are worth a hand-over: as long as Python lets one thread wait for another.
So many pairs make a batch, but no fewer than FEW."""

Progress = Callable[[Result], object]


def compare_pairs(
    pairs: Iterable[Pair | Unmatched],
    *,
    jobs: int | None = None,
    metrics: str | Sequence[str] = "all",
    threads: int | None = None,
    standard: str | Standard | None = None,
    on_progress: Progress | None = None,
    files: OpenFiles | None = None,
) -> Iterator[Result]:
    """Yields results in the order of the pairs while it runs; a pair that fails is a result. `jobs`
    pairs are worked on at once (all cores by default), and one of many megabytes by `threads`
    threads. Stopping early, also by KeyboardInterrupt, leaves nothing running. Raises UsageError
    for an unknown standard or metric, or less than one job."""
    count = cores() if jobs is None else jobs
    if count < 1:
        raise UsageError(f"jobs is {count}; give at least 1")
    files = files or OpenFiles()
    chosen = standard_of(standard)
    worker = Worker(files, chosen, Choice(metrics), thread_count(threads))
    results = _run(pairs, worker, files, count)
    return _followed(results, chosen, on_progress)


def cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _followed(
    results: Iterator[Result], standard: Standard, on_progress: Progress | None
) -> Iterator[Result]:
    """What has to be seen in order: how much noise there is by now, and how far we are."""
    if standard.noise is not None:
        results = standard.noise.follow(results, lower_precision)
    if on_progress is None:
        return results
    return _reported(results, on_progress)


def _reported(results: Iterator[Result], on_progress: Progress) -> Iterator[Result]:
    for result in results:
        on_progress(result)
        yield result


def _run(
    pairs: Iterable[Pair | Unmatched], worker: Worker, files: OpenFiles, jobs: int
) -> Iterator[Result]:
    def work(batch: list[Pair | Unmatched]) -> tuple[list[Result], int]:
        began = thread_time()
        results = list(worker.batch(batch))
        seconds = max(thread_time() - began, 1e-6)
        return results, max(FEW, min(BATCH, int(len(batch) * SPAN / seconds)))

    size = FEW
    waiting: deque[Future[tuple[list[Result], int]]] = deque()
    stream = iter(pairs)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="trueness")
    try:
        while True:
            batch = list(islice(stream, size))
            if batch:
                waiting.append(pool.submit(work, batch))
            if waiting and (not batch or len(waiting) > 2 * jobs):
                results, size = waiting.popleft().result()
                yield from results
            elif not batch:
                return
    finally:
        pool.shutdown(cancel_futures=True)
        files.close()
