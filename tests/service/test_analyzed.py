"""Numbers of the analyze step's folders against what the raw events of the same run say."""

from pathlib import Path

import numpy as np
import pytest

from trueness.service.find import find_runs
from trueness.service.run import DECODE, KINDS, Run
from trueness.service.samples import sample_of, statistics

REAL = {
    "ttft": (58.6743, 179.7228, 25.824, 49.1227, 93.181, 179.1045),
    "itl": (21.292, 208.1643, 14.7513, 17.7285, 19.325, 111.3735),
    "e2e": (2070.3791, 4152.734, 893.358, 1947.9582, 3307.2136, 4083.3982),
    "exec_time": (1667.5374, 3861.7325, 671.7135, 1583.5352, 2726.4871, 3722.0673),
    "queue_wait": (9.3367, 25.4847, 0.012, 8.6127, 17.6894, 24.8743),
    "input_tokens": (590.5417, 1874, 176, 475.5, 974.1, 1823.63),
}
"""request_summary.csv of the real tool where it is right: mean, max, min, p50, p90, p99."""


def read(path: Path) -> Run:
    (run,), notes = find_runs([path], "golden")
    assert notes == []
    return run


@pytest.mark.parametrize("name", ["golden", "golden_core26", "golden_csv", "core26_csv"])
def test_requests_are_those_of_the_raw_events(samples: Path, name: str) -> None:
    run = read(samples / name)
    assert run.requests is not None
    assert len(run.requests) == 24
    assert run.requests.ttft.mean() == pytest.approx(58.6742, abs=1e-4)
    assert run.requests.ttft[:3] == pytest.approx([31.573211, 53.809173, 66.694995], abs=5e-4)
    for key, values in REAL.items():
        sample = sample_of(run, key)
        assert sample is not None
        ours = statistics(sample)
        # Without the events of a database the end of a request is known to the millisecond.
        slack = (
            1.0 if key == "e2e" and run.truncated_e2e else 2e-3
        )  # texts have whole micro-seconds
        for statistic, value in zip(
            ("mean", "max", "min", "p50", "p90", "p99"), values, strict=True
        ):
            assert ours[statistic] == pytest.approx(value, abs=slack), (key, statistic)


@pytest.mark.parametrize("name", ["golden", "golden_core26", "golden_csv", "core26_csv"])
def test_steps_are_counted_one_by_one(samples: Path, name: str) -> None:
    run = read(samples / name)
    assert run.steps is not None
    decode = run.steps.of("modelExec") & (run.steps.kind == KINDS.index(DECODE))
    assert decode.sum() == 349
    assert run.steps.size[decode].mean() == pytest.approx(6.4957, abs=1e-4)
    assert run.steps.duration[decode].mean() == pytest.approx(16.7096, abs=1e-4)
    assert len(run.kv_usage) == 372
    assert run.kv_usage.max() == pytest.approx(0.01, abs=5e-3)


@pytest.mark.parametrize("name", ["golden", "golden_core26", "golden_csv", "core26_csv"])
def test_seconds_under_a_name_that_says_ms_are_found_and_said(samples: Path, name: str) -> None:
    notes = [note.message for note in read(samples / name).notes if note.level == "warning"]
    assert len(notes) == 2
    assert all("is in seconds under a name that says ms" in note for note in notes)


def test_missing_queue_events_leave_the_wait_unknown(samples: Path) -> None:
    run = read(samples / "golden_no_queue_events")
    assert run.requests is not None
    assert run.requests.ttft.mean() == pytest.approx(58.6742, abs=1e-4)
    assert np.isnan(run.requests.queue_wait).all()
    assert "the waiting time is not known" in run.notes[0].message
    assert "total_time is known to the millisecond" in run.notes[1].message
