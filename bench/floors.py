"""Prints what is promised about speed and memory beside what this machine shows just now.

    python bench/floors.py

Everything that is divided by something else is measured in turns with it, so that a noisy machine
disturbs both alike, and the best of all rounds counts. Exit code 1 when a promise is not kept. With
TRUENESS_BENCH_SCALE=0.01 it is a smoke run: promises are made for the full size, so none is judged.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import cases
import peers
import torchair_tree
from trueness import _core
from trueness.plan import plan_dumps

ROUNDS = 15
_NOT_COMPILED = "PYTHONDONTWRITEBYTECODE"
PEER_ROUNDS = 1
LONG_ROUNDS = 5
"""Of what takes seconds."""


@dataclass(frozen=True)
class Row:
    """`ratio` must reach `floor`, or stay under `ceiling`; neither: shown for comparison only."""

    name: str
    measured: str
    ratio: float
    floor: float | None = None
    ceiling: float | None = None

    @property
    def verdict(self) -> str:
        if cases.SCALE != 1:
            return ""
        if self.floor is not None:
            return "ok" if self.ratio >= self.floor else "BELOW"
        if self.ceiling is not None:
            return "ok" if self.ratio <= self.ceiling else "ABOVE"
        return ""

    def __str__(self) -> str:
        bound = f">= {self.floor}" if self.floor is not None else ""
        if self.ceiling is not None:
            bound = f"<= {self.ceiling}"
        return f"{self.name:50} {self.measured:>14} {self.ratio:9.3g} {bound:>9} {self.verdict}"


def best_seconds(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def compare_npy(golden: Path, my: Path, threads: int) -> None:
    sides = [_core.open_file(str(path)).tensors[0] for path in (golden, my)]
    _core.compare(sides[0], sides[1], threads=threads, metrics=cases.BASIC)


def kernel_runs(
    tensors: cases.Tensors, files: tuple[Path, Path], threads: int
) -> dict[str, Callable[[], object]]:
    runs: dict[str, Callable[[], object]] = {}
    for read in peers.PLAIN_READS:
        runs[f"read {read.__name__}"] = lambda read=read: peers.read_all(
            read, tensors.golden, tensors.my, threads
        )
    for dtypes in cases.DTYPE_PAIRS:
        golden, my = tensors.pair(*dtypes)
        for metrics, mask in cases.METRICS.items():
            runs[f"{' '.join(dtypes)} {metrics}"] = lambda g=golden, m=my, mask=mask: _core.compare(
                g, m, threads=threads, metrics=mask
            )
    runs["npy files"] = lambda: compare_npy(*files, threads)
    return runs


def kernel_rows(tensors: cases.Tensors, files: tuple[Path, Path], threads: int) -> Iterator[Row]:
    best = best_seconds(kernel_runs(tensors, files, threads), ROUNDS)
    nbytes = tensors.golden.nbytes + tensors.my.nbytes
    reading = min(seconds for name, seconds in best.items() if name.startswith("read"))

    def row(name: str, seconds: float, floor: float | None) -> Row:
        rate = f"{nbytes / seconds / 1e9:.2f} GB/s"
        return Row(f"{name}, {threads} threads", rate, reading / seconds, floor)

    yield row("plain read", reading, None)
    yield row("fp32 basic / read", best["float32 float32 basic"], 0.75)
    yield row("fp32 all / read", best["float32 float32 all"], 0.4)
    yield row("fp32 basic from .npy / read", best["npy files"], 0.7)
    for dtypes in cases.DTYPE_PAIRS[1:]:
        for metrics in cases.METRICS:
            seconds = best[f"{' '.join(dtypes)} {metrics}"]
            fp32 = best[f"float32 float32 {metrics}"]
            rate = f"{tensors.golden.size / seconds / 1e9:.2f} G elem/s"
            name = f"{' vs '.join(dtypes)} {metrics} / fp32, {threads} threads"
            yield Row(name, rate, fp32 / seconds, 0.85)


def peer_rows(tensors: cases.Tensors) -> Iterator[Row]:
    golden, my = tensors.golden, tensors.my
    pair = tensors.pair("float32", "float32")
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: _core.compare(*pair, threads=1),
        "numpy": lambda: peers.numpy_metrics(golden, my),
    }
    if peers.torch is not None:
        sides = peers.torch.from_numpy(golden), peers.torch.from_numpy(my)
        runs["torch"] = lambda: peers.torch_metrics(*sides)
    best = best_seconds(runs, PEER_ROUNDS)
    for name, seconds in best.items():
        label = f"all metrics, {name}: times our one thread"
        yield Row(label, f"{seconds * 1e3:.0f} ms", seconds / best["ours"])
    if peers.torch is None:
        print("torch is not installed: its implementation is not measured")


def run_command(*arguments: str) -> None:
    """With modules compiled once, as those of an installed package are."""
    kept = {name: value for name, value in os.environ.items() if name != _NOT_COMPILED}
    finished = subprocess.run(
        [*cases.COMMAND, *arguments], capture_output=True, check=False, env=kept
    )
    if finished.returncode not in (0, 1):
        sys.exit(finished.stderr.decode())


def command_rows(folder: Path) -> Iterator[Row]:
    golden, my = cases.write_pair(folder, *cases.float32_pair(1024))
    many_golden, many_my = cases.write_many_pairs(folder)
    runs: dict[str, Callable[[], object]] = {
        "trueness --help": lambda: run_command("--help"),
        "trueness compare a.npy b.npy": lambda: run_command("compare", str(golden), str(my)),
    }
    best = best_seconds(runs, ROUNDS)
    for (name, seconds), ceiling in zip(best.items(), (0.3, 0.5), strict=True):
        yield Row(f"{name} (s)", f"{seconds * 1e3:.0f} ms", seconds, ceiling=ceiling)
    report = folder / "report"
    many = {"": lambda: run_command("compare", str(many_golden), str(many_my), "-o", str(report))}
    seconds = best_seconds(many, LONG_ROUNDS)[""]
    microseconds = seconds / cases.SMALL_PAIRS * 1e6
    name = f"{cases.SMALL_PAIRS} pairs of 4 KiB files (us a pair)"
    yield Row(name, f"{seconds:.2f} s", microseconds, ceiling=100)


def plan_row(folder: Path) -> Row:
    """60 s for 64 ranks x 32 tokens x 300 operators."""
    sizes = cases.RANKS, cases.TOKENS, cases.OPS
    sides = torchair_tree.write(folder, *sizes, fx_inputs=False)
    seconds = best_seconds({"": lambda: deque(plan_dumps(*sides).items, 0)}, LONG_ROUNDS)[""]
    files = prod(sizes)
    name = f"{files} files a side discovered and paired (us a file)"
    return Row(name, f"{seconds:.2f} s", seconds / files * 1e6, ceiling=97.6)


def memory_row(folder: Path) -> Row:
    golden, my = cases.write_big_pair(folder)
    script = Path(__file__).with_name("peak_memory.py")
    finished = subprocess.run(
        [sys.executable, str(script), str(golden), str(my)], capture_output=True, check=True
    )
    megabytes = int(finished.stdout) / 1e6
    size = golden.stat().st_size / 2**30
    return Row(
        f"two files of {size:.3g} GiB, private memory (MB)",
        f"{megabytes:.1f} MB",
        megabytes,
        ceiling=150,
    )


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tensors = cases.Tensors(*cases.float32_pair())
        files = cases.write_pair(folder, tensors.golden, tensors.my)
        for threads in cases.THREADS:
            yield from kernel_rows(tensors, files, threads)
        yield from peer_rows(tensors)
        yield from command_rows(folder)
        yield plan_row(folder)
        yield memory_row(folder)


def main() -> int:
    print(f"{cases.ELEMENTS} elements, {_core.isa()}")
    print(f"{'':50} {'measured':>14} {'ratio':>9} {'promised':>9}")
    missed = False
    for row in rows():
        print(row, flush=True)
        missed |= row.verdict not in ("", "ok")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
