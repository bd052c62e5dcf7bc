"""`dump.modules`: what hooks write, and that `compare` reads it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import trueness as tn
from trueness import dump
from trueness.dump import files, guard
from trueness.errors import UsageError
from trueness.model import STATISTICS_ONLY

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(guard, "_said", set())
    with torch.no_grad():
        yield


class Gate(torch.nn.Module):
    def forward(self, x, scale=1.0, *, shift):
        return {"values": x * scale, "parts": (x + shift, [x - shift])}


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)])
        self.gate = Gate()
        self.act = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.act(self.gate(x, 2.0, shift=torch.ones(3))["values"])


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return Model()


X = torch.linspace(-1, 1, 6).reshape(2, 3)


def card(root: Path) -> Path:
    (found,) = (root / "torch_tensors").glob("cpu_*")
    return found


def test_layout_tree_and_content(tmp_path: Path, model: torch.nn.Module) -> None:
    with dump.modules(model, tmp_path, strict=True):
        for _ in range(2):
            found = model(X)
    folder = card(tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == ["0", "1", "model_tree.json"]
    written = {str(p.relative_to(folder / "1")) for p in (folder / "1").rglob("*.pth")}
    gate = ["input_0", "input_1", "input_2", "output_0", "output_1_0", "output_1_1_0"]
    assert written == {
        *(f"root.{name}/input_0.pth" for name in ("layers.0", "layers.1", "act")),
        *(f"root.{name}/output.pth" for name in ("layers.0", "layers.1", "act")),
        *(f"root.gate/{name}.pth" for name in gate),
        "root/input_0.pth",
        "root/output.pth",
    }
    assert torch.equal(torch.load(folder / "1" / "root" / "output.pth"), found)
    tree = json.loads((folder / "model_tree.json").read_text())
    assert (tree["name"], tree["type"]) == ("root", "Model")
    assert [child["name"] for child in tree["children"]] == ["root.layers", "root.gate", "root.act"]
    # What went into a module that works in place is what was there before it.
    before = torch.load(folder / "1" / "root.act" / "input_0.pth")
    assert (before < 0).any() and torch.equal(before.relu(), found)


def test_two_runs_are_compared_module_by_module(tmp_path: Path, model: torch.nn.Module) -> None:
    for side in ("golden", "my"):
        with dump.modules(model, tmp_path / side, strict=True):
            model(X)
        model.layers[1].bias.data += 1
    results = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my"))
    failed = {f"{r.my.op_name} {r.my.io}" for r in results if r.my and r.passed is False}
    assert "root.layers.1 output" in failed and "root output" in failed
    assert not failed & {"root.layers.1 input", "root.layers.0 output", "root input"}
    assert {result.my.op_type for result in results if result.my} >= {"Linear", "Gate", "Model"}


def test_choosing_and_statistics(tmp_path: Path, model: torch.nn.Module) -> None:
    chosen = {"layers": "layers", "tokens": [1], "inputs": False}
    for side, statistics in (("golden", False), ("my", True)):
        with dump.modules(model, tmp_path / side, statistics=statistics, strict=True, **chosen):
            for _ in range(3):
                model(X)
    results = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my"))
    rows = [(r.my.op_name, r.my.io, r.my.token, r.passed) for r in results if r.my]
    assert rows == [(f"root.layers.{n}", "output", 1, True) for n in range(2)]
    assert all(result.reason.startswith(STATISTICS_ONLY) for result in results)


def test_nothing_is_written_for_an_estimate(tmp_path: Path, model: torch.nn.Module) -> None:
    dumper = dump.modules(model, tmp_path, layers="layers.*", strict=True)
    assert dumper.estimate(X) == 2 * 2 * X.nbytes
    assert not list(tmp_path.iterdir())


def test_as_a_decorator_and_without_a_trace_afterwards(
    tmp_path: Path, model: torch.nn.Module
) -> None:
    @dump.modules(model, tmp_path, strict=True)
    def generate() -> None:
        model(X)

    generate()
    generate()
    model(X)
    assert sorted(p.name for p in card(tmp_path).iterdir()) == ["0", "1", "model_tree.json"]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_failed_write_is_no_matter_of_the_model(
    tmp_path: Path,
    model: torch.nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(path: str, tensor: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_pth", full)
    with caplog.at_level(logging.WARNING), dump.modules(model, tmp_path / "a"):
        model(X)
    assert "No space" in caplog.text
    with pytest.raises(OSError, match="No space"), dump.modules(model, tmp_path / "b", strict=True):
        model(X)


def test_a_module_that_runs_twice_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shared = torch.nn.Linear(3, 3)
    model = torch.nn.Sequential(shared, shared)
    with caplog.at_level(logging.WARNING), dump.modules(model, tmp_path):
        model(X)
    assert "ran twice" in caplog.text


def test_what_cannot_be_dumped_is_refused(tmp_path: Path, model: torch.nn.Module) -> None:
    with pytest.raises(UsageError, match="no torch module"):
        dump.modules(lambda x: x, tmp_path)
    with dump.modules(model, tmp_path):
        model(X)
    with pytest.raises(UsageError, match="already"):
        dump.modules(model, tmp_path)
