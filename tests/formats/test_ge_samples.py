"""GE and nano dumps of an independent generator: every tensor equals what it says, bit for bit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trueness import _core
from trueness.errors import FormatError

DATA = Path(__file__).parents[1] / "data" / "ge"
INDEX = json.loads((DATA / "index.json").read_text())["files"]
VALID = [entry for entry in INDEX if entry["kind"] == "valid"]
TENSORS = [(entry["file"], tensor) for entry in VALID for tensor in entry["tensors"]]

NOT_DUMPED = {("Null.null_address", "input", 0)}
NO_VALUES = {"uint2": 1, "string": 16, "float4_e2m1": 2, "hifloat4": 2}
STORED_ORDER = ["conv_5hd_orig3d", "fmt_fractal_z_3d", "nz_bad_original", "conv_5hd_rank4"]


def find(path: str, io: str, index: int) -> _core.Tensor:
    file = _core.open_file(str(DATA / path))
    (found,) = [t for t in file.tensors if t.io == io and t.index == index]
    return found


def same_bits(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """NaNs need only be in the same places: the eight-bit floats have none with a payload."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype == np.float32:
        nan = np.isnan(a)
        same = np.where(nan, 0, a).tobytes() == np.where(nan, 0, b).tobytes()
        return same and np.array_equal(nan, np.isnan(b))
    return a.tobytes() == b.tobytes()


def named(case: tuple[str, dict[str, Any]]) -> str:
    path, tensor = case
    return f"{Path(path).name.split('.1706')[0]}-{tensor['io']}{tensor['index']}"


@pytest.mark.parametrize("case", [c for c in TENSORS if "spec_logical" in c[1]], ids=named)
def test_values_equal_the_oracle(case: tuple[str, dict[str, Any]]) -> None:
    path, expected = case
    tensor = find(path, expected["io"], expected["index"])
    if any(path.startswith(f"valid/{name}") and tensor.io == io for name, io, _ in NOT_DUMPED):
        assert not tensor.dumped
        assert not tensor.readable
        with pytest.raises(FormatError, match="device address is null"):
            tensor.numpy()
        return
    logical = np.load(DATA / expected["spec_logical"])
    assert tensor.logical_shape == logical.shape
    assert same_bits(tensor.numpy(), logical)


@pytest.mark.parametrize("case", TENSORS, ids=named)
def test_header_facts_and_raw_bytes(case: tuple[str, dict[str, Any]]) -> None:
    path, expected = case
    tensor = find(path, expected["io"], expected["index"])
    nano = path.startswith("valid/ConcatV2D")
    assert tensor.format == ("ND" if nano else expected["format"])
    assert tensor.shape == tuple(expected["shape"])
    original = expected["original_shape"]
    assert tensor.original_shape == (None if original is None else tuple(original))
    if not nano:
        assert tensor.dtype_code == expected["dtype_id"]
    if tensor.dumped:
        assert tensor.nbytes == expected["size"]
        content = (DATA / path).read_bytes()
        assert tensor.raw() == content[tensor.offset : tensor.offset + tensor.nbytes]


@pytest.mark.parametrize("case", [c for c in TENSORS if "spec_decoded" in c[1]], ids=named)
def test_stored_order_equals_the_oracle(case: tuple[str, dict[str, Any]]) -> None:
    path, expected = case
    tensor = find(path, expected["io"], expected["index"])
    if not tensor.dumped:
        return
    decoded = np.load(DATA / expected["spec_decoded"])
    stored = _core.Tensor.from_file(
        str(DATA / path), offset=tensor.offset, dtype=tensor.dtype, shape=decoded.shape
    )
    assert same_bits(stored.numpy(), decoded)


@pytest.mark.parametrize("dtype", NO_VALUES)
def test_a_type_without_a_decoding_keeps_its_bytes_and_its_neighbour(dtype: str) -> None:
    (path,) = (DATA / "valid").glob(f"Dt.{dtype}.*")
    *others, tensor = _core.open_file(str(path)).tensors
    assert tensor.dtype == dtype
    assert tensor.problem is not None and "cannot be decoded" in tensor.problem
    assert len(tensor.raw()) == NO_VALUES[dtype]
    with pytest.raises(FormatError, match=dtype):
        tensor.numpy()
    assert all(other.problem is None and other.numpy().size for other in others)


def test_a_quantised_type_is_an_integer_under_its_own_name() -> None:
    (path,) = (DATA / "valid").glob("Dt.qint8.*")
    tensor = _core.open_file(str(path)).tensors[1]
    assert (tensor.dtype, tensor.problem) == ("qint8", None)
    assert tensor.numpy().dtype == np.int8
    assert tensor.numpy().tobytes() == tensor.raw()


@pytest.mark.parametrize("name", STORED_ORDER)
def test_shapes_that_do_not_belong_together_are_flagged(name: str) -> None:
    (path,) = (DATA / "valid").glob(f"*.{name}.*")
    (tensor,) = _core.open_file(str(path)).tensors
    assert tensor.readable
    assert tensor.problem is not None and "stored order kept" in tensor.problem
    assert tensor.logical_shape == tensor.shape


def test_nothing_else_is_flagged() -> None:
    flagged = {*STORED_ORDER, *NO_VALUES, "null_address"}
    for entry in VALID:
        if not any(f".{name}." in entry["file"] for name in flagged):
            problems = [t.problem for t in _core.open_file(str(DATA / entry["file"])).tensors]
            assert problems == [None] * len(problems), entry["file"]


def test_only_odd_files_have_warnings() -> None:
    warned = {
        entry["file"].split("/")[1].split(".17")[0]: warnings
        for entry in VALID
        if (warnings := _core.open_file(str(DATA / entry["file"])).warnings)
    }
    assert set(warned) == {
        "Trail.trailing_bytes.9.6",
        "Relu.p0_sgt_graph_0_relu.3.9",
    }
    (trailing,) = warned["Trail.trailing_bytes.9.6"]
    assert trailing.startswith("byte 66: 7 bytes left over")


def test_attributes_of_the_operator() -> None:
    (path,) = (DATA / "valid").glob("Meta.dim_range_origop.*")
    attributes = _core.open_file(str(path)).attributes
    assert attributes["version"] == "2.0"
    assert attributes["dump_time"] == "1706596912161941"
    assert {name for name in attributes if name.startswith("output[0].")} >= {
        "output[0].dim_range",
        "output[0].original_format",
        "output[0].offset",
    }
    assert attributes["dfx_message"]
