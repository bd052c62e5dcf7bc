"""Databases of the collector: the same run as the analyzed sample, from its events."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from trueness.service.find import find_runs
from trueness.service.run import DECODE, KINDS, Run
from trueness.service.samples import sample_of


def events(samples: Path) -> list[tuple[str, int, int, dict[str, object]]]:
    with closing(sqlite3.connect(samples / "golden" / "profiler.db")) as connection:
        rows = connection.execute("SELECT name, timestamp, end_time, args FROM slice").fetchall()
    return [(name, start, end, json.loads(args)) for name, start, end, args in rows]


def message(name: str, payload: dict[str, object], old: bool) -> str:
    kept = {key: value for key, value in payload.items() if key.endswith("=")}
    text = json.dumps({"domain": "d", "name": name, "rid": payload["res_list"], **kept})
    return text[1:-1].replace('"', "^") if old else text


def collector(folder: Path, rows: list[tuple[str, int, int, dict[str, object]]], old: bool) -> Path:
    """Two processes: one for spans, one for the rest."""
    folder.mkdir()
    for process, spans in (("1", True), ("2", False)):
        database = folder / f"ms_service_node01-{process}.db"
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "CREATE TABLE Mstx (message TEXT, flag INTEGER, markId INTEGER, timestamp INTEGER,"
                " endTimestamp INTEGER, pid INTEGER, tid INTEGER)"
            )
            connection.executemany(
                "INSERT INTO Mstx VALUES (?, 1, 0, ?, ?, 1, 1)",
                [
                    (message(name, payload, old), start, end)
                    for name, start, end, payload in rows
                    if (name in ("modelExec", "BatchSchedule")) is spans and "res_list" in payload
                ],
            )
    return folder


@pytest.mark.parametrize("form", ["json", "carets", "slice"])
def test_events_give_the_numbers_of_the_analyzed_run(
    samples: Path, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "raw"
    if form == "slice":
        folder.mkdir()
        with closing(sqlite3.connect(folder / "ms_service_node01-1.db")) as connection, connection:
            connection.execute(
                "CREATE TABLE slice (name TEXT, timestamp INTEGER, duration INTEGER, args TEXT)"
            )
            connection.executemany(
                "INSERT INTO slice VALUES (?, ?, ?, ?)",
                [(name, a, b - a, json.dumps(args)) for name, a, b, args in events(samples)],
            )
    else:
        collector(folder, events(samples), form == "carets")
    (run,), _ = find_runs([folder], "input")
    check(run)


def check(run: Run) -> None:
    requests, steps = run.requests, run.steps
    assert requests is not None
    assert steps is not None
    assert len(requests) == 24
    assert requests.ttft.mean() == pytest.approx(58.6742, abs=1e-3)
    assert requests.e2e.mean() == pytest.approx(2070.3791, abs=1e-3)
    assert np.nanmean(requests.queue_wait) == pytest.approx(9.3367, abs=1e-3)
    assert requests.exec_time.mean() == pytest.approx(1667.5374, abs=1e-2)
    assert requests.input_tokens.sum() == 14173
    assert requests.output_tokens.sum() == 2291
    decode = steps.of("modelExec") & (steps.kind == KINDS.index(DECODE))
    assert decode.sum() == 349
    assert steps.size[decode].mean() == pytest.approx(6.4957, abs=1e-4)
    assert steps.duration[decode].mean() == pytest.approx(16.7096, abs=1e-3)
    gaps = sample_of(run, "itl")
    assert gaps is not None
    assert gaps.values.mean() == pytest.approx(21.292, abs=1e-3)


def test_messages_that_are_no_json_are_counted(samples: Path, tmp_path: Path) -> None:
    folder = collector(tmp_path / "raw", events(samples), False)
    with closing(sqlite3.connect(folder / "ms_service_node01-2.db")) as connection, connection:
        for broken in ("not json", "[1, 2]", "{" * 100_000, None):
            connection.execute("INSERT INTO Mstx VALUES (?, 1, 0, 5, 5, 1, 1)", [broken])
    (run,), _ = find_runs([folder], "input")
    assert "3 events are no JSON and were left out" in [note.message for note in run.notes]
    check(run)


def test_one_broken_process_does_not_hide_the_others(samples: Path, tmp_path: Path) -> None:
    folder = collector(tmp_path / "raw", events(samples), False)
    (folder / "ms_service_node01-3.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    (run,), _ = find_runs([folder], "input")
    assert [note.level for note in run.notes].count("error") == 1
    check(run)
