"""Arrays of every kind become tensors over the same memory."""

import array
import sys
import types
import weakref

import ml_dtypes
import numpy as np
import pytest

from trueness import _core
from trueness.errors import UsageError
from trueness.read.array import tensor_from_array


@pytest.mark.parametrize(
    ("obj", "dtype", "values"),
    [
        (3, "int64", 3),
        (2.5, "float64", 2.5),
        (True, "bool", True),
        (1 + 2j, "complex128", 1 + 2j),
        ([[1, 2.5]], "float64", [[1, 2.5]]),
        (np.float16(0.5), "float16", 0.5),
        (b"\x01\xff", "uint8", [1, 255]),
        (bytearray(b"\x02"), "uint8", [2]),
        (array.array("f", [1, 2]), "float32", [1, 2]),
        (array.array("q", [-1]), "int64", [-1]),
        (memoryview(b"\x01\0\x02\0").cast("H"), "uint16", [1, 2]),
        (memoryview(bytes(range(6)))[::-2], "uint8", [5, 3, 1]),
        (memoryview(bytes(range(6))).cast("B", (2, 3)), "uint8", [[0, 1, 2], [3, 4, 5]]),
        (np.zeros((0, 3), np.float32), "float32", []),
    ],
)
def test_kinds_of_arrays(obj, dtype, values):
    tensor = tensor_from_array(obj)
    assert tensor.dtype == dtype
    assert tensor.numpy().tolist() == values


def test_memory_is_shared_and_kept_alive():
    data = np.arange(1000, dtype=np.float32)
    tensor = tensor_from_array(data[::-3])
    data[999] = -1
    assert tensor.numpy()[0] == -1
    expected = data[::-3].copy()
    owner = weakref.ref(data)
    del data
    assert owner() is not None
    np.testing.assert_array_equal(tensor.numpy(), expected)
    del tensor
    assert owner() is None


def test_read_only_and_fortran_order():
    data = np.asfortranarray(np.arange(12, dtype=">f8").reshape(3, 4))
    data.flags.writeable = False
    np.testing.assert_array_equal(tensor_from_array(data).numpy(), data)


def test_a_tensor_stays_itself():
    tensor = tensor_from_array([1, 2])
    assert tensor_from_array(tensor) is tensor


@pytest.mark.parametrize(
    "name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "int4"]
)
def test_ml_dtypes(name):
    dtype = np.dtype(getattr(ml_dtypes, name))
    first = -8 if name == "int4" else 0
    data = np.arange(first, first + 16).astype(dtype).reshape(4, 4)
    for view in (data, data.T, data[::-1, ::2]):
        tensor = tensor_from_array(view)
        wide = np.int8 if name == "int4" else np.float32
        np.testing.assert_array_equal(tensor.numpy(), view.astype(wide))
    assert tensor.dtype == name.removesuffix("fnu")


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (None, "object"),
        ("text", "<U4"),
        ([[1], [1, 2]], "inhomogeneous"),
        (10**30, "object"),
        (np.zeros(2, object), "object"),
        (np.zeros(2, "M8[s]"), "datetime64"),
        (np.zeros(2, [("a", "f4")]), r"one of its fields \['a'\]"),
        (np.zeros(2, np.longdouble), "float128|longdouble"),
        (np.zeros(2, ml_dtypes.uint4), "uint4"),
        (np.ma.masked_array([1, 2], [0, 1]), "filled"),
    ],
)
def test_what_has_no_numbers_is_refused(obj, reason):
    with pytest.raises(UsageError, match=reason):
        tensor_from_array(obj)


class Exporter:
    """Something that speaks only DLPack."""

    def __init__(self, data: np.ndarray, device: int = 1) -> None:
        self.data = data
        self.device = device

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return (self.device, 0)


def test_dlpack():
    data = np.arange(6, dtype=np.int16).reshape(2, 3).T
    np.testing.assert_array_equal(tensor_from_array(Exporter(data)).numpy(), data)
    with pytest.raises(UsageError, match="copy it to the CPU"):
        tensor_from_array(Exporter(data, device=2))


class FakeTorchTensor:
    """The part of torch.Tensor that is looked at, over numpy memory."""

    def __init__(self, data: np.ndarray, dtype: str, **unusual: object) -> None:
        self.data = data
        self.dtype = f"torch.{dtype}"
        self.layout = unusual.get("layout", "torch.strided")
        self.device = types.SimpleNamespace(type=unusual.get("device", "cpu"))
        self.is_nested = False
        self.is_quantized = unusual.get("is_quantized", False)
        self.shape = data.shape
        self.calls: list[str] = []

    def detach(self):
        return self

    def resolve_conj(self):
        self.calls.append("conj")
        return self

    def resolve_neg(self):
        self.calls.append("neg")
        return self

    def element_size(self) -> int:
        return self.data.itemsize

    def stride(self) -> tuple[int, ...]:
        return tuple(s // self.data.itemsize for s in self.data.strides)

    def data_ptr(self) -> int:
        return self.data.ctypes.data


@pytest.fixture
def torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(Tensor=FakeTorchTensor))


def test_torch_tensors_by_address(torch):
    data = np.arange(12).astype(ml_dtypes.bfloat16).reshape(3, 4).T[1:]
    given = FakeTorchTensor(data, "bfloat16")
    tensor = tensor_from_array(given)
    np.testing.assert_array_equal(tensor.numpy(), data.astype(np.float32))
    assert given.calls == ["conj", "neg"]
    repeated = FakeTorchTensor(np.broadcast_to(np.float32(2), (3, 2)), "float32")
    assert tensor_from_array(repeated).numpy().tolist() == [[2, 2]] * 3


@pytest.mark.parametrize(
    ("unusual", "reason"),
    [
        ({"layout": "torch.sparse_coo"}, "to_dense"),
        ({"device": "npu"}, "cpu"),
        ({"is_quantized": True}, "dequantize"),
    ],
)
def test_torch_tensors_without_plain_memory(torch, unusual, reason):
    with pytest.raises(UsageError, match=reason):
        tensor_from_array(FakeTorchTensor(np.zeros(3, np.float32), "float32", **unusual))


def test_unknown_torch_types(torch):
    with pytest.raises(UsageError, match="float4_e2m1fn_x2"):
        tensor_from_array(FakeTorchTensor(np.zeros(3, np.uint8), "float4_e2m1fn_x2"))


def test_compared_without_a_copy():
    data = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    golden, my = tensor_from_array(data[::-1].T), tensor_from_array(data[::-1].T.copy())
    values = _core.compare(golden, my).finish()
    assert values["max_absolute_error"] == 0
    assert values["count"] == data.size
