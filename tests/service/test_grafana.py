"""The dashboard: made by the SDK, read back by it, and every query of it run."""

import itertools
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
import yaml

from trueness.service import service_compare
from trueness.service.dashboard import PANELS, PLUGIN, dashboard_json

SDK = pytest.importorskip("grafana_foundation_sdk")


@pytest.fixture(scope="module")
def output(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grafana") / 'out "1"'
    service_compare([samples / "input"], [samples / "golden"], folder)
    return folder


@pytest.fixture(scope="module")
def board(output: Path) -> dict[str, list[dict[str, object]]]:
    return json.loads((output / "compare_visualization.json").read_text())


def choices(board: dict) -> dict[str, list[str]]:
    return {
        variable["name"]: [option["value"] for option in variable["options"]]
        for variable in board["templating"]["list"]
        if variable["type"] == "custom"
    }


def run(output: Path, query: str) -> list[dict[str, object]]:
    """As the plugin does: read only, never writing, no attached database."""
    uri = (output / "compare_result.db").absolute().as_uri() + "?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("PRAGMA query_only = 1")
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        assert len(set(names)) == len(names)
        return [dict(zip(names, row, strict=True)) for row in cursor]


def query_of(board: dict, title: str, **values: str) -> str:
    (panel,) = [panel for panel in board["panels"] if panel["title"] == title]
    (target,) = panel["targets"]
    assert target["queryText"] == target["rawQueryText"]
    query = target["rawQueryText"]
    for name, value in values.items():
        query = query.replace(f"${name}", value)
    return query


def test_shipped_file_is_what_the_sdk_makes_now(output: Path) -> None:
    assert (output / "compare_visualization.json").read_text() == dashboard_json()


def test_round_trip_through_the_sdk_loses_nothing(board: dict) -> None:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    assert again == board


def test_the_data_source_is_a_variable_everywhere(board: dict) -> None:
    (variable,) = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    assert variable["query"] == PLUGIN
    for panel in board["panels"]:
        for source in (panel["datasource"], *(one["datasource"] for one in panel["targets"])):
            assert source == {"type": PLUGIN, "uid": "${datasource}"}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for _, _, _, place in PANELS:
        cells = set(
            itertools.product(range(place.x, place.x + place.w), range(place.y, place.y + place.h))
        )
        assert place.x + place.w <= 24
        assert not cells & taken
        taken |= cells


def test_every_query_runs_with_every_choice(output: Path, board: dict) -> None:
    chosen = choices(board)
    assert set(chosen) == {"batch_group", "span", "latency"}
    for panel in board["panels"]:
        query = panel["targets"][0]["rawQueryText"]
        used = [name for name in chosen if f"${name}" in query]
        for values in itertools.product(*(chosen[name] for name in used)):
            text = query_of(board, panel["title"], **dict(zip(used, values, strict=True)))
            assert "$" not in text
            began = time.process_time()
            rows = run(output, text)
            assert time.process_time() - began < 5
            if not used:
                assert rows


def test_batch_panel_shows_the_true_counts(output: Path, board: dict, samples: Path) -> None:
    query = query_of(board, "Steps by batch size", batch_group="5", span="modelExec")
    rows = {row.pop("group_name"): row for row in run(output, query)}
    for side in ("input", "golden"):
        with closing(sqlite3.connect(samples / side / "profiler.db")) as connection:
            for kind in ("Prefill", "Decode"):
                counted = connection.execute(
                    "SELECT COUNT(*) FROM batch WHERE name = 'modelExec' AND batch_type = ?"
                    " AND batch_size BETWEEN 5 AND 9",
                    [kind],
                ).fetchone()[0]
                assert rows["5-9"][f"{kind} {side}"] == counted
    assert [int(name.split("-")[0]) for name in rows] == sorted(
        int(name.split("-")[0]) for name in rows
    )


def test_tables_show_the_numbers_of_the_workbook(output: Path, board: dict) -> None:
    book = openpyxl.load_workbook(output / "compare_result.xlsx")
    for sheet in ("request", "batch"):
        head, *rows = book[sheet].iter_rows(values_only=True)
        expected = {row[:2]: dict(zip(head, row, strict=True)) for row in rows}
        for row in run(output, query_of(board, f"{sheet.capitalize()} dimension")):
            key = row["Metric"], row["Data Source"]
            if key not in expected or row["Data Source"] == "Difference":
                continue
            for column in ("Average", "Max", "Min", "P50", "P90", "P99"):
                assert row[column] == pytest.approx(expected[key][column])
    (service,) = [
        row
        for row in run(output, query_of(board, "Service dimension"))
        if row["Data Source"] == "golden_data"
    ]
    assert service["total_generated_token_num"] == 2291


def test_distribution_panels_hold_all_requests(output: Path, board: dict) -> None:
    latency = "first_token_latency (ms)"
    rows = run(output, query_of(board, "Latency distribution", latency=latency))
    for side in ("input (%)", "golden (%)"):
        assert sum(row[side] for row in rows) == pytest.approx(100)
    curve = run(output, query_of(board, "Latency by quantile", latency=latency))
    assert [row["quantile"] for row in curve] == sorted(row["quantile"] for row in curve)
    assert curve[-1]["golden"] == pytest.approx(179.7228, abs=1e-3)
    course = run(output, query_of(board, "Output tokens a second over time"))
    assert [row["seconds"] for row in course] == sorted(row["seconds"] for row in course)


def test_columns_have_types_the_plugin_knows(output: Path) -> None:
    with closing(sqlite3.connect(output / "compare_result.db")) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            if not table.startswith("sqlite_"):
                for _, name, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")'):
                    assert kind in ("TEXT", "INTEGER", "REAL"), (table, name)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_provisioning_names_the_database_whatever_the_folder_is_called(output: Path) -> None:
    (source,) = yaml.safe_load((output / "grafana_datasource.yaml").read_text())["datasources"]
    assert source["type"] == PLUGIN
    assert Path(source["jsonData"]["path"]) == (output / "compare_result.db").absolute()
