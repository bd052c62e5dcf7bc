"""One process a device."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from trueness.benchmark import acl_json
from trueness.benchmark.options import Options
from trueness.benchmark.paths import make_folder
from trueness.benchmark.settle import backend_of
from trueness.errors import TruenessError


def run(options: Options, arguments: Sequence[str], say: Callable[[str], object]) -> int:
    """Every device runs all inputs, or with --divide-input its share of them. Returns 1 when one
    fails; the others go on."""
    from trueness.benchmark.run import new_folder

    count = len(options.device)
    folder = make_folder(new_folder(options)) if options.output else None
    context = multiprocessing.get_context("spawn")
    total, code = 0.0, 0
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        waiting = [
            pool.submit(_one, options, list(arguments), device, place, folder)
            for place, device in enumerate(options.device)
        ]
        for place, (device, future) in enumerate(zip(options.device, waiting, strict=True)):
            try:
                throughput = future.result()
            except Exception as error:
                say(f"device_{device}_{place} failed: {error}")
                code = 1
            else:
                say(f"device_{device}_{place} throughput: {throughput}")
                total += throughput
    say(f"summary throughput: {total}")
    return code


def _one(
    options: Options,
    arguments: Sequence[str],
    device: int,
    place: int,
    folder: Path | None,
) -> float:
    """In a process of its own."""
    from trueness.benchmark.run import execute, prepared

    count = len(options.device)
    if backend_of(options) != "aclruntime" and hasattr(os, "sched_setaffinity"):
        # Without an accelerator a device is a share of the cores.
        cores = sorted(os.sched_getaffinity(0))
        own = cores[place::count] or cores
        os.sched_setaffinity(0, own)
    given = acl_json.read(options.acl_json_path) if options.acl_json_path else None
    where = folder / f"device{device}_{place}" if folder else None
    if len(options.npu_id) == count:
        options = replace(options, npu_id=options.npu_id[place : place + 1])
    run = prepared(options, arguments, given, device, where)
    if options.divide_input:
        run = replace(run, part=(place, count))
    done = execute(run)
    if done.problems:
        raise TruenessError(f"{done.problems} results are missing, see the log")
    return done.throughput
