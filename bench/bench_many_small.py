"""Thousands of small pairs: what counts is the fixed cost of a pair."""

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

import cases
import trueness
from trueness import _core


def bench_folders(benchmark: BenchmarkFixture, many_pairs: tuple[Path, Path]) -> None:
    golden, my = many_pairs
    results = benchmark.pedantic(lambda: list(trueness.compare_dumps(golden, my, layout="flat")))
    assert len(results) == cases.SMALL_PAIRS


def bench_one_small_pair(benchmark: BenchmarkFixture) -> None:
    golden, my = (cases.in_memory(side, "float32") for side in cases.float32_pair(1024))
    benchmark(_core.compare, golden, my)


def bench_one_small_array_pair(benchmark: BenchmarkFixture) -> None:
    benchmark(trueness.compare, *cases.float32_pair(1024))


def bench_open_small_file(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    golden, _ = cases.write_pair(tmp_path, *cases.float32_pair(992))
    benchmark(_core.open_file, str(golden))
