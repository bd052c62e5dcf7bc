"""Result files of the load generators: units, names that mean another thing, details."""

import json
from pathlib import Path

import numpy as np
import pytest

from builders.serving import Trace, simulate
from trueness.errors import UsageError
from trueness.service import service_compare
from trueness.service.find import find_runs
from trueness.service.run import Run
from trueness.service.samples import sample_of, statistics, tpot_of

TRACE = simulate(120, rate=8)


def read(path: Path) -> list[Run]:
    return find_runs([path], "input")[0]


def write(path: Path, *objects: object) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in objects))
    return path


def gaps_of(trace: Trace, one: int) -> list[float]:
    first, count = trace.joined[one], trace.output[one] - 1
    return np.diff(trace.decode_end[first : first + count], prepend=trace.first[one]).tolist()


def vllm(trace: Trace = TRACE, *, detailed: bool = True, **more: object) -> dict[str, object]:
    ttft = (trace.first - trace.arrival).tolist()
    found: dict[str, object] = {
        "backend": "vllm",
        "model_id": "m",
        "request_rate": "inf",
        "duration": 20.0,
        "completed": len(ttft),
        "failed": 0,
        "total_input_tokens": int(trace.prompt.sum()),
        "total_output_tokens": int(trace.output.sum()),
        "request_throughput": 6.0,
        "request_goodput": None,
        "output_throughput": 680.5,
        "total_token_throughput": 4200.0,
        "mean_ttft_ms": float(np.mean(ttft)) * 1e3,
        "median_ttft_ms": float(np.median(ttft)) * 1e3,
        "p99_ttft_ms": float(np.percentile(ttft, 99)) * 1e3,
        "std_ttft_ms": 1.0,
        "mean_e2el_ms": 2500.0,
    }
    if detailed:
        found |= {
            "input_lens": trace.prompt.tolist(),
            "output_lens": trace.output.tolist(),
            "ttfts": ttft,
            "itls": [gaps_of(trace, one) for one in range(len(ttft))],
            "start_times": trace.arrival.tolist(),
            "errors": ["" for _ in ttft],
        }
    return found | more


def test_vllm_details_are_seconds_and_the_summary_is_ms(tmp_path: Path) -> None:
    (run,) = read(write(tmp_path / "r.json", vllm()))
    assert run.kind == "vllm bench serve"
    assert run.requests is not None
    expected = (TRACE.first - TRACE.arrival) * 1e3
    assert run.requests.ttft == pytest.approx(expected)
    assert run.requests.e2e == pytest.approx((TRACE.end - TRACE.arrival) * 1e3)
    assert run.stated["ttft", "mean"] == pytest.approx(expected.mean())
    gaps = sample_of(run, "itl")
    assert gaps is not None
    assert len(gaps.values) == TRACE.output.sum() - len(TRACE.output)


def test_failed_requests_have_no_times_and_count_as_errors(tmp_path: Path) -> None:
    found = vllm(failed=2)
    found["errors"][3] = found["errors"][7] = "Connection reset"  # type: ignore[index]
    path = write(tmp_path / "r.json", found)
    outcome = service_compare([path], [path], None)
    (run,) = outcome.comparison.input
    assert run.requests is not None
    assert np.isnan(run.requests.ttft[[3, 7]]).all()
    (row,) = outcome.comparison.of("error_rate")
    assert row.input == pytest.approx(2 / 120 * 100)


def test_summary_only_is_compared_but_never_judged_alone(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", vllm(detailed=False))
    new = write(tmp_path / "new.json", vllm(detailed=False, mean_ttft_ms=9000.0))
    outcome = service_compare([new], [old], None)
    (row,) = [row for row in outcome.comparison.of("ttft") if row.statistic == "mean"]
    assert row.input == 9000
    assert row.verdict == "unclear"
    assert "too few requests or runs" in row.reason


def test_several_runs_judge_what_one_cannot(tmp_path: Path) -> None:
    for side, base in (("old", 100.0), ("new", 130.0)):
        (tmp_path / side).mkdir()
        for number in range(5):
            found = vllm(detailed=False, mean_ttft_ms=base + number, p99_ttft_ms=500 + 90 * number)
            write(tmp_path / side / f"{number}.json", found)
    outcome = service_compare([tmp_path / "new"], [tmp_path / "old"], None)
    rows = {row.statistic: row for row in outcome.comparison.of("ttft")}
    assert rows["mean"].verdict == "worse"
    assert rows["mean"].relative == pytest.approx(30 / 102)
    assert rows["p99"].verdict == "unclear"
    assert len(outcome.comparison.input) == 5


def test_jsonl_is_a_run_a_line_and_a_sweep_is_refused(tmp_path: Path) -> None:
    sweep = [vllm(detailed=False, request_rate=rate) for rate in (1, 1, 4)]
    path = write(tmp_path / "sweep.jsonl", *sweep)
    assert len(read(path)) == 3
    with pytest.raises(UsageError, match="request_rate is 1, 4; choose one with --where"):
        service_compare([path], [path], None)
    outcome = service_compare([path], [path], None, where={"request_rate": "1"})
    assert len(outcome.comparison.golden) == 2


def test_sglang_spells_e2e_otherwise(tmp_path: Path) -> None:
    found = vllm(detailed=False)
    del found["total_token_throughput"], found["mean_e2el_ms"], found["failed"]
    found |= {"total_throughput": 4200.0, "mean_e2e_latency_ms": 2600.0, "p90_ttft_ms": 7.0}
    (run,) = read(write(tmp_path / "s.jsonl", found))
    assert run.kind == "sglang bench_serving"
    assert run.stated["e2e", "mean"] == 2600
    assert run.stated["token_rate", "value"] == 4200
    assert ("error_rate", "value") not in run.stated


def test_arrays_that_do_not_fit_leave_the_summary(tmp_path: Path) -> None:
    found = vllm()
    found["output_lens"] = [1, 2, 3]
    (run,) = read(write(tmp_path / "r.json", found))
    assert run.requests is None
    assert [note.level for note in run.notes] == ["error"]
    assert run.stated["output_rate", "value"] == 680.5


BLOCK = {"unit": "ms", "avg": 20.0, "p50": 19.0, "p90": 25.0, "p99": 40.0, "min": 1.0, "max": 50.0}


@pytest.mark.parametrize("name", ["ttfts", "itls", "input_lens", "output_lens"])
def test_what_should_be_an_array_and_is_none_is_an_error_of_the_run(
    tmp_path: Path, name: str
) -> None:
    (run,) = read(write(tmp_path / "a.json", vllm(**{name: "text"})))
    assert run.requests is None
    assert [note.message for note in run.notes if note.level == "error"] == [
        f"{name} is no array: only its summary is used"
    ]


def test_lengths_of_prompts_may_be_missing(tmp_path: Path) -> None:
    found = vllm()
    del found["input_lens"]
    (run,) = read(write(tmp_path / "a.json", found))
    assert run.requests is not None and not run.notes


def test_a_run_that_completed_nothing_is_an_error(tmp_path: Path) -> None:
    (run,) = read(write(tmp_path / "a.json", vllm(detailed=False, completed=0)))
    assert "no request was completed" in [n.message for n in run.notes if n.level == "error"]


def aiperf() -> dict[str, object]:
    return {
        "schema_version": "1.4",
        "request_throughput": {"unit": "requests/sec", "avg": 6.0},
        "time_to_first_token": {**BLOCK, "unit": "s", "avg": 0.1},
        "inter_token_latency": BLOCK,
        "inter_chunk_latency": {**BLOCK, "avg": 21.0},
        "request_count": {"unit": "requests", "avg": 118.0},
        "error_request_count": {"unit": "requests", "avg": 2.0},
        "benchmark_duration": {"unit": "sec", "avg": 20.0},
        "input_config": {"endpoint": {"model_names": "m"}, "loadgen": {"concurrency": 4}},
    }


def test_aiperf_blocks_carry_their_units(tmp_path: Path) -> None:
    (run,) = read(write(tmp_path / "profile_export_aiperf.json", aiperf()))
    assert run.kind == "AIPerf"
    assert run.stated["ttft", "mean"] == pytest.approx(100)
    # A mean of each request, which others call TPOT.
    assert run.stated["tpot", "mean"] == 20
    assert run.stated["itl", "mean"] == 21
    assert run.stated["duration", "value"] == 20
    assert run.stated["error_rate", "value"] == pytest.approx(2 / 120 * 100)
    assert run.config["concurrency"] == "4"


def record(start_ns: int, **metadata: object) -> dict[str, object]:
    return {
        "metadata": {"request_start_ns": start_ns, "benchmark_phase": "profiling", **metadata},
        "metrics": {
            "time_to_first_token": {"value": 12.5, "unit": "ms"},
            "request_latency": {"value": 1.5, "unit": "s"},
            "output_sequence_length": {"value": 11, "unit": "tokens"},
            "inter_chunk_latency": {"value": [10.0, 20.0], "unit": "ms"},
        },
        "error": None,
    }


def test_aiperf_records_beside_the_summary_are_its_requests(tmp_path: Path) -> None:
    write(tmp_path / "profile_export_aiperf.json", aiperf())
    records = [record(3 * 10**9), record(10**9, benchmark_phase="warmup"), record(2 * 10**9)]
    records.append({**record(4 * 10**9), "error": {"code": 500}})
    write(tmp_path / "profile_export.jsonl", *records)
    (run,) = read(tmp_path)
    assert run.requests is not None
    assert run.requests.start.tolist() == [2, 3, 4]
    assert run.requests.e2e[:2].tolist() == [1500, 1500]
    assert run.requests.failed.tolist() == [False, False, True]
    assert tpot_of(run.requests)[0] == pytest.approx((1500 - 12.5) / 10)
    assert "1 requests of the warm-up are left out" in [note.message for note in run.notes]


def test_genai_perf_keeps_when_each_answer_came(tmp_path: Path) -> None:
    found = {k: v for k, v in aiperf().items() if k != "schema_version"}
    write(tmp_path / "llama_genai_perf.json", found)
    requests = [
        {"timestamp": 2_000_000_000, "response_timestamps": [2_050_000_000, 2_070_000_000]},
        {"timestamp": 1_000_000_000, "response_timestamps": []},
    ]
    write(tmp_path / "profile_export.json", {"experiments": [{"requests": requests}]})
    (run,) = read(tmp_path)
    assert run.kind == "GenAI-Perf"
    assert run.requests is not None
    assert run.gaps is not None
    assert run.requests.ttft[1] == pytest.approx(50)
    assert run.requests.failed.tolist() == [True, False]
    assert run.gaps.itl == pytest.approx([20])
    assert run.gaps.request.tolist() == [1]


def guidellm(**metrics: object) -> dict[str, object]:
    block = {"mean": 1.5, "std_dev": 0.1, "percentiles": {"p50": 1.4, "p99": 2.0}, "count": 3}
    return {
        "config": {"strategy": {"type_": "constant", "rate": 4.0}},
        "duration": 30.0,
        "metrics": {
            "request_latency": {"successful": block},
            "time_per_output_token_ms": {"successful": {"mean": 99.0}},
            "inter_token_latency_ms": {"successful": {"mean": 20.0}},
            "request_totals": {"successful": 3, "errored": 1, "incomplete": 0, "total": 4},
            **metrics,
        },
        "requests": {
            "successful": [
                {
                    "request_start_time": float(second),
                    "request_latency": 1.5,
                    "time_to_first_token_ms": 80.0,
                    "prompt_tokens": 10,
                    "output_tokens": 5,
                }
                for second in (3, 1, 2)
            ],
            "errored": [{"request_start_time": 2.5}],
            "incomplete": [],
        },
    }


def test_guidellm_latency_is_seconds_and_its_first_token_is_no_gap(tmp_path: Path) -> None:
    (run,) = read(write(tmp_path / "benchmarks.json", {"benchmarks": [guidellm()]}))
    assert run.requests is not None
    assert run.requests.e2e[[0, 1, 3]].tolist() == [1500] * 3
    assert run.requests.failed.tolist() == [False, False, True, False]
    assert run.stated["e2e", "p50"] == pytest.approx(1400)
    assert run.stated["tpot", "mean"] == 20
    assert run.stated["error_rate", "value"] == 25
    assert run.config["rate"] == "4.0"


def test_statistics_of_details_are_exact(tmp_path: Path) -> None:
    (run,) = read(write(tmp_path / "r.json", vllm()))
    sample = sample_of(run, "ttft")
    assert sample is not None
    found = statistics(sample)
    assert found["p50"] == pytest.approx(run.stated["ttft", "p50"])
    assert found["p99"] == pytest.approx(run.stated["ttft", "p99"])
