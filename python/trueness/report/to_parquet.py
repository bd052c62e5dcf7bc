"""A Parquet file: every row, in typed columns, for whoever goes on with pandas or DuckDB."""

from __future__ import annotations

from pathlib import Path

from trueness.errors import UsageError
from trueness.model import Result
from trueness.report.columns import COLUMNS, FLOAT_COLUMNS, INTEGER_COLUMNS, Cell, row
from trueness.report.summary import Summary

ROWS_A_GROUP = 10_000


class ParquetWriter:
    """Row groups are written while results come in. A number that is not there is null."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow.parquet import ParquetWriter as Writer
        except ImportError:
            raise UsageError(
                'a Parquet report needs pyarrow: pip install "trueness[parquet]"'
            ) from None
        types = {name: pa.float64() for name in FLOAT_COLUMNS}
        types |= {name: pa.int64() for name in INTEGER_COLUMNS}
        self._schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
        # pyarrow itself opens no path that is not UTF-8.
        self._file = path.open("wb")
        self._writer = Writer(self._file, self._schema, compression="zstd")
        self._group: list[list[Cell]] = []
        self._rows = 0

    def write(self, result: Result) -> None:
        self._group.append(row(result, self._rows))
        self._rows += 1
        if len(self._group) == ROWS_A_GROUP:
            self._flush()

    def finish(self, summary: Summary) -> None:
        self._flush()
        self._writer.close()
        self._file.close()

    def abandon(self) -> bool:
        self._writer.close()
        self._file.close()
        return False

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._group:
            return
        arrays = []
        for field, cells in zip(self._schema, zip(*self._group, strict=True), strict=True):
            values = [_text(cell) for cell in cells] if field.type == pa.string() else _nulls(cells)
            arrays.append(pa.array(values, field.type))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._group.clear()


def _nulls(cells: tuple[Cell, ...]) -> list[Cell | None]:
    return [None if cell == "" else cell for cell in cells]


def _text(cell: Cell) -> str:
    """Names of files that are not UTF-8 become escapes, as in the CSV."""
    text = str(cell)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
