"""Headers read many at a time are those that each file by itself gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trueness import _core
from trueness.compare.headers import Headers
from trueness.compare.open_files import OpenFiles
from trueness.errors import TruenessError
from trueness.model import Described, TensorRef

DATA = Path(__file__).parents[1] / "data"


def one_by_one(path: str) -> _core.Header | None:
    try:
        file = _core.open_file(path)
    except (TruenessError, OSError):
        return None
    tensors = ((t.io, t.index, t.dtype, t.logical_shape, t.name) for t in file.tensors)
    return file.kind, tuple(tensors)


def test_files_of_all_kinds() -> None:
    paths = sorted(str(path) for path in DATA.rglob("*") if path.is_file())
    headers = _core.describe_files(paths)
    assert headers == [one_by_one(path) for path in paths]
    assert {header[0] for header in headers if header} >= {"npy", "ge_dump", "atb"}
    assert None in headers


def test_equal_headers_are_one_object(tmp_path: Path) -> None:
    for name in "abc":
        np.save(tmp_path / name, np.zeros((2, 3)) if name < "c" else np.zeros(3))
    a, b, c = _core.describe_files([str(tmp_path / f"{name}.npy") for name in "abc"])
    assert a is b
    assert c is not None and c[1][0][3] == (3,)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    names = ("text", "missing", ".", "nul\0", "long" * 2000)
    assert _core.describe_files([str(tmp_path / name) for name in names]) == [None] * 5
    assert _core.describe_files([]) == []


def test_more_files_than_threads(tmp_path: Path) -> None:
    paths = []
    for size in range(1, 300):
        np.save(tmp_path / f"{size}.npy", np.zeros(size, np.float32))
        paths.append(str(tmp_path / f"{size}.npy"))
    shapes = [header[1][0][3] for header in _core.describe_files(paths) if header]
    assert shapes == [(size,) for size in range(1, 300)]


def test_ahead_changes_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", a=np.zeros(2), b=np.zeros(3))
    np.save(tmp_path / "one.npy", np.zeros((4, 5), np.int8))
    refs = [TensorRef(str(tmp_path / name)) for name in ("many.npz", "one.npy")]
    files = OpenFiles()
    headers = Headers(files)
    expected = [tuple(files.describe(ref)) for ref in refs]
    assert [tuple(headers(ref)) for ref in refs] == expected
    headers.ahead(refs)
    assert [tuple(headers(ref)) for ref in refs] == expected
    assert headers(refs[1]) == (Described("", 0, "int8", (4, 5)),)
    Path(refs[1].path).unlink()
    assert headers(refs[1])
    headers = Headers(OpenFiles())
    headers.ahead(refs)
    with pytest.raises(OSError, match=r"one\.npy"):
        headers(refs[1])


def test_of_an_atb_file_the_last_record_counts(tmp_path: Path) -> None:
    grown = tmp_path / "grown.bin"
    grown.write_bytes((DATA / "atb/i32.bin").read_bytes() + (DATA / "atb/hidden.bin").read_bytes())
    refs = [TensorRef(str(path)) for path in (grown, DATA / "atb/hidden.bin")]
    headers = Headers(OpenFiles())
    headers.ahead(refs)
    (grown_one,), (one,) = headers(refs[0]), headers(refs[1])
    assert grown_one.shape == one.shape


def test_statistics_are_not_read_as_tensors(tmp_path: Path) -> None:
    np.save(tmp_path / "x_min_max.npy", np.array([1.0, 2.0]))
    ref = TensorRef(str(tmp_path / "x_min_max.npy"), statistics="min_max")
    headers = Headers(OpenFiles())
    headers.ahead([ref])
    assert [seen.dtype for seen in headers(ref)] == [""]
