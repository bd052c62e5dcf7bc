"""`trueness inspect`: what a file holds, tensor by tensor, or the files of a folder."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from trueness.cli.raw_shape import parse_shape
from trueness.cli.table import print_table, printable
from trueness.errors import FormatError, ReadError

if TYPE_CHECKING:
    from trueness._core import Tensor
    from trueness.read import TensorFile

# typer reads these while Python 3.10 is running, which knows no `str | None` at run time here.
_Text = Optional[str]  # noqa: UP045
_Path = Annotated[Path, typer.Argument(help="A dump or tensor file, or a folder of them.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_DType = Annotated[_Text, typer.Option(help="Type of a headerless binary: float16, bf16 ...")]
_Shape = Annotated[_Text, typer.Option(help="Shape of a headerless binary: 2,3,4.")]
_Offset = Annotated[int, typer.Option(min=0, help="Where the data of such a binary begin.")]

_STATISTICS = ("min_value", "max_value", "mean_value", "l2norm", "nan_count", "inf_count")
_HEADERS = (
    *("io", "index", "name", "dtype", "format", "shape", "original", "bytes", "offset"),
    *("min", "max", "mean", "l2norm", "nan", "inf", "problem"),
)


def inspect_command(
    path: _Path,
    as_json: _Json = False,
    dtype: _DType = None,
    shape: _Shape = None,
    offset: _Offset = 0,
) -> None:
    """Show what a file holds: header, warnings, and each tensor with its statistics.

    A folder lists its files. Exit code 1: the file, one of its tensors, or a file of the folder
    that is no note or table by its name, cannot be read."""
    if path.is_dir():
        _inspect_folder(path, as_json)
        return
    from trueness.read import open_file

    try:
        file = open_file(path, dtype=dtype, shape=parse_shape(shape), offset=offset)
    except FormatError as error:
        print(f"trueness: {printable(str(error))}", file=sys.stderr)
        raise typer.Exit(1) from error
    tensors = [_describe(tensor) for tensor in file.tensors]
    if as_json:
        print(json.dumps(_whole(file, tensors), indent=2))
    else:
        _print_file(file, tensors)
    if any(tensor["unreadable"] for tensor in tensors):
        raise typer.Exit(1)


def _inspect_folder(folder: Path, as_json: bool) -> None:
    from trueness.discover.flat import is_document

    rows = list(_folder_rows(folder))
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(list(rows[0]) if rows else ["file"], [list(row.values()) for row in rows])
    if any(row["problem"] and not is_document(Path(row["file"]).name) for row in rows):
        raise typer.Exit(1)


def _folder_rows(folder: Path) -> Iterator[dict[str, str]]:
    from trueness.discover.flat import files_below
    from trueness.read import open_file

    for path in map(Path, sorted(files_below(str(folder)))):
        kind, count, problem = "", "", ""
        try:
            file = open_file(path)
            kind, count = file.kind, str(len(file.tensors))
        except FormatError as error:
            problem = f"found {error.found}"
        except ReadError as error:
            problem = error.reason
        yield {
            "file": str(path.relative_to(folder)),
            "kind": kind,
            "tensors": count,
            "bytes": str(path.lstat().st_size),
            "problem": problem,
        }


def _describe(tensor: Tensor) -> dict[str, Any]:
    original = tensor.original_shape
    row = {
        "io": tensor.io,
        "index": tensor.index,
        "name": tensor.name,
        "dtype": tensor.dtype,
        "format": tensor.format,
        "shape": list(tensor.shape),
        "original_shape": None if original is None else list(original),
        "logical_shape": list(tensor.logical_shape),
        "nbytes": tensor.nbytes,
        "offset": tensor.offset,
        "problem": tensor.problem,
        "statistics": None,
        "unreadable": not (tensor.readable and tensor.dumped),
    }
    if not row["unreadable"]:
        try:
            row["statistics"] = _statistics(tensor)
        except FormatError as error:
            row["problem"] = row["problem"] or f"expected {error.expected}, found {error.found}"
        except ReadError as error:
            row.update(problem=str(error), unreadable=True)
    return row


def _statistics(tensor: Tensor) -> dict[str, float | None]:
    from trueness import _core

    groups = 0
    for name in _STATISTICS:
        groups |= _core.METRIC_GROUPS[f"my_{name}"]
    values = _core.compare(tensor, tensor, metrics=groups).finish()
    chosen = {name: values[f"my_{name}"] for name in _STATISTICS}
    # JSON has no NaN; a tensor without a finite element has no minimum.
    return {name: _plain(name, value) for name, value in chosen.items()}


def _plain(name: str, value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return int(value) if name.endswith("_count") else value


def _whole(file: TensorFile, tensors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "path": file.path,
        "kind": file.kind,
        "attributes": file.attributes,
        "warnings": file.warnings,
        "tensors": [{k: v for k, v in row.items() if k != "unreadable"} for row in tensors],
    }


def _print_file(file: TensorFile, tensors: list[dict[str, Any]]) -> None:
    print(f"{printable(file.path)}: {file.kind}, {len(tensors)} tensors")
    for key, value in file.attributes.items():
        print(f"{printable(key)}: {printable(value)}")
    for warning in file.warnings:
        print(f"warning: {printable(warning)}")
    rows = [_cells(row) for row in tensors]
    used = [i for i in range(len(_HEADERS)) if any(row[i] for row in rows)]
    if used:
        print_table([_HEADERS[i] for i in used], [[row[i] for i in used] for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    statistics = row["statistics"] or dict.fromkeys(_STATISTICS)
    numbers = [statistics[name] for name in _STATISTICS]
    return [
        *(str(row[key]) for key in ("io", "index", "name", "dtype", "format")),
        str(row["shape"]),
        "" if row["original_shape"] is None else str(row["original_shape"]),
        str(row["nbytes"]),
        str(row["offset"]),
        *("" if number is None else f"{number:.7g}" for number in numbers),
        row["problem"] or "",
    ]
