"""An exported torch program, run, measured and dumped."""

import numpy as np
import pytest

from trueness.cli.app import main
from trueness.dumps import compare_dumps

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture
def program(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(module, (torch.ones(2, 4),)), path)
    path.chmod(0o644)
    x = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "x.npy").chmod(0o644)
    with torch.no_grad():
        return path, tmp_path / "x.npy", module(torch.from_numpy(x)).numpy()


def test_results_and_dump_of_every_run(program, tmp_path):
    path, given, expected = program
    output = tmp_path / "out"
    arguments = ["--om-model", path, "-i", f"{given},{given}", "-o", output, "-od", "r"]
    options = ["--outfmt", "NPY", "--dump", 1, "--warmup-count", 2]
    assert main(["benchmark", *map(str, (*arguments, *options))]) == 0
    np.testing.assert_array_equal(np.load(output / "r" / "x_0.npy"), expected)
    (folder,) = (output / "dump").glob("*/0/net")
    results = compare_dumps(str(folder), str(folder))
    rows = list(results)
    assert {row.my.token for row in rows} == {0, 1}
    assert any(row.my.op_name.startswith("relu") for row in rows)
    assert results.summary().exit_code == 0


def test_a_profile_is_refused(program, tmp_path, capsys):
    path, *_ = program
    arguments = ["--om-model", str(path), "-o", str(tmp_path / "out"), "--profiler", "1"]
    assert main(["benchmark", *arguments]) == 2
    assert "torch has no --profiler: export the model to .onnx" in capsys.readouterr().err
