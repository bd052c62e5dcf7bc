"""The Grafana dashboard over compare_result.db, made with grafana-foundation-sdk 11.6.

    python -m trueness.service.dashboard > python/trueness/service/dashboard.json

Its JSON is part of the package, so that writing it needs nothing installed; a test makes it anew
and compares."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueness.service.catalogue import METRICS
from trueness.service.run import EXECUTION, SCHEDULING

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

PLUGIN = "frser-sqlite-datasource"
GROUPS = (5, 1, 2, 10, 20, 50, 100)
SPANS = (*EXECUTION, *SCHEDULING)
LATENCIES = tuple(m.name for m in METRICS if m.dimension != "service" and m.unit == "ms")
SUMMARY = """SELECT dimension, metric, statistic, verdict, "difference (%)", "low (%)", "high (%)",
  "tolerance (%)", golden, input, unit, reason
FROM summary WHERE verdict <> ''
ORDER BY CASE verdict WHEN 'worse' THEN 0 WHEN 'unclear' THEN 1 WHEN 'better' THEN 2 ELSE 3 END,
  dimension DESC, metric, statistic"""
COUNTS = """SELECT SUM(verdict = 'worse') AS worse, SUM(verdict = 'unclear') AS unclear,
  SUM(verdict = 'better') AS better, SUM(verdict = 'same') AS same FROM verdict"""
# Grouped by integers, which SQLite divides without a rest; every count is of its own side and type.
BATCH_SIZES = """SELECT
  (batch_size / $batch_group * $batch_group) || '-'
    || (batch_size / $batch_group * $batch_group + $batch_group - 1) AS group_name,
  SUM(CASE WHEN batch_type = 'Prefill' THEN input_count ELSE 0 END) AS "Prefill input",
  SUM(CASE WHEN batch_type = 'Prefill' THEN golden_count ELSE 0 END) AS "Prefill golden",
  SUM(CASE WHEN batch_type = 'Decode' THEN input_count ELSE 0 END) AS "Decode input",
  SUM(CASE WHEN batch_type = 'Decode' THEN golden_count ELSE 0 END) AS "Decode golden",
  SUM(CASE WHEN batch_type = 'Prefill, Decode' THEN input_count ELSE 0 END) AS "Mixed input",
  SUM(CASE WHEN batch_type = 'Prefill, Decode' THEN golden_count ELSE 0 END) AS "Mixed golden"
FROM batch_size WHERE name = '$span' AND batch_size >= 0
GROUP BY batch_size / $batch_group ORDER BY batch_size / $batch_group"""
DISTRIBUTION = """SELECT printf('%.5g', high) AS "up to",
  100.0 * input_count / MAX(1, SUM(input_count) OVER ()) AS "input (%)",
  100.0 * golden_count / MAX(1, SUM(golden_count) OVER ()) AS "golden (%)"
FROM histogram WHERE metric = '$latency' ORDER BY low"""
QUANTILES = """SELECT quantile, input, golden FROM quantile
WHERE metric = '$latency' ORDER BY quantile"""
# Runs differ in length and number: all go into a hundred windows of the longest one.
COURSE = """WITH one AS (SELECT * FROM series WHERE metric = '{metric}'),
  longest AS (SELECT MAX(time) AS time FROM one)
SELECT MIN(99, CAST(one.time * 100 / longest.time AS INTEGER)) * longest.time / 100 AS seconds,
  AVG(CASE WHEN side = 'input' THEN value END) AS input,
  AVG(CASE WHEN side = 'golden' THEN value END) AS golden
FROM one, longest GROUP BY 1 ORDER BY 1"""
SPEED = COURSE.format(metric="generate_token_speed (token/s)")
FIRST_TOKEN = COURSE.format(metric="first_token_latency (ms)")
KV_CACHE = COURSE.format(metric="kvcache_usage_rate")
COLOURS = {"worse": "red", "unclear": "yellow", "better": "green", "same": "text"}


@dataclass(frozen=True)
class Place:
    """Left edge, top edge, width, height in the grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


PANELS = (
    ("Verdicts", "stat", COUNTS, Place(0, 0, 24, 4)),
    ("What changed", "table", SUMMARY, Place(0, 4, 24, 9)),
    ("Service dimension", "table", "SELECT * FROM service", Place(0, 13, 24, 6)),
    ("Request dimension", "table", "SELECT * FROM request", Place(0, 19, 24, 10)),
    ("Batch dimension", "table", "SELECT * FROM batch", Place(0, 29, 24, 8)),
    ("Steps by batch size", "barchart", BATCH_SIZES, Place(0, 37, 24, 10)),
    ("Latency distribution", "barchart", DISTRIBUTION, Place(0, 47, 12, 10)),
    ("Latency by quantile", "trend", QUANTILES, Place(12, 47, 12, 10)),
    ("Output tokens a second over time", "trend", SPEED, Place(0, 57, 12, 9)),
    ("TTFT over time", "trend", FIRST_TOKEN, Place(12, 57, 12, 9)),
    ("KV cache in use over time", "trend", KV_CACHE, Place(0, 66, 12, 9)),
    ("Notes", "table", "SELECT * FROM note", Place(12, 66, 12, 9)),
    ("Numbers the sources state", "table", "SELECT * FROM crosscheck", Place(0, 75, 24, 9)),
)


def dashboard() -> Dashboard:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

    board = (
        Dashboard("trueness service-compare")
        .uid("trueness-service-compare")
        .description("Two serving runs: input against golden, from compare_result.db")
        .tags(["trueness", "serving"])
        .readonly()
        .time("now-6h", "now")
        .with_variable(_datasource())
        .with_variable(_choice("batch_group", "Batch group size", map(str, GROUPS)))
        .with_variable(_choice("span", "Span", SPANS))
        .with_variable(_choice("latency", "Latency", LATENCIES))
    )
    for title, kind, query, place in PANELS:
        board = board.with_panel(_panel(title, kind, query, place))
    return board


def _datasource() -> Any:
    from grafana_foundation_sdk.builders.dashboard import DatasourceVariable

    return DatasourceVariable("datasource").label("compare_result.db").type(PLUGIN)


def _choice(name: str, label: str, values: Any) -> Any:
    from grafana_foundation_sdk.builders.dashboard import CustomVariable
    from grafana_foundation_sdk.models.dashboard import VariableOption

    texts = list(values)
    options = [VariableOption(text == texts[0], text, text) for text in texts]
    variable = CustomVariable(name).label(label).values(",".join(texts))
    return variable.options(options).current(options[0])


def _panel(title: str, kind: str, query: str, place: Place) -> Any:
    from grafana_foundation_sdk.builders import barchart, stat, table, trend
    from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

    builders: dict[str, Any] = {
        "barchart": barchart.Panel,
        "stat": stat.Panel,
        "table": table.Panel,
        "trend": trend.Panel,
    }
    panel = builders[kind]().title(title).datasource(DataSourceRef(PLUGIN, "${datasource}"))
    panel = panel.grid_pos(GridPos(h=place.h, w=place.w, x=place.x, y=place.y))
    panel = panel.with_target(_Target(query))
    if kind == "table":
        return _coloured(panel)
    if kind == "trend":
        return panel.x_field("quantile" if query is QUANTILES else "seconds")
    if kind == "barchart":
        return panel.x_field("group_name" if query is BATCH_SIZES else "up to")
    return panel


def _coloured(panel: Any) -> Any:
    """Cells with a verdict in the colour of the verdict."""
    from grafana_foundation_sdk.models.dashboard import (
        DynamicConfigValue,
        ValueMap,
        ValueMappingResult,
    )

    colours = {
        verdict: ValueMappingResult(color=colour, index=place)
        for place, (verdict, colour) in enumerate(COLOURS.items())
    }
    properties = [
        DynamicConfigValue("mappings", [ValueMap(colours)]),
        DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
    ]
    return panel.override_by_name("verdict", properties).override_by_name("Verdict", properties)


class _Target:
    """A query of the SQLite plugin, which the SDK has no class for."""

    def __init__(self, query: str) -> None:
        self.query = query

    def build(self) -> Any:
        from grafana_foundation_sdk.cog.runtime import UnknownDataquery

        return UnknownDataquery(
            {
                "refId": "A",
                "datasource": {"type": PLUGIN, "uid": "${datasource}"},
                "queryType": "table",
                "queryText": self.query,
                "rawQueryText": self.query,
                "timeColumns": [],
            }
        )


def dashboard_json() -> str:
    """As the SDK writes it once it has read it: what a panel leaves open is filled in then."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    encoder = JSONEncoder(sort_keys=True, indent=1)
    read = Dashboard.from_json(json.loads(encoder.encode(dashboard().build())))
    text: str = encoder.encode(read)
    return text + "\n"


if __name__ == "__main__":
    sys.stdout.write(dashboard_json())
