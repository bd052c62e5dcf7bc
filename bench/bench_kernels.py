"""The kernel alone, for each dtype pair and metric set, beside the peers and a plain read."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import cases
import peers
from trueness import _core


@pytest.mark.parametrize("threads", cases.THREADS)
@pytest.mark.parametrize("read", peers.PLAIN_READS)
def bench_read(benchmark: BenchmarkFixture, tensors: cases.Tensors, read, threads: int) -> None:
    benchmark(peers.read_all, read, tensors.golden, tensors.my, threads)


@pytest.mark.parametrize("threads", cases.THREADS)
@pytest.mark.parametrize("metrics", cases.METRICS)
@pytest.mark.parametrize("dtypes", cases.DTYPE_PAIRS, ids="-".join)
def bench_compare(
    benchmark: BenchmarkFixture,
    tensors: cases.Tensors,
    dtypes: tuple[str, str],
    metrics: str,
    threads: int,
) -> None:
    golden, my = tensors.pair(*dtypes)
    benchmark(_core.compare, golden, my, threads=threads, metrics=cases.METRICS[metrics])


@pytest.mark.parametrize("isa", _core.isas())
def bench_isa(benchmark: BenchmarkFixture, tensors: cases.Tensors, isa: str) -> None:
    golden, my = tensors.pair("float32", "float32")
    before = _core.isa()
    _core.use_isa(isa)
    try:
        benchmark(_core.compare, golden, my, threads=1)
    finally:
        _core.use_isa(before)


def agrees(found: dict[str, float], tensors: cases.Tensors) -> bool:
    ours = _core.compare(*tensors.pair("float32", "float32")).finish()
    return {name: ours[name] for name in found} == pytest.approx(found, rel=1e-6, abs=1e-9)


def bench_numpy(benchmark: BenchmarkFixture, tensors: cases.Tensors) -> None:
    found = benchmark.pedantic(peers.numpy_metrics, (tensors.golden, tensors.my))
    assert agrees(found, tensors)


@pytest.mark.skipif(peers.torch is None, reason="torch is not installed")
def bench_torch(benchmark: BenchmarkFixture, tensors: cases.Tensors) -> None:
    sides = [peers.torch.from_numpy(side) for side in (tensors.golden, tensors.my)]
    found = benchmark.pedantic(peers.torch_metrics, sides)
    assert agrees(found, tensors)
