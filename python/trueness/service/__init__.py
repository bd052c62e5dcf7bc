"""Two serving runs, one answer: did serving get slower?

Loaders turn what the tools write into columns (`run`), columns become samples and statistics
(`samples`), two sides become rows with verdicts (`comparison`), and each writer shows those."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trueness.errors import UsageError
from trueness.service.comparison import Comparison, compare_runs
from trueness.service.crosscheck import Check, checks_of, disagreements
from trueness.service.distributions import THINNED, Distributions, distributions_of
from trueness.service.files import report_folder
from trueness.service.find import find_runs
from trueness.service.run import Note, Run
from trueness.service.to_grafana import to_grafana, to_provisioning
from trueness.service.to_html import to_html
from trueness.service.to_markdown import to_markdown
from trueness.service.to_sqlite import to_sqlite
from trueness.service.to_xlsx import to_xlsx

__all__ = ["Comparison", "Outcome", "service_compare", "write_reports"]

Writer = Callable[[Comparison, Distributions, Sequence[Check], Path], None]
WRITERS: dict[str, Writer] = {
    "compare_result.xlsx": to_xlsx,
    "compare_result.db": to_sqlite,
    "compare_visualization.json": to_grafana,
    "grafana_datasource.yaml": to_provisioning,
    "compare_result.html": to_html,
    "compare_result.md": to_markdown,
}


@dataclass(frozen=True)
class Outcome:
    """The comparison and the files that show it."""

    comparison: Comparison
    files: tuple[Path, ...]


def service_compare(
    input_paths: Sequence[Path],
    golden_paths: Sequence[Path],
    output: Path | None,
    *,
    slo: Mapping[str, float] | None = None,
    tolerance: Mapping[str, float] | None = None,
    where: Mapping[str, str] | None = None,
) -> Outcome:
    """Compares the runs of two sides and writes the reports into `output`, if one is given.

    `slo`: limits in ms by metric key. `tolerance`: shares by metric key, "" for all. `where`: only
    runs of these settings. Raises UsageError for a side without a run, or of several settings."""
    other, notes = find_runs(input_paths, "input")
    golden, more = find_runs(golden_paths, "golden")
    sides = _chosen(other, where or {}, "input"), _chosen(golden, where or {}, "golden")
    comparison = compare_runs(sides[1], sides[0], slo=slo, tolerance=tolerance)
    checks = [
        check
        for side, runs in zip(("input", "golden"), sides, strict=True)
        for run in runs
        for check in checks_of(side, run)
    ]
    said = (*notes, *more, *comparison.notes, *disagreements(checks))
    comparison = replace(comparison, notes=tuple(dict.fromkeys(said)))
    files = write_reports(comparison, checks, output) if output is not None else ()
    return Outcome(comparison, files)


def _chosen(runs: list[Run], where: Mapping[str, str], side: str) -> list[Run]:
    """Runs of one side are repetitions of each other, or their spread says nothing."""
    chosen = [
        run for run in runs if all(run.config.get(key) == value for key, value in where.items())
    ]
    if not chosen:
        raise UsageError(f"{side}: no run has {', '.join(f'{k}={v}' for k, v in where.items())}")
    for key in sorted({key for run in chosen for key in run.config}):
        values = sorted({run.config.get(key, "(none)") for run in chosen})
        if len(values) > 1:
            raise UsageError(
                f"{side}: its runs are no repetitions: {key} is {', '.join(values[:6])}; "
                f"choose one with --where {key}={values[0]}"
            )
    return chosen


def write_reports(
    comparison: Comparison, checks: Sequence[Check], output: Path
) -> tuple[Path, ...]:
    """Every report, each whole or not there; earlier ones of the same name are replaced."""
    folder = report_folder(output)
    drawn = distributions_of(comparison.input, comparison.golden)
    shown = replace(comparison, notes=(*comparison.notes, Note("info", str(output), THINNED)))
    written = []
    for name, write in WRITERS.items():
        write(shown, drawn, checks, folder / name)
        written.append(folder / name)
    return tuple(written)
