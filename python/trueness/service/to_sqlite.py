"""compare_result.db: typed, indexed, and of a size that does not depend on the runs."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from trueness.service.catalogue import DIMENSIONS, Metric, statistics_of
from trueness.service.comparison import Comparison
from trueness.service.crosscheck import Check
from trueness.service.distributions import Distributions
from trueness.service.files import whole
from trueness.service.sqlite_source import quoted
from trueness.service.verdict import Row
from trueness.service.wording import COLUMN_OF

SOURCES = ("input_data", "golden_data", "Difference", "Difference (%)")
SCHEMA = """
CREATE TABLE summary (dimension TEXT, metric TEXT, label TEXT, unit TEXT, better TEXT,
    statistic TEXT, golden REAL, input REAL, difference REAL, "difference (%)" REAL,
    "low (%)" REAL, "high (%)" REAL, "tolerance (%)" REAL, verdict TEXT, reason TEXT);
CREATE TABLE verdict (dimension TEXT, metric TEXT, label TEXT, verdict TEXT, reason TEXT);
CREATE TABLE batch_size (name TEXT, batch_type TEXT, batch_size INTEGER, input_count INTEGER,
    golden_count INTEGER);
CREATE TABLE histogram (metric TEXT, low REAL, high REAL, input_count INTEGER,
    golden_count INTEGER);
CREATE TABLE quantile (metric TEXT, quantile REAL, input REAL, golden REAL);
CREATE TABLE series (metric TEXT, side TEXT, run INTEGER, time REAL, value REAL, count INTEGER);
CREATE TABLE run (side TEXT, run INTEGER, name TEXT, kind TEXT, requests INTEGER, steps INTEGER);
CREATE TABLE setting (side TEXT, run INTEGER, key TEXT, value TEXT);
CREATE TABLE note (level TEXT, "where" TEXT, message TEXT);
CREATE TABLE crosscheck (side TEXT, run TEXT, metric TEXT, statistic TEXT, stated REAL, ours REAL,
    agrees INTEGER, reason TEXT);
CREATE VIEW modelExec AS SELECT batch_type, batch_size, input_count, golden_count
    FROM batch_size WHERE name = 'modelExec';
CREATE VIEW BatchSchedule AS SELECT batch_type, batch_size, input_count, golden_count
    FROM batch_size WHERE name = 'BatchSchedule';
"""
INDEXES = """
CREATE INDEX summary_by_metric ON summary (metric, statistic);
CREATE INDEX verdict_by_verdict ON verdict (verdict);
CREATE INDEX batch_size_by_name ON batch_size (name, batch_type, batch_size);
CREATE INDEX histogram_by_metric ON histogram (metric, low);
CREATE INDEX quantile_by_metric ON quantile (metric, quantile);
CREATE INDEX series_by_metric ON series (metric, side, run, time);
"""


def to_sqlite(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    with whole(path) as partial, closing(sqlite3.connect(partial)) as connection:
        connection.executescript("PRAGMA journal_mode = DELETE;" + SCHEMA)
        with connection:
            for dimension in DIMENSIONS:
                _dimension(connection, comparison, dimension)
            _fill(connection, "summary", map(_summary_cells, comparison.rows))
            _fill(connection, "verdict", _verdict_cells(comparison))
            for table, rows in (
                ("batch_size", drawn.batch_sizes),
                ("histogram", drawn.bins),
                ("quantile", drawn.quantiles),
                ("series", drawn.points),
                ("note", comparison.notes),
                ("crosscheck", checks),
            ):
                _fill(connection, table, (_cells_of(row) for row in rows))
            _fill(connection, "run", _run_cells(comparison))
            _fill(connection, "setting", _settings(comparison))
        connection.executescript(INDEXES + "ANALYZE;")


def _fill(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[object]]) -> None:
    kept = [[_cell(value) for value in row] for row in rows]
    if kept:
        places = ", ".join("?" * len(kept[0]))
        connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({places})", kept)


def _cell(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        # A lone surrogate, from a file name that is no UTF-8, cannot be stored.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _cells_of(row: object) -> list[object]:
    return [getattr(row, name) for name in row.__dataclass_fields__]  # type: ignore[attr-defined]


def _dimension(connection: sqlite3.Connection, comparison: Comparison, dimension: str) -> None:
    """The documented table: `service` has a column a metric, the others a row a metric."""
    by_metric: dict[Metric, dict[str, Row]] = {}
    for row in comparison.rows:
        if row.metric.dimension == dimension:
            by_metric.setdefault(row.metric, {})[row.statistic] = row
    if dimension == "service":
        names = [metric.name for metric in by_metric]
        columns = ['"Data Source" TEXT', *(f"{quoted(name)} REAL" for name in names)]
        values = [next(iter(rows.values())) for rows in by_metric.values()]
        table = [[source, *(_value(row, source) for row in values)] for source in SOURCES]
    else:
        statistics = statistics_of(next(iter(by_metric))) if by_metric else ("mean",)
        titles = [f"{quoted(COLUMN_OF[statistic])} REAL" for statistic in statistics]
        columns = ["Metric TEXT", '"Data Source" TEXT', *titles, "Verdict TEXT"]
        table = [
            [
                metric.name,
                source,
                *(_value(rows.get(statistic), source) for statistic in statistics),
                comparison.verdicts[metric.key][0],
            ]
            for metric, rows in by_metric.items()
            for source in SOURCES
        ]
    connection.execute(f"CREATE TABLE {quoted(dimension)} ({', '.join(columns)})")
    _fill(connection, dimension, table)


def _value(row: Row | None, source: str) -> float:
    if row is None:
        return math.nan
    if source == "input_data":
        return row.input
    if source == "golden_data":
        return row.golden
    return row.difference if source == "Difference" else row.relative * 100


def _summary_cells(row: Row) -> list[object]:
    metric = row.metric
    shares = [value * 100 for value in (row.relative, row.low, row.high, row.tolerance)]
    return [
        *(metric.dimension, metric.name, metric.label, metric.unit, metric.better),
        *(row.statistic, row.golden, row.input, row.difference, *shares, row.verdict, row.reason),
    ]


def _verdict_cells(comparison: Comparison) -> Iterator[list[object]]:
    metrics = {row.metric.key: row.metric for row in comparison.rows}
    for key, (verdict, reason) in comparison.verdicts.items():
        metric = metrics[key]
        yield [metric.dimension, metric.name, metric.label, verdict, reason]


def _run_cells(comparison: Comparison) -> Iterator[list[object]]:
    for side, runs in (("input", comparison.input), ("golden", comparison.golden)):
        for number, run in enumerate(runs):
            requests = None if run.requests is None else len(run.requests)
            steps = None if run.steps is None else len(run.steps.name)
            yield [side, number, run.name, run.kind, requests, steps]


def _settings(comparison: Comparison) -> Iterator[list[object]]:
    for side, runs in (("input", comparison.input), ("golden", comparison.golden)):
        for number, run in enumerate(runs):
            yield from ([side, number, key, value] for key, value in run.config.items())
