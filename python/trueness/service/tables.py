"""Tables of a CSV file or a database, read in chunks of columns under names of our own."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from trueness.errors import ReadError
from trueness.service.sqlite_source import columns_of, quoted

Chunk = dict[str, Sequence[object]]
Wanted = Mapping[str, Sequence[str]]
"""Our name of a column, and what it may be called; units in brackets and case do not matter."""
ROWS = 16_384
ROWS_A_FETCH = 512
"""Rows live so briefly then that the garbage collector never walks them."""
LONGEST_CELL = 1 << 26


def plain(name: str) -> str:
    return name.strip().lower().removesuffix("(ms)").strip()


def found_in(header: Sequence[str], wanted: Wanted) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(plain(name), place)
    found: dict[str, int] = {}
    for ours, theirs in wanted.items():
        for name in theirs:
            if name in places:
                found[ours] = places[name]
                break
    return found


def csv_chunks(path: Path, wanted: Wanted) -> Iterator[Chunk]:
    """Short rows are filled up with missing cells. Raises ReadError for what is no such table."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, None)
            if header is None:
                raise ReadError(str(path), "is empty")
            found = found_in(header, wanted)
            if not found:
                raise ReadError(str(path), f"has no column of {', '.join(wanted)}")
            while chunk := list(islice(rows, ROWS)):
                yield {
                    name: [row[place] if place < len(row) else "" for row in chunk if row]
                    for name, place in found.items()
                }
    except csv.Error as error:
        raise ReadError(str(path), f"is no CSV: {error}") from error
    except OSError as error:
        raise ReadError(str(path), error.strerror or str(error)) from error
    finally:
        csv.field_size_limit(before)


def table_chunks(
    connection: sqlite3.Connection, table: str, wanted: Wanted, listing: str = ""
) -> Iterator[Chunk]:
    """With `listing` only the rows that have something in that column of ours."""
    header = columns_of(connection, table)
    found = found_in(header, wanted)
    if not found:
        raise ReadError(table, f"the table has no column of {', '.join(wanted)}")
    columns = ", ".join(quoted(header[place]) for place in found.values())
    where = ""
    if listing in found:
        where = f"WHERE length({quoted(header[found[listing]])}) > 2"
    cursor = connection.execute(f"SELECT {columns} FROM {quoted(table)} {where}")
    while rows := cursor.fetchmany(ROWS_A_FETCH):
        cells: list[list[object]] = [list(column) for column in zip(*rows, strict=True)]
        while len(cells[0]) < ROWS and (rows := cursor.fetchmany(ROWS_A_FETCH)):
            for column, more in zip(cells, zip(*rows, strict=True), strict=True):
                column += more
        yield dict(zip(found, cells, strict=True))
