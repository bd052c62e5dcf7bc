"""torch.save files read without torch: every type, and every trick a pickle can play."""

import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from builders import torch_zip as build
from trueness.errors import FormatError
from trueness.read import open_file
from trueness.read.nested import MAX_LISTED

DATA = Path(__file__).parents[1] / "data" / "pt"


@pytest.mark.parametrize("sample", ["all_dtypes.pt", "all_dtypes_protocol4.pt"])
def test_every_type_and_stride_as_torch_wrote_it(sample):
    file = open_file(DATA / sample)
    with np.load(DATA / "expected.npz") as expected:
        assert [t.name for t in file.tensors] == expected.files
        for tensor in file.tensors:
            found = tensor.numpy()
            assert found.dtype == expected[tensor.name].dtype, tensor.name
            np.testing.assert_array_equal(found, expected[tensor.name], err_msg=tensor.name)
    assert file.kind == "torch"
    assert file.warnings == []


def test_bare_tensor_and_state_dict():
    (bare,) = open_file(DATA / "bare.pt").tensors
    assert bare.name == ""
    assert bare.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [(t.name, t.shape) for t in open_file(DATA / "state_dict.pt").tensors] == [
        ("weight", (3, 2)),
        ("bias", (3,)),
    ]


def test_nested_containers_name_their_tensors_and_list_the_rest():
    file = open_file(DATA / "nested.pt")
    assert [t.name for t in file.tensors] == ["a.b.0", "a.b.1", "pair.0", "sparse", "conj"]
    assert file.warnings == ["'a.step' is no tensor (int)", "'pair.1' is no tensor (str)"]
    sparse, conjugated = file.tensors[3:]
    assert "sparse" in str(sparse.problem)
    assert "resolve_conj" in str(conjugated.problem)
    with pytest.raises(FormatError, match="resolve_conj"):
        conjugated.numpy()


def test_a_pickled_module_is_refused_by_name():
    with pytest.raises(FormatError, match=r"global torch\.nn\.modules\.linear\.Linear"):
        open_file(DATA / "module.pt")


def test_reading_imports_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; from trueness.read import open_file;"
        f"print(open_file({str(DATA / 'bare.pt')!r}).tensors[0].numpy().sum())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "15.0"


def test_legacy_file_without_torch_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(FormatError, match=r"pip install \"trueness\[torch\]\""):
        open_file(DATA / "legacy.pt")


def test_hand_written_file_is_read(tmp_path):
    (tensor,) = open_file(build.write(tmp_path / "a.pt", build.tensor())).tensors
    assert tensor.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_deflated_and_big_endian_records(tmp_path):
    path = build.write(
        tmp_path / "a.pt",
        build.tensor(),
        data=struct.pack(">6f", *range(6)),
        order=b"big",
        compression=zipfile.ZIP_DEFLATED,
    )
    assert open_file(path).tensors[0].numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_unknown_byte_order_is_refused(tmp_path):
    with pytest.raises(FormatError, match="little or big"):
        open_file(build.write(tmp_path / "a.pt", build.tensor(), order=b"middle"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (build.tensor(shape=(3, 3)), "at least 36 bytes"),
        (build.tensor(offset=1), "at least 28 bytes"),
        (build.tensor(strides=(1 << 62, 1)), "storage of at least"),
        (build.tensor(shape=(1 << 62, 1 << 62), strides=(0, 0)), "overflow"),
        (build.tensor(place=build.storage(key="7")), "data/7"),
        (build.tensor(place=build.storage(kind="QInt8Storage")), "qint8"),
    ],
)
def test_tensor_outside_its_storage_is_listed_as_unreadable(tmp_path, body, reason):
    (tensor,) = open_file(build.write(tmp_path / "a.pt", body)).tensors
    assert not tensor.readable
    assert reason in str(tensor.problem)
    with pytest.raises(FormatError, match="readable values"):
        tensor.numpy()


TOUCH = build.name_of("os", "system") + build.many(build.text("touch touched")) + b"R"


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch touched",)


@pytest.mark.parametrize(
    "body",
    [
        TOUCH,
        build.text("os") + build.text("system") + b"\x93" + build.many() + b"R",
        b"(ios\nsystem\n",  # INST
        b"(" + build.name_of("os", "system") + b"o",  # OBJ
        build.name_of("collections", "OrderedDict") + b")\x81",  # NEWOBJ
        b"\x82\x01",  # EXT1
        b"\x96" + struct.pack("<Q", 1 << 60),  # BYTEARRAY8
        build.name_of("builtins", "eval"),
        build.name_of("builtins", "getattr"),
        build.name_of("torch", "load"),
        build.name_of("torch", "float32") + build.many() + b"R",
        build.text("x") + build.many() + b"R",
        build.tensor() + b"}b",  # BUILD with a state
        pickle.dumps(Evil(), 0)[:-1],
        pickle.dumps(Evil(), 5)[2:-1],
    ],
)
def test_nothing_is_executed(tmp_path, monkeypatch, body):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"data\.pkl"):
        open_file(build.write(tmp_path / "a.pt", body))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"B\xff\xff\xff\xff",
        b"\x8e" + struct.pack("<Q", 1 << 62),
        b"\x8b" + struct.pack("<i", 1 << 30),
        b"\x8b" + struct.pack("<i", -5),
        b"j\xff\xff\xff\xff",
        b"0",
        b"t",
        b"R",
        b"u",
        b"]K\x01K\x02s",
        b"}](s",
        b"X\x01\x00\x00\x00\xff",
        b"I" + b"9" * 5000 + b"\n",
        b"Fx\n",
        b"c\xff\n\n",
        b"Q",
        build.many(build.text("module")) + b"Q",
        build.tensor(place=b"N"),
        build.tensor(strides=(1,)),
        build.tensor(shape=(-1, 3)),
        build.tensor(offset=-1),
    ],
)
def test_broken_pickle_is_a_format_error(tmp_path, body):
    with pytest.raises(FormatError):
        open_file(build.write(tmp_path / "a.pt", body))


def test_a_memo_number_costs_nothing(tmp_path):
    body = b"Nr\xff\xff\xff\xff0" + build.tensor()
    assert len(open_file(build.write(tmp_path / "a.pt", body)).tensors) == 1


def test_laughs_and_loops_are_bounded(tmp_path):
    doubled = b"]q\x00" + b"".join(
        b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(40)
    )
    endless = b"]q\x00h\x00a"
    for body in (doubled, endless, b"]" * 70 + b"a" * 69):
        with pytest.raises(FormatError, match="nested at most"):
            open_file(build.write(tmp_path / "a.pt", body))


def test_many_plain_values_are_counted(tmp_path):
    body = b"](" + b"K\x01" * (MAX_LISTED + 5) + b"e"
    file = open_file(build.write(tmp_path / "a.pt", body))
    assert file.tensors == []
    assert len(file.warnings) == MAX_LISTED + 1
    assert file.warnings[-1] == "5 further values are no tensors"


def test_every_cut_of_a_file_is_an_error(tmp_path):
    whole = (DATA / "bare.pt").read_bytes()
    path = tmp_path / "cut.pt"
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            open_file(path)
