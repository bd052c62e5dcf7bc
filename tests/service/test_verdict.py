"""Verdicts and the intervals behind them: noise is not news, and news is not noise."""

import math

import numpy as np
import pytest

from builders.serving import Server, run_of, simulate
from trueness.service import interval
from trueness.service.catalogue import BY_KEY
from trueness.service.comparison import Comparison, compare_runs
from trueness.service.interval import Interval
from trueness.service.samples import Sample, service_samples, within
from trueness.service.verdict import judge

PAIRS = 16
PLAIN = Server()


def pair(number: int, server: Server = PLAIN, count: int = 600) -> Comparison:
    """The same requests, answered by a server twice, or by two servers."""
    golden = run_of(simulate(count, workload=number, noise=2 * number, rate=8.5))
    other = run_of(simulate(count, workload=number, noise=2 * number + 1, rate=8.5, server=server))
    return compare_runs([golden], [other], slo={"ttft": 500, "tpot": 60})


def test_runs_that_differ_only_by_noise_are_not_worse() -> None:
    verdicts = [found for n in range(PAIRS) for found, _ in pair(n).verdicts.values() if found]
    assert len(verdicts) > 150
    assert verdicts.count("worse") <= 0.05 * len(verdicts)
    assert verdicts.count("same") > 0.4 * len(verdicts)


def test_a_slower_decode_is_found_where_it_is() -> None:
    found = [pair(number, Server(decode=1.15)).verdicts for number in range(4)]
    assert [verdicts["decode_step"][0] for verdicts in found] == ["worse"] * 4
    assert [verdicts["itl"][0] for verdicts in found] == ["worse"] * 4
    assert all(verdicts["prefill_step"][0] != "worse" for verdicts in found)


def test_a_faster_prefill_is_better() -> None:
    found = pair(3, Server(prefill=0.7), 1500).verdicts
    assert found["prefill_step"][0] == "better"
    assert found["ttft"][0] == "better"


@pytest.mark.parametrize(
    ("key", "change", "low", "high", "verdict"),
    [
        ("ttft", 0.08, 0.06, 0.10, "worse"),
        ("ttft", -0.08, -0.10, -0.06, "better"),
        ("output_rate", 0.08, 0.06, 0.10, "better"),
        ("output_rate", -0.08, -0.10, -0.06, "worse"),
        ("ttft", 0.08, -0.01, 0.17, "unclear"),
        ("ttft", 0.03, 0.02, 0.04, "same"),
        ("ttft", 0.03, 0.00, 0.06, "unclear"),
        ("ttft", math.nan, 0.0, 1.0, "unclear"),
        ("input_tokens", 0.5, 0.4, 0.6, ""),
    ],
)
def test_verdict_needs_size_and_certainty(
    key: str, change: float, low: float, high: float, verdict: str
) -> None:
    found, reason = judge(BY_KEY[key], change, Interval(low, high), 0.05)
    assert found == verdict
    assert reason


def test_without_an_interval_nothing_is_sure() -> None:
    assert judge(BY_KEY["ttft"], 3.0, None, 0.05)[0] == "unclear"


def test_quantiles_of_student() -> None:
    """Tables of the 99.5 % quantile."""
    table = {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 7: 3.499, 14: 2.977, 63: 2.656}
    for degrees, value in table.items():
        assert interval.t_quantile(degrees) == pytest.approx(value, rel=5e-3)


def test_interval_of_runs_is_welch() -> None:
    """By hand: means 10 and 12, variances 1 and 4 of three runs each."""
    found = interval.of_runs([9, 10, 11], [10, 12, 14], relative=True)
    assert found is not None
    error, degrees = math.sqrt(1 / 3 + 4 / 3), (5 / 3) ** 2 / ((1 / 9 + 16 / 9) / 2)
    half = interval.t_quantile(degrees) * error / 10
    assert found.low == pytest.approx(0.2 - half)
    assert found.high == pytest.approx(0.2 + half)
    assert interval.of_runs([10], [12], relative=True) is None
    lonely = interval.of_runs([9, 10, 11], [12], relative=True)
    assert lonely is not None
    assert lonely.high - lonely.low == pytest.approx(2 * 9.925 * math.sqrt(1 + 1 / 3) / 10)


def test_interval_of_blocks_is_as_wide_as_independent_values_make_it() -> None:
    random = np.random.default_rng(7)
    samples = [Sample(random.normal(100, 10, 6400), np.arange(6400), 6400) for _ in range(2)]
    found = interval.of_blocks(*samples, ["mean"], relative=True, same_work=False)["mean"]
    error = math.sqrt(2 * 100 / 6400) / 100
    assert (found.high - found.low) / 2 == pytest.approx(2.66 * error, rel=0.25)


def test_quantiles_of_draws_follow_the_sample() -> None:
    """With one draw that takes each block once, a quantile is that of the sample."""
    random = np.random.default_rng(8)
    sample = Sample(random.lognormal(3, 1, 20_000), np.arange(20_000), 20_000)
    for statistic, share in (("p50", 50), ("p90", 90), ("p99", 99)):
        edges, _ = interval._edges(sample, sample, statistic)
        drawn = interval._drawn(sample, np.ones((1, 64)), statistic, edges)
        assert drawn[0] == pytest.approx(np.percentile(sample.values, share), rel=2e-3)


def test_extremes_have_no_interval() -> None:
    sample = Sample(np.arange(200.0), np.arange(200), 200)
    found = interval.of_blocks(
        sample, sample, ["mean", "p50", "p99"], relative=True, same_work=True
    )
    assert set(found) == {"mean", "p50"}
    few = Sample(np.arange(5.0), np.arange(5), 5)
    assert interval.of_blocks(few, few, ["mean"], relative=True, same_work=True) == {}


def test_goodput_counts_requests_that_keep_every_limit() -> None:
    run = run_of(simulate(300, rate=8))
    requests = run.requests
    assert requests is not None
    limit = float(np.median(requests.ttft))
    good = within(run, {"ttft": limit, "e2e": 1e9})
    assert good.sum() == (requests.ttft <= limit).sum() == 150
    duration = (requests.start + requests.e2e / 1e3).max() - requests.start.min()
    goodput = service_samples(run, {"ttft": limit})["goodput"]
    assert goodput.values.mean() == pytest.approx(150 / duration)
