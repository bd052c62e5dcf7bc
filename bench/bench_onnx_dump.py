"""Dumping a large model: memory, and time beside that of the run and of writing as many bytes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from cases import SCALE
from peak_memory import Peak, anonymous_bytes

TOKENS, WIDTH, LAYERS = (2048, 256, 21) if SCALE >= 1 else (32, 32, 2)
"""1.2 GB of tensors, 38 MB of weights."""
MEMORY = 150_000_000
"""Anonymous bytes that a dump of any size may take; the mapped file is none."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    onnx = pytest.importorskip("onnx")
    from builders.onnx_models import encoder

    path = tmp_path_factory.mktemp("model") / "encoder.onnx"
    onnx.save(encoder(TOKENS, WIDTH, LAYERS), path)
    return path


def bench_dump(benchmark, model, tmp_path) -> None:
    from trueness.dump.onnx import OnnxDump, OnnxDumper
    from trueness.dump.onnx_session import Sessions

    feeds = {"x": np.random.default_rng(0).standard_normal((1, TOKENS, WIDTH)).astype(np.float32)}
    before = anonymous_bytes()
    peak = Peak()
    peak.start()
    dumper = OnnxDumper(model, feeds)
    target = tmp_path / "dump"

    def dump() -> OnnxDump:
        return dumper.dump(feeds, str(target))

    def clear() -> None:
        shutil.rmtree(target, ignore_errors=True)
        (tmp_path / "plain").unlink(missing_ok=True)

    found = benchmark.pedantic(dump, setup=clear, rounds=3, iterations=1)
    extra = peak.stop() - before
    assert extra <= MEMORY
    session = Sessions(str(model.parent), ["CPUExecutionProvider"]).open(str(model), "all")
    run, run_cpu = _least(lambda: session.run(None, feeds), clear)
    write, write_cpu = _least(lambda: _write(tmp_path / "plain", found.nbytes), clear)
    _, dump_cpu = _least(dump, clear)
    whole = benchmark.stats.stats.min if benchmark.stats else 0
    benchmark.extra_info.update(
        bytes=found.nbytes,
        anonymous_bytes=extra,
        run_s=run,
        write_s=write,
        ratio_to_writing=(whole - run) / write,
        cpu_beyond_writing_to_run=(dump_cpu - write_cpu) / run_cpu - 1,
    )


def _least(work, before) -> tuple[float, float]:
    """Seconds by the clock and of the processor, the least of three; `before` each is not timed."""
    found = []
    for _ in range(3):
        before()
        begin, cpu = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - begin, time.process_time() - cpu))
    return min(clock for clock, _ in found), min(cpu for _, cpu in found)


def _write(path: Path, size: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)
