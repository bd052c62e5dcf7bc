"""The line of statistics, against numbers counted by hand and by the core."""

from pathlib import Path

import pytest

import trueness as tn
from trueness.dump import tensor_statistics
from trueness.model import Statistics
from trueness.read.min_max import read_cann_csv

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
INF, NAN = float("inf"), float("nan")


def read(folder: Path, tensor: object) -> Statistics:
    path = folder / "x.csv"
    path.write_text(tensor_statistics.statistics_csv(tensor, "output", 3))
    return read_cann_csv(str(path))["output", 3]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("chunk", [7, 1 << 15])
def test_as_the_core_computes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, chunk: int
) -> None:
    monkeypatch.setattr(tensor_statistics, "CPU_CHUNK", chunk)
    torch.manual_seed(1)
    tensor = (torch.randn(5, 11) * 100).to(getattr(torch, dtype)).t()
    found, own = read(tmp_path, tensor), tn.compare(tensor.contiguous(), tensor.contiguous())
    for name in ("max_value", "min_value", "mean_value", "l2norm"):
        assert getattr(found, name) == pytest.approx(getattr(own, f"my_{name}"), rel=1e-12)
    assert (found.dtype, found.shape) == (dtype, (11, 5))
    assert (found.nan_count, found.inf_count) == (0, 0)


def test_nan_and_infinities_are_counted_and_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, torch.tensor([[1.0, NAN, -3.0], [INF, -INF, NAN]]))
    assert (found.max_value, found.min_value, found.mean_value) == (1.0, -3.0, -1.0)
    assert found.l2norm == pytest.approx(10**0.5)
    assert (found.nan_count, found.inf_count, found.shape) == (2, 2, (2, 3))


def test_what_has_no_finite_element(tmp_path: Path) -> None:
    found = read(tmp_path, torch.tensor([NAN, INF]))
    assert (found.max_value, found.nan_count, found.inf_count) == (None, 1, 1)
    empty = read(tmp_path, torch.zeros(0, 3))
    assert (empty.max_value, empty.nan_count, empty.shape) == (None, None, (0, 3))
    assert read(tmp_path, torch.tensor([1 + 1j])).max_value is None


def test_integers_bools_and_single_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, torch.tensor([-5, 7], dtype=torch.int8))
    assert (found.max_value, found.min_value, found.dtype) == (7, -5, "int8")
    assert read(tmp_path, torch.tensor([True, False])).mean_value == 0.5
    assert read(tmp_path, torch.tensor(2.5)).shape == ()
