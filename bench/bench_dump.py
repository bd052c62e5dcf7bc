"""What dumping costs: a few layers plainly, and dumped by every way, on one core. pytest-benchmark
prints wall times; `extra_info` has ratios to the plain run that other work on the machine does not
change: `model` of the time that the thread of the model computes, `process` with the writer's."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import cases
from trueness import dump

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROUNDS = 5
WIDTH = cases.scaled(512)
LAYERS = 4
Run = Callable[[Any], object]


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(WIDTH)
        self.up = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.down = torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Any) -> Any:
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))))


@pytest.fixture(scope="module")
def model() -> Any:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torch.nn.Sequential(*(Layer() for _ in range(LAYERS)))


def fx(model: Any, folder: Path, **options: Any) -> tuple[AbstractContextManager[Any], Run]:
    run = dump.fx(model, folder, **options)
    return run, run


def modules(model: Any, folder: Path, **options: Any) -> tuple[AbstractContextManager[Any], Run]:
    return dump.modules(model, folder, **options), model


def plain(model: Any, folder: Path) -> tuple[AbstractContextManager[Any], Run]:
    return nullcontext(), model


OUTPUTS = {"inputs": False}
WAYS = {
    "plain": (plain, {}),
    "fx": (fx, {}),
    "fx_outputs": (fx, OUTPUTS),
    "fx_statistics": (fx, {"statistics": True, **OUTPUTS}),
    "fx_nothing": (fx, {"tokens": ()}),
    "modules": (modules, {}),
    "modules_outputs": (modules, OUTPUTS),
    "modules_statistics": (modules, {"statistics": True, **OUTPUTS}),
}


def quickest(run: Run, x: Any, clock: Callable[[], float]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = clock()
        run(x)
        best = min(best, clock() - began)
    return best


@pytest.mark.parametrize("way", WAYS)
def bench_dump(benchmark: BenchmarkFixture, tmp_path: Path, model: Any, way: str) -> None:
    x = torch.randn(cases.scaled(256), WIDTH)
    begin, options = WAYS[way]
    torch._dynamo.reset()
    with torch.no_grad():
        context, run = begin(model, tmp_path, **options)
        undumped = quickest(model, x, time.thread_time)
        with context:
            run(x)
            benchmark.pedantic(run, (x,), rounds=1)
            own = quickest(run, x, time.thread_time)
            began = time.process_time()
            for _ in range(ROUNDS):
                run(x)
        total = (time.process_time() - began) / ROUNDS
    tokens = [path for path in tmp_path.rglob("2") if path.is_dir()]
    dumped = sum(file.stat().st_size for path in tokens for file in path.rglob("*.*"))
    benchmark.extra_info["model"] = round(own / undumped, 2)
    benchmark.extra_info["process"] = round(total / undumped, 2)
    benchmark.extra_info["MB_a_token"] = round(dumped / 1e6, 3)
