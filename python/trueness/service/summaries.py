"""What a source says about itself: the `*_summary.csv` files of the analyze step."""

from __future__ import annotations

from pathlib import Path

from trueness.errors import ReadError
from trueness.service.catalogue import METRICS, VALUE
from trueness.service.cells import floats, text
from trueness.service.run import Note
from trueness.service.tables import csv_chunks

FILES = ("service_summary.csv", "request_summary.csv", "batch_summary.csv")
STATISTIC_OF = {
    "average": "mean",
    "max": "max",
    "min": "min",
    "p50": "p50",
    "p90": "p90",
    "p99": "p99",
    "value": VALUE,
}
KEY_OF = {metric.name: metric.key for metric in METRICS}
Stated = dict[tuple[str, str], float]


def read_summaries(paths: list[Path]) -> tuple[Stated, list[Note]]:
    """Every number of the files by metric key and statistic; what is doubled, unknown or no
    number is a note, and a file that cannot be read an error."""
    stated: Stated = {}
    notes: list[Note] = []
    for path in paths:
        try:
            notes += _read(path, stated)
        except (ReadError, OSError) as error:
            notes.append(Note("error", str(path), _without_path(error, path)))
    return stated, notes


def _without_path(error: Exception, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


def _read(path: Path, stated: Stated) -> list[Note]:
    wanted = {"metric": ("metric",), **{name: (name,) for name in STATISTIC_OF}}
    notes = []
    rows = 0
    for chunk in csv_chunks(path, wanted):
        if "metric" not in chunk or len(chunk) < 2:
            raise ReadError(str(path), "has no column Metric, or no value beside it")
        rows += len(chunk["metric"])
        for column, cells in chunk.items():
            if column != "metric":
                notes += _column(path, STATISTIC_OF[column], chunk["metric"], cells, stated)
    if not rows:
        notes.append(Note("warning", str(path), "has no rows"))
    return notes


def _column(
    path: Path, statistic: str, metrics: object, cells: object, stated: Stated
) -> list[Note]:
    notes = []
    for metric, cell in zip(metrics, cells, strict=True):  # type: ignore[call-overload]
        name = text(metric).strip()
        values, bad = floats([cell])
        if bad:
            notes.append(Note("warning", str(path), f"{name}: {text(cell)!r} is no number"))
            continue
        key = KEY_OF.get(name) or f"{path.name.split('_')[0]}/{name}"
        if (key, statistic) in stated:
            notes.append(Note("warning", str(path), f"{name} occurs twice; the first one counts"))
            continue
        stated[key, statistic] = float(values[0])
    return notes
