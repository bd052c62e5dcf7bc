"""Thousands of small pairs: what counts is the fixed cost of a pair."""

from math import prod
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

import cases
import torchair_tree
import trueness
from trueness import _core
from trueness.model import Pair
from trueness.plan import plan_dumps


def bench_folders(benchmark: BenchmarkFixture, many_pairs: tuple[Path, Path]) -> None:
    golden, my = many_pairs
    results = benchmark.pedantic(lambda: list(trueness.compare_dumps(golden, my, layout="flat")))
    assert len(results) == cases.SMALL_PAIRS


def bench_files_in_one_call(benchmark: BenchmarkFixture, many_pairs: tuple[Path, Path]) -> None:
    names = sorted(path.name for path in many_pairs[0].iterdir())[:32]
    paths = [tuple(str(side / name) for side in many_pairs) for name in names]
    asked = {("float32", "float32"): (cases.ALL, None)}
    answers = benchmark(_core.compare_files, paths, asked=asked, below=1 << 20)
    assert None not in answers


def bench_plan(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    sizes = cases.RANKS, cases.TOKENS, cases.OPS
    sides = torchair_tree.write(tmp_path, *sizes, fx_inputs=True)
    items = benchmark.pedantic(lambda: list(plan_dumps(*sides).items))
    assert len(items) == 3 * prod(sizes)
    assert all(isinstance(item, Pair) for item in items)


def bench_one_small_pair(benchmark: BenchmarkFixture) -> None:
    golden, my = (cases.in_memory(side, "float32") for side in cases.float32_pair(1024))
    benchmark(_core.compare, golden, my)


def bench_one_small_array_pair(benchmark: BenchmarkFixture) -> None:
    benchmark(trueness.compare, *cases.float32_pair(1024))


def bench_open_small_file(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    golden, _ = cases.write_pair(tmp_path, *cases.float32_pair(992))
    benchmark(_core.open_file, str(golden))
