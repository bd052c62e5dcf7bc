"""CSV and Parquet reports back as rows: only what telling one run from another needs."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from sys import intern

from trueness.errors import FormatError, UsageError

Key = tuple[str, ...]
"""rank, token, operator, io, index, name inside the file, and which one of equals it is."""

_KEY = ("rank", "token_id", "op_name", "io", "index")
_USED = (
    *_KEY,
    *("my_data_path", "golden_data_path", "my_dtype", "golden_dtype"),
    *("relative_euclidean_distance", "verdict", "state", "standard"),
)
LONGEST_CELL = 1 << 20
FORMULA_STARTS = frozenset("=+-@\t\r")
_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Row:
    """`error` is the relative Euclidean distance, NaN where there is none."""

    verdict: str
    state: str
    error: float
    dtypes: tuple[str, str]
    standard: str


def read_report(path: Path) -> dict[Key, Row]:
    """The rows of a report by what they are about. Raises FormatError for a file that is no report,
    UsageError for Parquet without pyarrow or a path that is no file, OSError for one that cannot be
    read."""
    if not path.is_file():
        raise UsageError(f"{path} is no file" if path.exists() else f"{path} does not exist")
    with path.open("rb") as file:
        parquet = file.read(len(_PARQUET)) == _PARQUET
    found: dict[Key, Row] = {}
    seen: Counter[Key] = Counter()
    for number, cells in enumerate(_parquet(path) if parquet else _csv(path), 2):
        key = _key(cells)
        seen[key] += 1
        found[(*key, str(seen[key]))] = _row(path, number, cells)
    return found


def _key(cells: Mapping[str, str]) -> Key:
    name = cells["op_name"]
    place = cells["my_data_path"] or cells["golden_data_path"]
    # Tensors of one checkpoint share the name of the file, which stands before their own.
    alone = name and not cells["io"] and f"{name}," in place
    member = place.rpartition(f"{name},")[2] if alone else ""
    rank, token, _, io, index = (intern(cells[column]) for column in _KEY)
    return rank, token, name, io, index, member


def _row(path: Path, number: int, cells: Mapping[str, str]) -> Row:
    text = cells["relative_euclidean_distance"]
    try:
        error = float(text) if text else nan
    except ValueError:
        expected = "a number as relative_euclidean_distance"
        raise FormatError(str(path), 0, f"line {number}", expected, repr(text)[:60]) from None
    # Most rows say the same: a million of them should not keep a million copies.
    dtypes = intern(cells["golden_dtype"]), intern(cells["my_dtype"])
    verdict, state, standard = (intern(cells[name]) for name in ("verdict", "state", "standard"))
    return Row(verdict, state, error, dtypes, standard)


def _csv(path: Path) -> Iterator[Mapping[str, str]]:
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8", errors="backslashreplace", newline="") as file:
            reader = csv.DictReader(file)
            _check(path, reader.fieldnames or ())
            for cells in reader:
                # Where a run was broken off its last row may have no end.
                if all(cells[name] is not None for name in _USED):
                    yield {name: _unquoted(cells[name]) for name in _USED}
    except csv.Error as error:
        raise FormatError(str(path), 0, "", "the CSV of a comparison", str(error)) from None
    finally:
        csv.field_size_limit(before)


def _unquoted(cell: str) -> str:
    """Without the quote that keeps a spreadsheet from taking a name for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in FORMULA_STARTS else cell


def _parquet(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UsageError(f'{path} needs pyarrow: pip install "trueness[parquet]"') from None
    try:
        with path.open("rb") as file:
            report = ParquetFile(file)
            _check(path, report.schema_arrow.names)
            for batch in report.iter_batches(columns=list(_USED)):
                columns = (batch.column(name).to_pylist() for name in _USED)
                for cells in zip(*columns, strict=True):
                    texts = ("" if cell is None else str(cell) for cell in cells)
                    yield dict(zip(_USED, texts, strict=True))
    except pa.ArrowException as error:
        raise FormatError(str(path), 0, "", "a Parquet file", str(error)) from None


def _check(path: Path, columns: Iterable[str]) -> None:
    missing = sorted(set(_USED) - set(columns))
    if missing:
        expected = "a report of trueness compare, CSV or Parquet"
        raise FormatError(str(path), 0, "", expected, f"no column {', '.join(missing)}")
