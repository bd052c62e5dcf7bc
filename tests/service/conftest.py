"""Folders as the analyze step leaves them, unpacked once."""

import csv
import lzma
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data" / "service"


def unpack(name: str, target: Path) -> Path:
    shutil.copytree(DATA / name, target)
    packed = target / "profiler.db.xz"
    if packed.exists():
        (target / "profiler.db").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    return target


def table_to_csv(database: Path, table: str, target: Path, names: dict[str, str]) -> None:
    with closing(sqlite3.connect(database)) as connection, target.open("w", newline="") as file:
        cursor = connection.execute(f"SELECT * FROM {table}")
        writer = csv.writer(file)
        writer.writerow(names.get(column[0], column[0]) for column in cursor.description)
        writer.writerows(cursor)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """golden, input, golden_core26, golden_no_queue_events as they came; golden_csv and core26_csv
    without a database, with the batch table as the CSV file of that generation."""
    root = tmp_path_factory.mktemp("service")
    for name in ("golden", "input", "golden_core26", "golden_no_queue_events"):
        unpack(name, root / name)
    old = {
        "during_time": "during_time(ms)",
        "batch_size": "total_batch_size",
        "start_datetime": "start_time",
        "end_datetime": "end_time",
    }
    for source, name, names in (
        ("golden", "golden_csv", old),
        ("golden_core26", "core26_csv", {"during_time": "during_time(ms)"}),
    ):
        shutil.copytree(root / source, root / name)
        database = root / name / "profiler.db"
        table_to_csv(database, "batch", root / name / "batch.csv", names)
        table_to_csv(database, "kvcache", root / name / "kvcache.csv", {})
        database.unlink()
    return root


@pytest.fixture
def golden(samples: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the golden folder that a test may spoil."""
    yield Path(shutil.copytree(samples / "golden", tmp_path / "golden"))
