"""GE dumps as written here, read as those of an NPU."""

import numpy as np
import pytest

from builders import ge
from trueness.dump.ge_bin import DTYPES, Operator, Tensor, write_operator
from trueness.read import open_file

NUMPY = {"F32": "f4", "F16": "f2", "F64": "f8", "BOOL": "?", "I8": "i1", "U16": "u2", "I64": "i8"}


@pytest.mark.parametrize("dtype", NUMPY)
def test_what_is_written_is_read(tmp_path, dtype):
    x = np.arange(6).reshape(2, 3).astype(NUMPY[dtype])
    scalar = np.array(1, NUMPY[dtype])
    given = [Tensor(dtype, x.shape, memoryview(x.reshape(-1).view("u1")))]
    made = [Tensor(dtype, (), scalar.tobytes()), Tensor(dtype, (0, 3), b"")]
    operator = Operator("/a/b.c d", "Add:1", 7, given, made)
    name = write_operator(str(tmp_path), operator, 1706596912161941)
    assert name == "Add_1._a_b_c_d.7.0.1706596912161941"
    file = open_file(tmp_path / name)
    assert file.kind == "ge_dump"
    assert not file.warnings
    first, second, third = file.tensors
    assert (first.io, second.io, third.index) == ("input", "output", 1)
    np.testing.assert_array_equal(first.numpy(), x)
    assert first.numpy().dtype == x.dtype
    assert second.numpy().shape == ()
    assert third.numpy().shape == (0, 3)


def test_numbers_of_types_are_those_of_npu_dumps():
    names = {"F": "float", "I": "int", "U": "uint"}
    for name, number in DTYPES.items():
        long = {"BOOL": "bool", "BF16": "bfloat16"}.get(name) or names[name[0]] + name[1:]
        assert ge.DTYPES[long] == number


def test_a_long_name_is_a_line_of_the_mapping(tmp_path):
    operator = Operator("n" * 300, "Add", 0, [], [Tensor("F32", (1,), bytes(4))])
    name = write_operator(str(tmp_path), operator, 1)
    assert (tmp_path / name).exists()
    assert f"{name},Add.{'n' * 300}.0.0.1\n" == (tmp_path / "mapping.csv").read_text()
