"""SQLite files of others: opened so that nothing beside or inside them can change."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trueness.errors import ReadError

MAGIC = b"SQLite format 3\0"
COMPANIONS = ("-wal", "-journal")
BROKEN = (ReadError, OSError, sqlite3.Error, UnicodeDecodeError)
"""What reading a database may raise; the last when a broken name is part of SQLite's message."""


def is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose text cells are bytes: names in it may be no UTF-8.

    SQLite writes `-shm` files beside a database in WAL mode even for readers, unless it is told
    that the file cannot change. What is still in a journal is not in that file, so then a copy is
    read. Raises ReadError."""
    try:
        size = path.stat().st_size
        if size == 0:
            raise ReadError(str(path), "is empty (0 bytes); was it still being written?")
        if not is_sqlite(path):
            raise ReadError(str(path), "is no SQLite database")
        with _unchanging(path) as file:
            uri = file.absolute().as_uri() + "?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.text_factory = bytes
                yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise ReadError(str(path), f"cannot be read as SQLite: {error}") from error


@contextmanager
def _unchanging(path: Path) -> Iterator[Path]:
    beside = [path.with_name(path.name + suffix) for suffix in COMPANIONS]
    pending = [file for file in beside if file.is_file() and file.stat().st_size > 0]
    if not pending:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="trueness-") as folder:
        for file in [path, *pending]:
            shutil.copyfile(file, Path(folder) / file.name)
        copy = Path(folder) / path.name
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        yield copy


def tables_of(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name.decode("utf-8", "replace") for (name,) in rows}


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return [name.decode("utf-8", "replace") for (name,) in rows]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
