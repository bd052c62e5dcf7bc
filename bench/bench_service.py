"""Two serving runs compared: time and memory as they grow, and how often noise is called news.

    python bench/bench_service.py            2,000, 50,000 and 500,000 requests a side
    python bench/bench_service.py --noise    16 pairs of runs that differ only by noise

Memory is the peak of a process of its own, import included. Under pytest only small sizes run."""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from builders.serving import Server, run_of, simulate, write_profiler_db
from trueness.service import service_compare
from trueness.service.comparison import compare_runs

SIZES = (2_000, 50_000, 500_000)
PAIRS = 16
SLO = {"ttft": 500.0, "tpot": 60.0}
SLOWER = Server(prefill=0.9, decode=1.06, blocks=7650)


def write_pair(folder: Path, count: int) -> None:
    for side, server, noise in (("golden", Server(), 1), ("input", SLOWER, 2)):
        (folder / side).mkdir()
        trace = simulate(count, workload=5, noise=noise, server=server, rate=9)
        write_profiler_db(trace, folder / side / "profiler.db", server)


def compare(folder: Path) -> None:
    service_compare([folder / "input"], [folder / "golden"], folder / "out", slo=SLO)


def measure(folder: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    compare(folder)
    print(
        json.dumps(
            {
                "wall_s": round(time.perf_counter() - wall, 1),
                "cpu_s": round(time.process_time() - cpu, 1),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "db_kb": (folder / "out" / "compare_result.db").stat().st_size // 1024,
            }
        )
    )


def scale() -> None:
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_pair(Path(folder), count)
            command = [sys.executable, __file__, "--measure", folder]
            found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            print(f"{count:>8,} requests a side: {found.strip()}", flush=True)


def noise(pairs: int, count: int = 1500) -> Counter[str]:
    """Verdicts over pairs of the same server, once with the same requests and once with others."""
    verdicts: Counter[str] = Counter()
    for work in ("same", "other"):
        for number in range(pairs):
            workloads = (number, number if work == "same" else number + 1000)
            golden, other = (
                run_of(simulate(count, workload=workload, noise=2 * number + side, rate=9))
                for side, workload in enumerate(workloads)
            )
            found = [
                verdict for verdict, _ in compare_runs([golden], [other], slo=SLO).verdicts.values()
            ]
            verdicts.update(f"{work}: {verdict}" for verdict in found if verdict)
            verdicts[f"{work}: pairs with any worse"] += "worse" in found
    return verdicts


def bench_two_runs(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    write_pair(tmp_path, 500)
    benchmark.pedantic(compare, args=[tmp_path], rounds=1)


def bench_noise(benchmark: BenchmarkFixture) -> None:
    verdicts = benchmark.pedantic(noise, args=[1, 300], rounds=1)
    assert verdicts["same: worse"] == 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(Path(sys.argv[2]))
    elif sys.argv[1:] == ["--noise"]:
        for name, number in sorted(noise(PAIRS).items()):
            print(f"{name:32} {number}")
    else:
        scale()
