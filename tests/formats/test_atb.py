"""ATB `.bin` through the core: the samples beside their `.npy` twins, and files made by hand."""

from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness import _core
from trueness.errors import FormatError

DATA = Path(__file__).parent.parent / "data" / "atb"

# code, our name
DTYPES = [
    (0, "float32"),
    (1, "float16"),
    (2, "int8"),
    (3, "int32"),
    (4, "uint8"),
    (6, "int16"),
    (7, "uint16"),
    (8, "uint32"),
    (9, "int64"),
    (10, "uint64"),
    (11, "float64"),
    (12, "bool"),
    (16, "complex64"),
    (17, "complex128"),
]


def record(
    payload: bytes = b"",
    *,
    dtype: int | None = 0,
    dims: str | None = "2",
    layout: int = 2,
    extra: str = "",
    length: int | None = None,
    data: str | None = None,
) -> bytes:
    """As ATB writes one. `data`: the $Object.data line, as it is by default."""
    length = len(payload) if length is None else length
    lines = ["$Version=1.0", "$Object.Count=1", f"$Object.Length={length}", f"format={layout}"]
    lines += [] if dtype is None else [f"dtype={dtype}"]
    lines += [] if dims is None else [f"dims={dims}"]
    lines += [extra] if extra else []
    lines += [f"$Object.data={data}" if data else f"$Object.data=0,{length}"]
    return ("\n".join([*lines, "$End=1"]) + "\n").encode("latin1") + payload


def link(target: str, *, dtype: int = 0, dims: str = "2") -> bytes:
    return record(dtype=dtype, dims=dims, extra=f"data={target}")


FLOATS = np.array([1.5, -2.0], "<f4")
ONE = record(FLOATS.tobytes())


def open_bytes(folder: Path, content: bytes, name: str = "tensor.bin") -> _core.File:
    path = folder / name
    path.write_bytes(content)
    return _core.open_file(str(path))


def test_the_samples_hold_what_their_twins_hold() -> None:
    # The twins of attn and ffn are the golden side: apart by as much as msit's log says.
    for name, apart in [("hidden", 0.0), ("ids", 0.0), ("attn", 0.02421), ("ffn", 0.00254)]:
        file = _core.open_file(str(DATA / f"{name}.bin"))
        (tensor,) = file.tensors
        twin = np.load(DATA / f"{name}.npy").astype("f4")
        assert file.kind == "atb"
        assert file.attributes == {"version": "1.0"}
        assert file.warnings == []
        assert tensor.problem is None
        assert tensor.format == "ND"
        np.testing.assert_allclose(tensor.numpy().astype("f4"), twin, rtol=0, atol=apart)


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("hidden", "float16", (2, 8)),
        ("ffn", "bfloat16", (3, 4)),
        ("flat", "float32", (3, 4)),
        ("i32", "int32", (3,)),
        ("ids", "int64", (2, 3)),
        ("mask", "bool", (2, 2)),
        ("quant", "int8", (4, 4)),
        ("odd_code", "uint8", (2, 2)),
        ("odd_zero", "float32", (0, 4)),
    ],
)
def test_what_the_samples_say(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    (tensor,) = _core.open_file(str(DATA / f"{name}.bin")).tensors
    assert (tensor.dtype, tensor.shape, tensor.problem) == (dtype, shape, None)
    assert tensor.numpy().shape == shape


def test_a_value_with_an_equals_sign_is_no_reason_to_refuse() -> None:
    file = _core.open_file(str(DATA / "odd_eq.bin"))
    assert file.tensors[0].problem is None
    np.testing.assert_array_equal(
        file.tensors[0].numpy(), _core.open_file(str(DATA / "attn.bin")).tensors[0].numpy()
    )
    assert file.warnings == ["byte 0: header line 'note=a=b' not known"]


def test_a_dtype_line_without_dims_is_a_scalar() -> None:
    (tensor,) = _core.open_file(str(DATA / "odd_nodims.bin")).tensors
    assert tensor.problem == "no dims: taken as a scalar"
    assert tensor.numpy().shape == ()


def test_a_second_dump_to_the_same_name_is_the_tensor() -> None:
    file = _core.open_file(str(DATA / "odd_twice.bin"))
    older, newest = file.tensors
    assert older.name == "record 0 (older)"
    assert newest.name == ""
    assert (older.index, newest.index) == (0, 1)
    assert newest.offset > older.offset
    assert newest.numpy().shape == (2, 8)
    assert newest.problem == "newest of 2 records in its file"
    assert file.warnings == [
        "byte 0: 2 records, appended by as many dumps; the newest is the tensor"
    ]
    (row,) = tn.compare_files(DATA / "hidden.npy", DATA / "odd_twice.bin")
    assert row.my_shape == (2, 8)
    assert "my: newest of 2 records in its file" in row.reason


def test_records_may_differ(tmp_path: Path) -> None:
    content = ONE + record(b"\x07", dtype=4, dims="1") + link("gone.bin") + record(b"", dims="0")
    tensors = open_bytes(tmp_path, content).tensors
    assert [t.dtype for t in tensors] == ["float32", "uint8", "float32", "float32"]
    assert [t.readable for t in tensors] == [True, True, False, True]
    np.testing.assert_array_equal(tensors[0].numpy(), FLOATS)
    assert tensors[1].numpy().tolist() == [7]
    assert tensors[1].problem is None


def test_a_broken_newest_record_does_not_hide_the_others(tmp_path: Path) -> None:
    older, newest = open_bytes(tmp_path, ONE + ONE[:-1]).tensors
    np.testing.assert_array_equal(older.numpy(), FLOATS)
    assert not newest.readable
    assert newest.problem is not None
    assert "the newest record is broken" in newest.problem
    assert "expected 8 bytes of payload, found 7" in newest.problem
    with pytest.raises(FormatError, match="newest record is broken"):
        newest.numpy()


def test_a_link_takes_the_bytes_of_the_file_it_names() -> None:
    file = _core.open_file(str(DATA / "odd_link.bin"))
    (tensor,) = file.tensors
    (target,) = _core.open_file(str(DATA / "hidden.bin")).tensors
    assert tensor.problem is None
    assert tensor.shape == target.shape
    np.testing.assert_array_equal(tensor.numpy(), target.numpy())


def test_links_lead_over_links_to_the_newest_record(tmp_path: Path) -> None:
    (tmp_path / "real.bin").write_bytes(record(bytes(8)) + ONE)
    (tmp_path / "middle.bin").write_bytes(record(bytes(8)) + link("real.bin"))
    (tensor,) = open_bytes(tmp_path, link("middle.bin")).tensors
    assert tensor.problem is None
    np.testing.assert_array_equal(tensor.numpy(), FLOATS)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("gone.bin", "'gone.bin', which cannot be read: .*No such file"),
        ("../tensor.bin", "not the name of a file in the same folder"),
        ("/etc/hostname", "not the name of a file in the same folder"),
        ("a\\b", "not the name of a file in the same folder"),
        ("a\0b", "not the name of a file in the same folder"),
        ("..", "not the name of a file in the same folder"),
        (".", "not the name of a file in the same folder"),
        ("folder", "which cannot be read: .*a directory"),
        ("tensor.bin", "leads back to itself"),
        ("back.bin", "leads back to itself"),
        ("chain0.bin", "too many links"),
        ("other.bin", r"which holds float16 \[2\]"),
        ("shape.bin", r"which holds float32 \[1,2\]"),
        ("text.bin", "which is no ATB file"),
        ("cut.bin", "which cannot be read: .*8 bytes of payload, found 7"),
        ("cut_newest.bin", "whose newest record is broken"),
    ],
)
def test_links_that_lead_nowhere(tmp_path: Path, target: str, problem: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "back.bin").write_bytes(link("tensor.bin"))
    for i in range(20):
        (tmp_path / f"chain{i}.bin").write_bytes(link(f"chain{i + 1}.bin"))
    (tmp_path / "other.bin").write_bytes(record(bytes(4), dtype=1))
    (tmp_path / "shape.bin").write_bytes(record(bytes(8), dims="1,2"))
    (tmp_path / "text.bin").write_bytes(b"hello")
    (tmp_path / "cut.bin").write_bytes(ONE[:-1])
    (tmp_path / "cut_newest.bin").write_bytes(ONE + ONE[:-1])
    (tensor,) = open_bytes(tmp_path, link(target)).tensors
    assert not tensor.readable
    assert tensor.dumped
    assert (tensor.dtype, tensor.shape) == ("float32", (2,))
    with pytest.raises(FormatError, match=problem):
        tensor.numpy()
    with pytest.raises(FormatError, match=problem):
        tensor.raw()


@pytest.mark.parametrize(("code", "name"), DTYPES)
def test_every_dtype(tmp_path: Path, code: int, name: str) -> None:
    array = np.arange(6).astype(name).reshape(2, 3)
    (tensor,) = open_bytes(tmp_path, record(array.tobytes(), dtype=code, dims="2,3")).tensors
    assert tensor.dtype == name
    assert tensor.dtype_code == code
    np.testing.assert_array_equal(tensor.numpy(), array, strict=True)


@pytest.mark.parametrize(
    ("code", "name"), [(-1, "undefined"), (13, "string"), (5, "unknown(5)"), (999, "unknown(999)")]
)
def test_dtypes_that_cannot_be_decoded_keep_their_bytes(
    tmp_path: Path, code: int, name: str
) -> None:
    (tensor,) = open_bytes(tmp_path, record(b"abcd", dtype=code, dims="2")).tensors
    assert tensor.dtype == name
    assert tensor.problem == f"elements of dtype {name} cannot be decoded"
    assert tensor.raw() == b"abcd"
    with pytest.raises(FormatError, match="cannot be decoded"):
        tensor.numpy()


def test_a_missing_dtype_is_float32_and_said_so(tmp_path: Path) -> None:
    (tensor,) = open_bytes(tmp_path, record(FLOATS.tobytes(), dtype=None)).tensors
    np.testing.assert_array_equal(tensor.numpy(), FLOATS)
    assert tensor.problem == "no dtype: taken as float32, as ATB does"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (3, "NC1HWC0"),
        (4, "FRACTAL_Z"),
        (12, "NC1HWC0_C04"),
        (29, "FRACTAL_NZ"),
        (32, "NDC1HWC0"),
        (33, "FRACTAL_Z_3D"),
    ],
)
def test_private_layouts_stay_in_device_order(tmp_path: Path, code: int, name: str) -> None:
    (tensor,) = open_bytes(tmp_path, record(FLOATS.tobytes(), layout=code)).tensors
    assert tensor.format == name
    assert tensor.readable
    assert tensor.problem is not None
    assert f"device order of {name}" in tensor.problem
    np.testing.assert_array_equal(tensor.numpy(), FLOATS)


@pytest.mark.parametrize(("code", "name"), [(0, "NCHW"), (30, "NCDHW"), (77, "unknown(77)")])
def test_other_layouts_are_only_named(tmp_path: Path, code: int, name: str) -> None:
    (tensor,) = open_bytes(tmp_path, record(FLOATS.tobytes(), layout=code)).tensors
    assert (tensor.format, tensor.problem) == (name, None)


def test_the_short_header_of_other_writers(tmp_path: Path) -> None:
    content = b"dtype=0\ndims=2\n$End=1\n" + FLOATS.tobytes()
    file = open_bytes(tmp_path, content)
    np.testing.assert_array_equal(file.tensors[0].numpy(), FLOATS)
    assert file.warnings == []
    assert open_bytes(tmp_path, content + b"xyz").warnings == [
        f"byte {len(content)}: 3 bytes behind the last record"
    ]
    assert len(open_bytes(tmp_path, content + ONE).tensors) == 2
    with pytest.raises(FormatError, match="8 bytes of payload, found 7"):
        open_bytes(tmp_path, content[:-1])


def test_statistics_are_attributes(tmp_path: Path) -> None:
    file = open_bytes(tmp_path, b"dims=2,3\nmax=1.5\nMin=-2\nmean=nan\nL2Norm=7e3\n$End=1\n")
    assert file.kind == "atb_statistics"
    assert file.tensors == []
    assert file.attributes == {"max": "1.5", "min": "-2", "mean": "nan", "l2norm": "7e3"}


@pytest.mark.parametrize(
    ("content", "readable", "problem"),
    [
        (record(bytes(7)), False, "dims and dtype need 8 bytes, the payload has 7"),
        (record(bytes(9)), True, "the payload has 1 bytes more than dims and dtype need"),
        (record(b""), False, "no payload was written"),
        (record(bytes(8), data="4,8"), False, "lies outside the payload of 8 bytes"),
        (record(bytes(8), data=f"{2**64 - 1},8"), False, "lies outside the payload"),
        (record(bytes(8), dims=None), False, "dims and dtype need 4 bytes, the payload has 8"),
        (record(bytes(8), dims=""), False, "dims and dtype need 4 bytes, the payload has 8"),
    ],
)
def test_what_is_wrong_with_one_tensor(
    tmp_path: Path, content: bytes, readable: bool, problem: str
) -> None:
    (tensor,) = open_bytes(tmp_path, content).tensors
    assert tensor.readable == readable
    assert tensor.problem is not None
    assert problem in tensor.problem


def test_the_object_line_says_where_in_the_payload(tmp_path: Path) -> None:
    content = record(b"xxxx" + FLOATS.tobytes(), data="4,8")
    (tensor,) = open_bytes(tmp_path, content).tensors
    np.testing.assert_array_equal(tensor.numpy(), FLOATS)


@pytest.mark.parametrize(
    ("content", "offset", "message"),
    [
        (record(bytes(8), dims="2,-1"), None, "integers from 0 to 2.63 - 1 as dims.*'2,-1'"),
        (record(bytes(8), dims="2,"), None, "as dims.*'2,'"),
        (record(bytes(8), dims="2;2"), None, "as dims"),
        (record(bytes(8), dims="9223372036854775808"), None, "as dims"),
        (record(bytes(8), dims="1," * 64 + "1"), None, "at most 64 dims"),
        (record(bytes(8), dims="4294967296,4294967296"), 0, "less than 2.63 bytes"),
        (record(bytes(8), dims="0,4294967296,4294967296"), 0, "less than 2.63 bytes"),
        (record(bytes(8), length=9), None, "expected 9 bytes of payload, found 8"),
        (record(bytes(8), length=2**64 - 1), None, "expected 18446744073709551615 bytes"),
        (record(bytes(8), length=2**64), None, r"an integer as \$Object.Length"),
        (record(bytes(8), length=-1), None, r"an integer as \$Object.Length"),
        (record(bytes(8), data="0"), None, r"offset,length as \$Object.data"),
        (record(bytes(8), data="0,x"), None, r"offset,length as \$Object.data"),
        (record(bytes(8), extra="dtype=0"), None, "'dtype' a second time"),
        (record(bytes(8), extra="no value"), None, "name=value.*'no value'"),
        (record(bytes(8), extra="=1"), None, "name=value"),
        (record(bytes(8), extra="a=\xff"), None, r"text in UTF-8.*'a=\\xff'"),
        (ONE.replace(b"$End=1", b"$End=2"), None, r"expected \$End=1"),
        (ONE.replace(b"dtype=0", b"dtype=zero"), None, "an integer as dtype.*'zero'"),
        (b"$Version=1.0\n", 13, r"the line \$End=1.*none before the end of the file"),
        (b"$Version=" + b"1" * 70000, 0, "none in 65536 bytes"),
    ],
)
def test_records_refused(tmp_path: Path, content: bytes, offset: int | None, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        open_bytes(tmp_path, content)
    assert caught.value.path == str(tmp_path / "tensor.bin")
    assert caught.value.offset == offset or offset is None
    assert caught.value.offset <= len(content)


def test_the_refused_and_the_doubtful_samples() -> None:
    with pytest.raises(FormatError, match="an empty file"):
        _core.open_file(str(DATA / "odd_empty.bin"))
    with pytest.raises(FormatError, match=r"\$End=1"):
        _core.open_file(str(DATA / "odd_noend.bin"))
    with pytest.raises(FormatError, match="expected 32 bytes of payload, found 28") as caught:
        _core.open_file(str(DATA / "odd_trunc.bin"))
    assert caught.value.offset == (DATA / "odd_trunc.bin").stat().st_size - 28
    tail = _core.open_file(str(DATA / "odd_tail.bin"))
    assert tail.warnings == ["byte 130: 2 bytes behind the last record"]
    assert tail.tensors[0].problem is None


def survives(path: Path) -> None:
    try:
        file = _core.open_file(str(path))
    except FormatError:
        return
    for tensor in file.tensors:
        assert tensor.offset + tensor.nbytes <= path.stat().st_size
        if tensor.readable:
            tensor.numpy()
        else:
            assert tensor.problem


def test_cut_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    for length in range(len(ONE)):
        path.write_bytes(ONE[:length])
        with pytest.raises(FormatError):
            _core.open_file(str(path))
    for length in range(len(ONE) + 1, 2 * len(ONE)):
        path.write_bytes((ONE + ONE)[:length])
        file = _core.open_file(str(path))
        assert file.warnings
        np.testing.assert_array_equal(file.tensors[0].numpy(), FLOATS)


@pytest.mark.parametrize("bit", [0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80, 0xFF])
def test_any_byte_flipped(tmp_path: Path, bit: int) -> None:
    content = link("gone.bin") + ONE
    path = tmp_path / "flipped.bin"
    for i in range(len(content)):
        changed = bytearray(content)
        changed[i] ^= bit
        path.write_bytes(changed)
        survives(path)
