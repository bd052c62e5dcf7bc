"""Models on disk, and the command as a user calls it."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from builders.onnx_models import cnn, encoder
from trueness.cli.app import main


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx.save(cnn(), folder / "cnn.onnx")
    onnx.save(encoder(tokens="tokens"), folder / "encoder.onnx")
    batch = cnn()
    batch.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    batch.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(batch, folder / "batch2.onnx")
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def images(tmp_path) -> list[str]:
    """Names that are equal up to their first dot."""
    random = np.random.default_rng(9)
    paths = [tmp_path / f"s.{i}.npy" for i in range(5)]
    for path in paths:
        np.save(path, random.standard_normal((1, 3, 16, 16)).astype(np.float32))
        path.chmod(0o644)
    return [str(path) for path in paths]


class Bench:
    """`bench(...)` gives the exit code; `summary` the one summary file of the last output."""

    def __init__(self, output: Path) -> None:
        self.output = output

    def __call__(self, model: Path, *arguments: object) -> int:
        return main(["benchmark", "--om-model", str(model), *map(str, arguments)])

    @property
    def summary(self) -> dict:
        (path,) = self.output.glob("*_summary.json")
        return json.loads(path.read_text())

    def files(self, pattern: str = "*") -> list[str]:
        found = (path.relative_to(self.output) for path in self.output.rglob(pattern))
        return sorted(str(path) for path in found if (self.output / path).is_file())


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path / "out")
