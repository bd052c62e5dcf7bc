"""What a wheel must do wherever it is installed: quick, and with no data beside it."""

from importlib.metadata import version
from pathlib import Path

import numpy as np

import trueness as tn
from trueness import _core


def test_the_core_is_compiled_for_this_machine() -> None:
    assert _core.isa() in _core.isas()
    assert _core.build_info()["isa"] == _core.isa()
    assert version("trueness").count(".") >= 2


def test_two_arrays() -> None:
    golden = np.linspace(-1, 1, 1001, dtype=np.float32)
    assert tn.compare(golden, golden).cosine_similarity == 1.0
    comparison = tn.compare(golden, golden + np.float32(0.5))
    assert comparison.state is tn.State.OK
    assert abs(comparison.max_absolute_error - 0.5) < 1e-6


def test_a_file(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    path = tmp_path / "array.npy"
    np.save(path, array)
    file = tn.open(path)
    assert file.kind == "npy"
    np.testing.assert_array_equal(file.tensors[0].numpy(), array, strict=True)
