"""compare_result.html: one file that opens anywhere, without Grafana and without a network.

What comes from inputs is in a compressed block and only ever shown as text; a
Content-Security-Policy lets no script run but those of the page, by their hashes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from string import Template

from trueness.offline_page import bokeh_scripts, packed, script_hash
from trueness.service.comparison import Comparison
from trueness.service.crosscheck import Check
from trueness.service.distributions import SIDES, Distributions
from trueness.service.files import EXTRA, whole
from trueness.service.verdict import VERDICTS, Row

PROGRAM = ("plots.js", "app.js")
LIBRARY = ("bokeh.min.js", "bokeh-api.min.js")
MOST_NOTES = 200
LONGEST = 500
_HERE = Path(__file__).parent / "html"
_Columns = dict[str, list[object]]


def to_html(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    """Writes the page. Raises UsageError when Bokeh, whose scripts are in it, is not installed."""
    library = bokeh_scripts(LIBRARY, f"compare_result.html needs bokeh: {EXTRA}")
    program = "\n".join(_read(name) for name in PROGRAM)
    hashes = " ".join(f"'sha256-{script_hash(script)}'" for script in (program, library))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = Template(_read("page.html")).substitute(
        policy=policy,
        style=_read("style.css"),
        data=packed(json.dumps(_data(comparison, drawn), allow_nan=False)),
        library=packed(library),
        program=program,
    )
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _data(comparison: Comparison, drawn: Distributions) -> dict[str, object]:
    judged = [row for row in comparison.rows if row.verdict]
    order = {verdict: place for place, verdict in enumerate(VERDICTS)}
    notes = [[note.level, note.where, note.message[:LONGEST]] for note in comparison.notes]
    return {
        "words": json.loads(_read("words.json")),
        "counts": {verdict: comparison.count(verdict) for verdict in VERDICTS},
        "sides": {
            "input": [run.name for run in comparison.input],
            "golden": [run.name for run in comparison.golden],
        },
        "rows": [_row(row) for row in sorted(judged, key=lambda row: order[row.verdict])],
        "notes": notes[:MOST_NOTES],
        "bins": _bins(drawn),
        "quantiles": _quantiles(drawn),
        "series": _series(drawn),
        "sizes": _sizes(drawn),
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "metric": row.metric.name[:LONGEST],
        "label": row.metric.label[:LONGEST],
        "statistic": row.statistic,
        "golden": _number(row.golden),
        "input": _number(row.input),
        "relative": _number(row.relative * 100),
        "low": _number(row.low * 100),
        "high": _number(row.high * 100),
        "verdict": row.verdict,
        "reason": row.reason,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _bins(drawn: Distributions) -> dict[str, _Columns]:
    """Without the last bin, which holds the tail and would be the whole width of the plot."""
    found: dict[str, _Columns] = {}
    for one in drawn.bins:
        columns = found.setdefault(one.metric, {"low": [], "high": [], "input": [], "golden": []})
        columns["low"].append(one.low)
        columns["high"].append(one.high)
        columns["input"].append(one.input_count)
        columns["golden"].append(one.golden_count)
    return {
        metric: {name: values[:-1] or values for name, values in columns.items()}
        for metric, columns in found.items()
    }


def _quantiles(drawn: Distributions) -> dict[str, _Columns]:
    found: dict[str, _Columns] = {}
    for one in drawn.quantiles:
        columns = found.setdefault(one.metric, {"quantile": [], "input": [], "golden": []})
        columns["quantile"].append(one.quantile)
        columns["input"].append(_number(one.input))
        columns["golden"].append(_number(one.golden))
    return found


def _series(drawn: Distributions) -> dict[str, dict[str, list[_Columns]]]:
    runs: dict[tuple[str, str, int], _Columns] = {}
    for point in drawn.points:
        place = point.metric, point.side, point.run
        columns = runs.setdefault(place, {"time": [], "value": []})
        columns["time"].append(point.time)
        columns["value"].append(point.value)
    found: dict[str, dict[str, list[_Columns]]] = {}
    for (metric, side, _), columns in runs.items():
        found.setdefault(metric, {name: [] for name in SIDES})[side].append(columns)
    return found


def _sizes(drawn: Distributions) -> dict[str, _Columns]:
    found: dict[str, _Columns] = {}
    for one in drawn.batch_sizes:
        name = f"{one.name[:LONGEST]}: {one.batch_type}"
        columns = found.setdefault(name, {"size": [], "input": [], "golden": []})
        columns["size"].append(one.batch_size)
        columns["input"].append(one.input_count)
        columns["golden"].append(one.golden_count)
    return found
