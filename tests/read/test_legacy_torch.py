"""With torch at hand: files from before the zip format, dtypes that only torch can write, and
tensors that come straight from torch."""

from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness.cli.app import main
from trueness.errors import FormatError
from trueness.read import open_file

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

PT = Path(__file__).parents[1] / "data" / "pt"


def test_a_legacy_file_is_read():
    file = open_file(PT / "legacy.pt")
    assert file.kind == "torch_legacy"
    assert [tensor.name for tensor in file.tensors] == ["w"]
    np.testing.assert_array_equal(file.tensors[0].numpy(), np.ones((2, 2), np.float32))


def test_a_legacy_file_that_would_run_code_is_refused(tmp_path):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "hostile.pt"
    torch.save({"w": Hostile()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(FormatError, match="a file that torch can load"):
        open_file(path)
    assert not (tmp_path / "ran").exists()


def test_every_dtype_survives_conversion_to_pt(tmp_path):
    assert main(["convert", str(PT / "all_dtypes.pt"), "--to", "pt", "-o", str(tmp_path)]) == 0
    original = torch.load(PT / "all_dtypes.pt", weights_only=True)
    written = {path.name.split(".")[-2]: torch.load(path) for path in tmp_path.iterdir()}
    assert written.keys() == original.keys()
    for name, tensor in original.items():
        assert written[name].dtype == tensor.dtype, name
        assert written[name].shape == tensor.shape, name
        theirs, ours = (
            t.reshape(-1).contiguous().view(torch.uint8) for t in (tensor, written[name])
        )
        assert torch.equal(theirs, ours), name


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"])
def test_torch_tensors_are_compared_without_numpy(dtype):
    golden = torch.linspace(-3, 3, 1000)
    my = golden.to(getattr(torch, dtype))
    found = tn.compare(golden, my)
    distance = (my.double() - golden.double()).norm() / golden.double().norm()
    assert found.relative_euclidean_distance == pytest.approx(float(distance), rel=1e-12)
    assert found.passed


def test_strided_and_tracked_tensors_are_compared_in_logical_order():
    golden = torch.arange(12.0).reshape(3, 4).t()
    my = golden.clone().contiguous().requires_grad_()
    assert tn.compare(golden, my).max_absolute_error == 0
