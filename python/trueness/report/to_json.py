"""A comparison for other programs: the summary, on one line of the output or in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TextIO

from trueness.model import Diagnosis, Finding, Neighbour, Result
from trueness.report.columns import COLUMNS, Cell, row
from trueness.report.summary import Summary

ROWS = 100
"""The worst rows, and those not compared, that a file has."""


class JsonWriter:
    """The summary of a run for CI: what `--json` prints, with more rows and no paths of reports."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, result: Result) -> None:
        """The summary has all that is shown."""

    def finish(self, summary: Summary) -> None:
        rows = [*summary.worst(ROWS), *summary.missing[:ROWS]]
        json.dump(_found(summary, rows), self._file, allow_nan=False, indent=1)
        self._file.close()

    def abandon(self) -> bool:
        self._file.close()
        return False


def print_json(
    summary: Summary, rows: Iterable[Result], reports: Sequence[Path], out: TextIO
) -> None:
    """What each side was recognised as, the counts, the findings, `rows` with the columns of the
    CSV (null where it has an empty cell, text for an infinity, which JSON does not know), and the
    paths of the reports; `report` is the first of them or null."""
    found = _found(summary, rows)
    found["report"] = str(reports[0]) if reports else None
    found["reports"] = {path.suffix[1:]: str(path) for path in reports}
    print(json.dumps(found, allow_nan=False), file=out)


def _found(summary: Summary, rows: Iterable[Result]) -> dict[str, object]:
    return {
        "recognised": summary.recognised,
        "summary": summary.as_dict(),
        "diagnosis": summary.diagnosis and _diagnosis(summary.diagnosis),
        "rows": [_row(result, number) for number, result in enumerate(rows)],
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "conclusion": diagnosis.conclusion,
        "order": diagnosis.order,
        "edges": diagnosis.edges,
        "noise": _value(diagnosis.noise),
        "findings": [finding_as_dict(finding) for finding in diagnosis.findings],
    }


def finding_as_dict(finding: Finding) -> dict[str, object]:
    names = ("kind", "op_name", "op_type", "score", "error", "inherited", "rank", "token", "layer")
    return {
        **{name: _value(getattr(finding, name)) for name in names},
        "evidence": list(finding.evidence),
        "producers": [_neighbour(other) for other in finding.producers],
        "consumers": [_neighbour(other) for other in finding.consumers],
        "row": _row(finding.result, 0),
    }


def _neighbour(neighbour: Neighbour) -> dict[str, object]:
    return {name: _value(value) for name, value in asdict(neighbour).items()}


def _row(result: Result, number: int) -> dict[str, Cell | None]:
    return {name: _value(cell) for name, cell in zip(COLUMNS, row(result, number), strict=True)}


def _value(cell: Cell | None) -> Cell | None:
    if cell is None or cell == "" or cell != cell:
        return None
    return str(cell) if isinstance(cell, float) and not isfinite(cell) else cell
