"""compare_visualization.json, and the file that tells Grafana where compare_result.db is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from trueness.service.comparison import Comparison
from trueness.service.crosscheck import Check
from trueness.service.distributions import Distributions
from trueness.service.files import whole

DATABASE = "compare_result.db"


def to_grafana(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    """The dashboard is the same for every comparison: what differs is in the database."""
    with whole(path) as partial:
        partial.write_bytes(files("trueness.service").joinpath("dashboard.json").read_bytes())


def to_provisioning(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    """A data source for Grafana's folder `provisioning/datasources`. A JSON text is YAML too, so
    no path can end the quotes it stands in."""
    database = json.dumps(str(path.with_name(DATABASE).absolute()))
    with whole(path) as partial:
        partial.write_text(
            "# Copy into Grafana's provisioning/datasources; needs the plugin below.\n"
            "apiVersion: 1\n"
            "datasources:\n"
            "  - name: trueness compare_result\n"
            "    type: frser-sqlite-datasource\n"
            "    access: proxy\n"
            "    jsonData:\n"
            f"      path: {database}\n"
            "      pathOptions: mode=ro\n",
            encoding="utf-8",
        )
