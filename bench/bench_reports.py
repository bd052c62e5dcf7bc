"""What a report of 200,000 rows costs.

    PYTHONPATH=tests python bench/bench_reports.py

prints CPU seconds, the size of the file and the peak of memory beside what is promised, each kind
in a process of its own; making the rows and the summary is not counted in the seconds. Exit code 1
when a promise is not kept. Whatever else runs on a machine makes CPU seconds longer too."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import cases
from builders.reports import diagnosis_of, model_rows
from trueness.model import Result
from trueness.report import REPORTS, Summary, write_report

ROWS = cases.scaled(200_000)
SECONDS = {"csv": 10, "html": 20, "xlsx": 40}
MEGABYTES = 500


def write(kind: str, path: Path) -> float:
    """Seconds of CPU that the report takes."""
    spent = 0.0
    summary = Summary()
    failed: list[Result] = []

    def rows() -> Iterator[Result]:
        nonlocal spent
        waiting = time.process_time()
        for row in model_rows(ROWS):
            summary.add(row)
            if row.passed is False and row.my and len(failed) < 3:
                failed.append(row)
            spent -= time.process_time() - waiting
            yield row
            waiting = time.process_time()

    def finished() -> Summary:
        summary.diagnosis = diagnosis_of(failed)
        return summary

    spent -= time.process_time()
    write_report(kind, rows(), path, finished)
    return spent + time.process_time()


@pytest.mark.parametrize("kind", REPORTS)
def bench_report(benchmark: BenchmarkFixture, tmp_path: Path, kind: str) -> None:
    benchmark.pedantic(write, (kind, tmp_path / f"report.{kind}"), rounds=1)


def main() -> int:
    if len(sys.argv) > 1:
        path = Path(sys.argv[2])
        seconds = write(sys.argv[1], path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(seconds, path.stat().st_size / 1e6, peak)
        return 0
    print(f"{ROWS} rows {'CPU s':>14} {'<=':>4} {'file MB':>9} {'peak MB':>9} {'<=':>4}")
    missed = False
    for kind in REPORTS:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, kind, f"{folder}/report.{kind}"]
            ran = subprocess.run(command, capture_output=True, check=True, text=True)
        seconds, size, peak = map(float, ran.stdout.split())
        bound = SECONDS.get(kind, "")
        print(
            f"{kind:11} {seconds:14.1f} {bound:>4} {size:9.2f} {peak:9.0f} {MEGABYTES:>4}",
            flush=True,
        )
        missed |= peak > MEGABYTES or (kind in SECONDS and seconds > SECONDS[kind])
    return int(missed and cases.SCALE == 1)


if __name__ == "__main__":
    sys.exit(main())
