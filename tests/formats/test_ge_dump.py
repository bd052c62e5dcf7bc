"""GE dumps made field by field: however a header is written, the same tensors come back."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ge
from trueness import _core
from trueness.errors import FormatError

Open = Callable[[bytes], _core.File]
VALUES = np.arange(6, dtype=np.float32)


@pytest.fixture(scope="module")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Open:
    path = tmp_path_factory.mktemp("ge") / "Add.Add_2.44.6.1706596912161941"

    def opened(content: bytes) -> _core.File:
        path.write_bytes(content)
        return _core.open_file(str(path))

    return opened


NUMPY = {
    1: "float32", 2: "float16", 3: "int8", 4: "uint8", 5: "int16", 6: "uint16", 7: "int32",
    8: "int64", 9: "uint32", 10: "uint64", 12: "float64", 16: "complex64", 17: "complex128",
    14: "int8", 15: "uint8", 18: "int8", 19: "int16", 20: "int32", 21: "uint8", 22: "uint16",
    23: "int64",
}  # fmt: skip
NAMES = NUMPY | {
    0: "undefined", 11: "bool", 13: "string", 14: "dual_sub_int8", 15: "dual_sub_uint8",
    18: "qint8", 19: "qint16", 20: "qint32", 21: "quint8", 22: "quint16", 23: "resource",
    24: "string_ref", 25: "dual", 26: "variant", 27: "bfloat16", 28: "int4", 29: "uint1",
    30: "int2", 31: "uint2", 32: "complex32", 33: "hifloat8", 34: "float8_e5m2",
    35: "float8_e4m3fn", 36: "float8_e8m0", 37: "float6_e3m2", 38: "float6_e2m3",
    39: "float4_e2m1", 40: "float4_e1m2", 41: "hifloat4", 42: "hifloat4_scale",
}  # fmt: skip
RAW = [13, 24, 25, 26, 30, 31, 37, 38, 39, 40, 41, 42]

UNKNOWN_FIELDS = [
    ge.put(20, 2**64 - 1),
    ge.put(21, b"anything"),
    ge.tag(22, ge.FIXED64) + bytes(8),
    ge.tag(23, ge.FIXED32) + bytes(4),
    ge.tag(24, ge.GROUP) + ge.put(1, 1) + ge.tag(24, ge.END_GROUP),
]


@st.composite
def tensors(draw: st.DrawFn) -> ge.Tensor:
    dtype = draw(st.sampled_from(sorted(NUMPY)))
    dims = draw(st.lists(st.integers(0, 4), max_size=5))
    used = int(np.prod(dims)) * np.dtype(NUMPY[dtype]).itemsize
    data = draw(st.binary(min_size=used, max_size=used))
    padding = draw(st.binary(max_size=9)) if used else b""
    return ge.Tensor(
        dtype,
        dims,
        data + padding,
        draw(st.sampled_from([ge.ND, ge.NCHW, ge.NHWC, 47])),
        draw(st.sampled_from([None, dims])),
        address=draw(st.integers(0, 2**64 - 1)),
        packed=draw(st.booleans()),
        extra=b"".join(draw(st.lists(st.sampled_from(UNKNOWN_FIELDS), max_size=2))),
    )


@settings(max_examples=40)
@given(
    outputs=st.lists(tensors(), max_size=3),
    inputs=st.lists(tensors(), max_size=3),
    buffers=st.lists(st.binary(max_size=5).map(ge.Block), max_size=2),
    spaces=st.lists(st.binary(max_size=5).map(ge.Block), max_size=2),
    op_name=st.text(max_size=20),
    extra=st.lists(st.sampled_from(UNKNOWN_FIELDS), max_size=3).map(b"".join),
)
def test_what_is_written_comes_back(parse: Open, **parts: object) -> None:
    dump = ge.Dump(**parts)  # type: ignore[arg-type]
    file = parse(dump.encode())
    assert file.kind == "ge_dump"
    assert file.attributes.get("op_name", "") == dump.op_name
    expected = [("input", t) for t in dump.inputs] + [("output", t) for t in dump.outputs]
    for (io, written), found in zip(expected, file.tensors, strict=False):
        assert (found.io, found.dtype_code, found.problem) == (io, written.dtype, None)
        assert found.dtype == NAMES[written.dtype]
        assert found.shape == tuple(written.dims or ())
        assert found.raw() == written.data
        dtype = np.dtype(NUMPY[written.dtype])
        used = int(np.prod(found.shape)) * dtype.itemsize
        array = found.numpy()
        assert (array.dtype, array.shape) == (dtype, found.shape)
        assert array.tobytes() == written.data[:used]
    blocks = file.tensors[len(expected) :]
    assert [(t.io, t.index, t.raw()) for t in blocks] == [
        (io, i, block.data)
        for io, listed in (("buffer", dump.buffers), ("space", dump.spaces))
        for i, block in enumerate(listed)
    ]


@pytest.mark.parametrize("number", sorted(NAMES))
def test_every_type_has_a_name_and_all_but_some_have_values(number: int, parse: Open) -> None:
    (tensor,) = parse(ge.Dump([ge.Tensor(number, [1], bytes(16))]).encode()).tensors
    assert (tensor.dtype, tensor.dtype_code) == (NAMES[number], number)
    assert tensor.readable == (number not in RAW)
    assert tensor.raw() == bytes(16)


def test_undefined_type_is_bytes_whatever_the_shape(parse: Open) -> None:
    (tensor,) = parse(ge.Dump([ge.Tensor(0, [9, 9, 9], b"\xff\x01\x02")]).encode()).tensors
    assert (tensor.problem, tensor.shape, tensor.logical_shape) == (None, (9, 9, 9), (3,))
    assert tensor.numpy().tolist() == [-1, 1, 2]
    assert tensor.numpy().dtype == np.int8


def test_payload_order_is_not_that_of_the_fields(parse: Open) -> None:
    header = (
        ge.put(8, ge.Block(b"s").message())
        + ge.put(5, ge.Block(b"b").message())
        + ge.put(3, ge.Tensor(4, [1], b"o").message("output"))
        + ge.put(4, ge.Tensor(4, [1], b"i").message("input"))
    )
    file = parse(ge.with_header(header, b"iobs"))
    assert [(t.io, t.name, t.format, t.raw()) for t in file.tensors] == [
        ("input", "", "ND", b"i"),
        ("output", "", "ND", b"o"),
        ("buffer", "L1", "", b"b"),
        ("space", "LOG", "", b"s"),
    ]


def test_submessages_merge_and_the_last_scalar_wins(parse: Open) -> None:
    tensor = (
        ge.put(1, 9)
        + ge.put(3, ge.shape([2]))
        + ge.put(6, 1)
        + ge.put(3, ge.shape([3], packed=False))
        + ge.put(4, ge.put(1, "conv") + ge.put(4, 30))
        + ge.put(4, ge.put(2, 3) + ge.put(4, ge.ND))
        + ge.put(6, 24)
        + ge.put(1, 1)
    )
    file = parse(ge.with_header(ge.put(3, tensor), VALUES.tobytes()))
    (found,) = file.tensors
    assert (found.dtype, found.shape, found.name) == ("float32", (2, 3), "conv")
    assert found.numpy().ravel().tolist() == VALUES.tolist()
    assert file.attributes["output[0].original_format"] == "ND"
    assert file.attributes["output[0].original_output_index"] == "3"


def test_varints_need_not_be_minimal(parse: Open) -> None:
    tensor = b"\x08" + ge.varint(1, 10) + b"\x1a\x04\x0a\x02\x86\x00" + b"\x30" + ge.varint(24, 4)
    header = ge.varint(3 << 3 | 2, 3) + ge.varint(len(tensor), 5) + tensor
    (found,) = parse(ge.with_header(header, VALUES.tobytes())).tensors
    assert (found.problem, found.numpy().tolist()) == (None, VALUES.tolist())


def test_inline_data_of_a_2_0_header_is_ignored(parse: Open) -> None:
    tensor = ge.Tensor(1, [6], VALUES.tobytes())
    header = ge.put(3, ge.put(5, bytes(24)) + tensor.message("output"))
    (found,) = parse(ge.with_header(header, tensor.data)).tensors
    assert found.numpy().tolist() == VALUES.tolist()


def test_rank_0_is_one_element_however_many_bytes(parse: Open) -> None:
    for dims in (None, []):
        (found,) = parse(ge.Dump([ge.Tensor(1, dims, VALUES.tobytes())]).encode()).tensors
        assert (found.problem, found.shape, found.numpy().shape) == (None, (), ())


class TestNullAddress:
    def test_a_file_short_by_exactly_its_null_tensors(self, parse: Open) -> None:
        null = ge.Tensor(1, [6], size=24, address=0)
        dump = ge.Dump(
            [null, ge.Tensor(1, [6], VALUES.tobytes())],
            [null],
            [ge.Block(b"l1")],
        )
        first, second, third, buffer = parse(dump.encode()).tensors
        for tensor in (first, second):
            assert not tensor.dumped and not tensor.readable and tensor.nbytes == 0
            assert tensor.problem is not None and "device address is null" in tensor.problem
        assert third.numpy().tolist() == VALUES.tolist()
        assert buffer.raw() == b"l1"

    def test_null_addresses_alone_mean_nothing(self, parse: Open) -> None:
        dump = ge.Dump([ge.Tensor(1, [6], VALUES.tobytes(), address=0)])
        (tensor,) = parse(dump.encode()).tensors
        assert (tensor.problem, tensor.numpy().tolist()) == (None, VALUES.tolist())

    def test_a_file_short_by_anything_else_is_refused(self, parse: Open) -> None:
        null = ge.Tensor(1, [6], size=24, address=0)
        dump = ge.Dump([ge.Tensor(1, [6], VALUES.tobytes())], [null])
        with pytest.raises(FormatError, match=r"output\[0\]: expected 24 bytes .*found 1 bytes"):
            parse(dump.encode() + b"x")


class TestLegacy:
    DUMP = ge.Dump(
        [ge.Tensor(2, [1, 1, 2, 2, 16], bytes(128), ge.NC1HWC0, [1, 16, 2, 2])],
        [ge.Tensor(1, [2, 3], VALUES.tobytes())],
        [ge.Block(b"l1")],
        op_name="Add_2",
        version="1.0",
    )

    def test_tensors_lie_inside_the_message(self, parse: Open) -> None:
        file = parse(self.DUMP.encode_legacy())
        assert (file.kind, file.warnings) == ("ge_dump_1.0", [])
        assert (file.attributes["op_name"], file.attributes["version"]) == ("Add_2", "1.0")
        first, second, buffer = file.tensors
        assert first.numpy().tolist() == VALUES.reshape(2, 3).tolist()
        assert (second.problem, second.numpy().shape) == (None, (1, 16, 2, 2))
        assert buffer.raw() == b"l1"

    def test_a_size_that_is_not_that_of_the_data_is_said(self, parse: Open) -> None:
        good = ge.Tensor(1, [6], VALUES.tobytes())
        dump = ge.Dump([good, ge.Tensor(1, [6], VALUES.tobytes(), size=20)], version="1.0")
        file = parse(dump.encode_legacy())
        (warning,) = file.warnings
        assert "output[1]: size says 20 bytes, but 24 are there" in warning
        assert file.tensors[1].numpy().tolist() == VALUES.tolist()

    def test_a_message_without_any_data_is_refused(self, parse: Open) -> None:
        dump = ge.Dump([ge.Tensor(1, [6], size=24)], version="1.0")
        with pytest.raises(FormatError, match="inline data has the declared size"):
            parse(dump.header())


class TestOverflow:
    FIELDS = tuple(range(101, 112))

    @staticmethod
    def record(unit: int, fields: tuple[int, ...], length: int | None = None) -> bytes:
        size = 8 * len(fields) if length is None else length
        head = struct.pack("<6I", 0x5A5A5A5A, 0, 1, unit, 0, size)
        return (head + struct.pack(f"<{len(fields)}Q", *fields)).ljust(2048, b"\0")

    @staticmethod
    def attributes(parse: Open, record: bytes) -> tuple[dict[str, str], list[str]]:
        tensor = ge.Tensor(4, [len(record)], record)
        file = parse(ge.Dump([tensor], op_name="Node_OpDebug").encode())
        prefix = "overflow."
        found = {k.removeprefix(prefix): v for k, v in file.attributes.items() if prefix in k}
        return found, file.warnings

    def test_ai_core(self, parse: Open) -> None:
        found, warnings = self.attributes(parse, self.record(1, self.FIELDS))
        assert warnings == []
        assert found == {
            "version": "0", "unit": "AIV", "model_id": "101", "stream_id": "102",
            "task_id": "103", "task_type": "104", "context_id": "105", "thread_id": "106",
            "pc_start": "0x6b", "para_base": "0x6c", "core_id": "109", "block_id": "110",
            "status": "111",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("unit", "count", "name", "value"),
        [(0, 14, "status_3", "114"), (2, 8, "cpu_id", "106"), (3, 10, "dst_addr", "0x6c")],
    )
    def test_other_units(self, unit: int, count: int, name: str, value: str, parse: Open) -> None:
        found, warnings = self.attributes(parse, self.record(unit, tuple(range(101, 101 + count))))
        assert (warnings, found[name]) == ([], value)
        assert len(found) == count + 2

    def test_old_record(self, parse: Open) -> None:
        record = bytearray(2048)
        for at, values in ((0, range(1, 7)), (256, range(11, 17)), (1024, range(21, 24))):
            struct.pack_into(f"<{len(values)}Q", record, at, *values)
        found, warnings = self.attributes(parse, bytes(record))
        assert (warnings, len(found)) == ([], 23)
        assert found["dha_atomic_add.task_id"] == "3"
        assert found["ai_core.pc_start"] == "0xf"
        assert (found["ai_core.kernel_code"], found["ai_core.status"]) == ("0x15", "23")

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            (struct.pack("<6I", 0x5A5A5A5A, 0, 0, 0, 0, 88) + bytes(88), "valid flag 1, found 0"),
            (struct.pack("<6I", 0x5A5A5A5A, 0, 1, 7, 0, 88) + bytes(88), "unit 0 to 3, found 7"),
            (struct.pack("<6I", 0x5A5A5A5A, 0, 1, 0, 0, 80) + bytes(88), "found length 80"),
            (struct.pack("<6I", 0x5A5A5A5A, 0, 1, 0, 0, 88) + bytes(87), "found length 88"),
            (bytes(100), "expected 2048 bytes, found 100"),
        ],
    )
    def test_nonsense_is_a_warning(self, record: bytes, message: str, parse: Open) -> None:
        (warning,) = self.attributes(parse, record)[1]
        assert message in warning

    def test_known_by_its_file_name_too(self, tmp_path: Path) -> None:
        path = tmp_path / "Opdebug.Node_OpDebug.1.2.1706596912161941"
        record = self.record(0, self.FIELDS)
        path.write_bytes(ge.Dump([ge.Tensor(4, [2048], record)]).encode())
        assert _core.open_file(str(path)).attributes["overflow.task_id"] == "103"


class TestSlices:
    INFO = (
        '{"threadMode": 1, "output_tensor_slice": [[[{"lower": 0, "higher": 2}]],'
        ' [[{"lower": 2, "higher": 5}]]]}'
    )

    @staticmethod
    def read(folder: Path, name: str, info: str) -> _core.Tensor:
        tensor = ge.Tensor(1, [8], VALUES[:3].tobytes())
        dump = ge.Dump([tensor], attributes=[("_sgt_json_info", info)])
        (folder / name).write_bytes(dump.encode())
        return _core.open_file(str(folder / name)).tensors[0]

    def test_the_thread_of_the_name_gives_the_shape(self, tmp_path: Path) -> None:
        tensor = self.read(tmp_path, "Relu.r.3.9.1706596912162031.4.331.1.0", self.INFO)
        assert (tensor.problem, tensor.numpy().tolist()) == (None, [0, 1, 2])

    @pytest.mark.parametrize(
        "name",
        [
            "Relu.r.3.9.1706596912162031.4.331.0.0",
            "Relu.r.3.9.1706596912162031.4.331.7.0",
            "Relu.r.3.9.1706596912162031.4.331.x.0",
            "Relu.r.3.9.1706596912162031",
        ],
    )
    def test_no_slice_of_that_size_means_too_few_bytes(self, name: str, tmp_path: Path) -> None:
        tensor = self.read(tmp_path, name, self.INFO)
        assert tensor.problem is not None and "found size 12" in tensor.problem
