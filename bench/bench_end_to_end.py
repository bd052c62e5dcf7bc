"""From two file names to results: through the core, the Python API and the command."""

import subprocess
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import cases
import floors
import trueness


@pytest.mark.parametrize("threads", cases.THREADS)
def bench_npy(benchmark: BenchmarkFixture, npy_pair: tuple[Path, Path], threads: int) -> None:
    benchmark(floors.compare_npy, *npy_pair, threads)


def bench_compare_files(benchmark: BenchmarkFixture, npy_pair: tuple[Path, Path]) -> None:
    results = benchmark(trueness.compare_files, *npy_pair)
    assert len(results) == 1


def bench_compare_arrays(benchmark: BenchmarkFixture, tensors: cases.Tensors) -> None:
    benchmark(trueness.compare, tensors.golden, tensors.my)


def bench_help(benchmark: BenchmarkFixture) -> None:
    benchmark(subprocess.run, [*cases.COMMAND, "--help"], capture_output=True, check=True)


def bench_command(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    paths = cases.write_pair(tmp_path, *cases.float32_pair(1024))
    command = [*cases.COMMAND, "compare", *map(str, paths), "--exit-zero"]
    benchmark(subprocess.run, command, capture_output=True, check=True)
