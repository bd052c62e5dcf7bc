"""`dump.fx`: what it writes, that `compare` reads it, and that the model does not notice."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness import dump
from trueness.discover.torchair_fx import TorchairFx
from trueness.dump import files, fx_run, guard
from trueness.errors import TruenessError, UsageError
from trueness.model import STATISTICS_ONLY, State

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(guard, "_said", set())
    torch._dynamo.reset()
    with torch.no_grad():
        yield


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
        self.norm = torch.nn.LayerNorm(4)

    def forward(self, x):
        left, right = self.norm(self.linear(x)).split(2, -1)
        return torch.cat([left, right * 0.5], -1)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([Block(), Block()])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return {"out": x.softmax(-1)}


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return Model()


X = torch.linspace(-1, 1, 8).reshape(2, 4)
RANK = "worldsize1_global_rank0"


def names(folder: Path) -> set[str]:
    """Without their times."""
    return {".".join(p.name.split(".")[:-2]) for p in folder.iterdir()}


def test_layout_is_that_of_torchair(tmp_path: Path, model: torch.nn.Module) -> None:
    with dump.fx(model, tmp_path, strict=True) as run:
        for _ in range(2):
            found = run(X)
    assert torch.equal(found["out"], model(X)["out"])
    graph = tmp_path / RANK / "graph_1"
    assert sorted(p.name for p in graph.iterdir()) == ["0", "1", "graph.json"]
    assert names(graph / "0") == names(graph / "1")
    norm = "native_layer_norm-aten.native_layer_norm.default"
    assert names(graph / "0") >= {
        "addmm-aten.addmm.default.INPUT.2",
        "addmm-aten.addmm.default.OUTPUT.0",
        *(f"{norm}.INPUT.{i}" for i in range(5)),
        *(f"{norm}.OUTPUT.{i}" for i in range(3)),
        "cat-aten.cat.default.INPUT.0.0",
        "cat-aten.cat.default.INPUT.0.1",
        "cat-aten.cat.default.INPUT.1",
        "split-aten.split.Tensor.OUTPUT.1",
    }
    (number,) = (graph / "0").glob("mul-aten.mul.Tensor.INPUT.1.*.npy")
    assert len(number.name.split(".")[-2]) == 20
    assert np.load(number).dtype == np.float64 and np.load(number).item() == 0.5
    (shape,) = (graph / "0").glob(f"{norm}.INPUT.1.*.npy")
    assert np.load(shape).tolist() == [4] and np.load(shape).dtype == np.int64
    assert run.estimate >= sum(
        np.load(p).nbytes for p in (graph / "0").iterdir() if np.load(p).dtype == np.float32
    )


def test_two_runs_compare_equal_and_in_order(tmp_path: Path, model: torch.nn.Module) -> None:
    for side in ("golden", "my"):
        torch._dynamo.reset()
        with dump.fx(model, tmp_path / side, strict=True) as run:
            run(X)
    results = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my", standard="bitwise"))
    assert {result.passed for result in results} == {True}
    assert {result.pairing for result in results} == {"node"}
    order = [result.my.op_name.partition("-")[0] for result in results]
    assert list(dict.fromkeys(order))[:5] == ["t", "addmm", "native_layer_norm", "split", "mul"]
    scopes = {result.my.op_name.partition("-")[0]: result.my.scope for result in results}
    assert scopes["addmm_1"] == "layers.1.linear"
    assert scopes["split"] == "layers.0"


def test_graph_has_edges_and_the_arguments_they_feed(
    tmp_path: Path, model: torch.nn.Module
) -> None:
    with dump.fx(model, tmp_path, strict=True) as run:
        run(X)
    (graph,) = TorchairFx().discover(tmp_path, rank=None, token=None).graphs
    assert (graph.name, graph.number, graph.rank) == ("graph_1", 1, 0)
    split = "split-aten.split.Tensor"
    cat = graph.ops["cat-aten.cat.default"]
    assert cat.type == "aten.cat.default"
    assert (cat.inputs, cat.places) == ((f"{split}:0", "mul-aten.mul.Tensor:0"), ("0.0", "0.1"))
    assert graph.ops["mul-aten.mul.Tensor"].inputs == (f"{split}:1",)
    norm = graph.ops["native_layer_norm-aten.native_layer_norm.default"]
    assert norm.places == ("0", "2", "3")


@pytest.mark.parametrize("content", ["", "{}", '{"version": 2}', '{"version": 1, "nodes": [1]}'])
def test_a_damaged_graph_costs_only_itself(
    tmp_path: Path, model: torch.nn.Module, content: str
) -> None:
    with dump.fx(model, tmp_path, strict=True) as run:
        run(X)
    (tmp_path / RANK / "graph_1" / "graph.json").write_text(content)
    found = TorchairFx().discover(tmp_path, rank=None, token=None)
    assert found.tensors and not found.graphs
    assert "graph cannot be read" in found.leftover[0].reason


def test_bf16_keeps_its_type_and_every_bit(tmp_path: Path, model: torch.nn.Module) -> None:
    half = model.bfloat16()
    with dump.fx(half, tmp_path / "a", strict=True) as run:
        expected = run(X.bfloat16())["out"]
    (path,) = (tmp_path / "a" / RANK / "graph_1" / "0").glob("_softmax*.OUTPUT.0.*")
    (tensor,) = tn.open(path).tensors
    assert tensor.dtype == "bfloat16"
    assert tensor.raw() == expected.view(torch.uint8).numpy().tobytes()
    torch._dynamo.reset()
    with dump.fx(half, tmp_path / "b", widen=True, strict=True) as run:
        run(X.bfloat16())
    (path,) = (tmp_path / "b" / RANK / "graph_1" / "0").glob("_softmax*.OUTPUT.0.*")
    assert np.array_equal(np.load(path), expected.float().numpy())
    results = list(tn.compare_dumps(tmp_path / "a", tmp_path / "b", standard="bitwise"))
    assert {result.passed for result in results} == {True}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"layers": "layers.1"}, {"1": {"addmm_1", "t_1", "native_layer_norm_1"}}),
        ({"layers": ["*.norm"]}, {"0": {"native_layer_norm"}}),
        ({"layers": "aten.mul.*", "tokens": 1}, {"1": {"mul", "mul_1"}}),
        ({"tokens": [0], "inputs": False}, {"0": {"mul", "cat_1"}}),
    ],
)
def test_choosing(
    tmp_path: Path, model: torch.nn.Module, options: dict, expected: dict[str, set[str]]
) -> None:
    with dump.fx(model, tmp_path, strict=True, **options) as run:
        for _ in range(2):
            run(X)
    tokens = {p.name: names(p) for p in (tmp_path / RANK / "graph_1").iterdir() if p.is_dir()}
    tokens_wanted = {"0", "1"} if "tokens" not in options else set(expected)
    assert set(tokens) == tokens_wanted
    for token, nodes in expected.items():
        assert nodes <= {name.partition("-")[0] for name in tokens[token]}
        assert ("addmm" in {n.partition("-")[0] for n in tokens[token]}) == ("inputs" in options)
        assert options.get("inputs", True) == any(".INPUT." in name for name in tokens[token])


def test_statistics_in_place_of_values(tmp_path: Path, model: torch.nn.Module) -> None:
    for side, statistics in (("golden", False), ("my", True), ("other", True)):
        torch._dynamo.reset()
        with dump.fx(model, tmp_path / side, statistics=statistics, strict=True) as run:
            run(X * (1.5 if side == "other" else 1))
    results = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my"))
    compared = [result for result in results if result.state is State.OK]
    assert compared and all(r.passed and r.reason.startswith(STATISTICS_ONLY) for r in compared)
    assert {result.my_dtype for result in compared} >= {"float32", "int64"}
    assert {result.state for result in results} <= {State.OK, State.NOT_DUMPED}
    worse = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "other", op="addmm-*"))
    assert False in {result.passed for result in worse}
    nbytes = [
        sum(p.stat().st_size for p in (tmp_path / side).rglob("addmm-*"))
        for side in ("golden", "my")
    ]
    assert nbytes[1] < 2 * nbytes[0]


def test_the_check_sees_an_output_that_is_not_the_undumped_one(
    tmp_path: Path, model: torch.nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    with dump.fx(model, tmp_path / "same", check=True, strict=True) as run:
        run(X)
    assert run.unchanged is True

    class Drifts(torch.nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    with caplog.at_level(logging.WARNING), dump.fx(Drifts(), tmp_path / "b", check=True) as run:
        run(X)
    assert run.unchanged is False
    assert "not that of an undumped run" in caplog.text
    with pytest.raises(TruenessError, match="undumped"):
        dump.fx(Drifts(), tmp_path / "c", check=True, strict=True)(X)


def test_the_check_leaves_buffers_and_random_numbers_alone(tmp_path: Path) -> None:
    class Counts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = torch.nn.Buffer(torch.zeros(1))

        def forward(self, x):
            self.count.add_(1)
            return torch.nn.functional.dropout(x, 0.5) + self.count

    counting = Counts()
    with dump.fx(counting, tmp_path, check=True, strict=True) as run:
        torch.manual_seed(3)
        first = run(X)
    assert run.unchanged and counting.count.item() == 1
    torch.manual_seed(3)
    assert torch.equal(first, Counts()(X))


def test_a_full_disk_is_no_matter_of_the_model(
    tmp_path: Path,
    model: torch.nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(path: str, tensor: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_npy", full)
    with caplog.at_level(logging.WARNING), dump.fx(model, tmp_path / "a") as run:
        assert torch.equal(run(X)["out"], model(X)["out"])
    assert len([r for r in caplog.records if "No space" in r.getMessage()]) == 2
    torch._dynamo.reset()
    strict = dump.fx(model, tmp_path / "b", strict=True)
    strict(X)
    with pytest.raises(OSError, match="No space"):
        strict.close()


def test_nothing_is_begun_that_does_not_fit(
    tmp_path: Path,
    model: torch.nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    usage = type("usage", (), {"free": 100})
    monkeypatch.setattr(fx_run.shutil, "disk_usage", lambda path: usage)
    with caplog.at_level(logging.WARNING), dump.fx(model, tmp_path) as run:
        run(X)
    assert run.estimate > 100
    assert "nothing is dumped" in caplog.text
    assert not list(tmp_path.rglob("*.npy"))


def test_a_model_that_torch_compile_gives_up_on_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    eager = torch.compiler.set_stance("force_eager")
    with caplog.at_level(logging.WARNING), eager, dump.fx(lambda x: x + 1, tmp_path) as run:
        assert torch.equal(run(X), X + 1)
    assert "nothing was dumped" in caplog.text


def test_decorated_functions_and_methods(tmp_path: Path) -> None:
    @dump.fx(path=tmp_path / "function", strict=True)
    def double(x):
        """Twice."""
        return x * 2

    class Holder:
        factor = 3

        @dump.fx(path=tmp_path / "method", strict=True)
        def times(self, x):
            return x * self.factor

    assert torch.equal(double(X), X * 2) and double.__doc__ == "Twice."
    assert torch.equal(Holder().times(X), X * 3)
    double.dump.close()
    Holder.times.dump.close()
    for side in ("function", "method"):
        assert list((tmp_path / side).rglob("mul-aten.mul.Tensor.OUTPUT.0.*.npy"))


def test_an_exported_program(tmp_path: Path, model: torch.nn.Module) -> None:
    program = torch.export.export(model, (), {"x": X})
    with dump.fx(program, tmp_path, strict=True, check=True) as run:
        found = run(x=X)
    assert torch.equal(found["out"], model(X)["out"]) and run.unchanged
    dumped = TorchairFx().discover(tmp_path, rank=None, token=None)
    assert {ref.scope for ref in dumped.tensors} >= {"layers.0.linear", "layers.1.norm"}
    assert "softmax-aten.softmax.int" in dumped.graphs[0].ops


def test_training_dumps_the_backward_graph_too(tmp_path: Path, model: torch.nn.Module) -> None:
    with torch.enable_grad(), dump.fx(model, tmp_path, strict=True) as run:
        run(X)["out"].square().sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with torch.enable_grad():
        model(X)["out"].square().sum().backward()
    for gradient, parameter in zip(expected, model.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)
    assert {p.name for p in (tmp_path / RANK).iterdir()} == {"graph_1", "graph_2"}


def test_a_folder_in_use_and_wrong_options_are_refused(
    tmp_path: Path, model: torch.nn.Module
) -> None:
    (tmp_path / RANK / "graph_1").mkdir(parents=True)
    with pytest.raises(UsageError, match="not empty"):
        dump.fx(model, tmp_path)
    with pytest.raises(UsageError, match="model comes before"):
        dump.fx(str(tmp_path / "new"))
    with pytest.raises(UsageError, match="path is missing"):
        dump.fx(model)
    with pytest.raises(UsageError, match="nothing would be dumped"):
        dump.fx(model, tmp_path / "x", inputs=False, outputs=False)


KILLED = """
import os, signal, sys
import torch
from trueness import dump
from trueness.dump import files
torch.manual_seed(0)
write_npy, written = files.write_npy, []
def write(path, tensor):
    if len(written) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(path)
    write_npy(path, tensor)
files.write_npy = write
model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4))
with torch.no_grad(), dump.fx(model, sys.argv[1], strict=True) as run:
    run(torch.ones(2, 4))
"""


def test_a_killed_process_leaves_whole_files_and_compare_tells_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(0)
    script = tmp_path / "run.py"
    script.write_text(KILLED)
    ran = subprocess.run([sys.executable, str(script), str(tmp_path / "my")])
    assert ran.returncode == -signal.SIGKILL
    layers = torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4)
    with dump.fx(torch.nn.Sequential(*layers), tmp_path / "golden", strict=True) as run:
        run(torch.ones(2, 4))
    results = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my"))
    passed = [result for result in results if result.passed]
    missing = [result for result in results if result.state is State.NOT_DUMPED]
    assert len(passed) == 7 and len(missing) == len(results) - 7 > 5
    assert all("was not dumped" in result.reason for result in missing)
    content = json.loads((tmp_path / "my" / RANK / "graph_1" / "graph.json").read_text())
    assert content["version"] == 1
    assert not list((tmp_path / "my").rglob(".*"))
