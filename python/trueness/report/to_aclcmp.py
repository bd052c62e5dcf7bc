"""The CSV of labelled tensors, with the columns that `ait debug compare aclcmp` documents."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from trueness._core import csv_lines
from trueness.model import Result
from trueness.report.columns import Cell, location, shape_text

_METRICS = (
    "cosine_similarity",
    "max_relative_error",
    "mean_relative_error",
    "relative_euclidean_distance",
)
COLUMNS = (
    "data_id",
    "pta_data_path",
    "pta_dtype",
    "pta_shape",
    "acl_data_path",
    "acl_dtype",
    "acl_shape",
    "cmp_flag",
    *_METRICS,
    "cmp_fail_reason",
)


def to_aclcmp(results: Iterable[Result], path: str | os.PathLike[str]) -> Path:
    """Writes a row for each result to `path`, in the place of what was there. `cmp_flag` is True
    where elements met."""
    final = Path(path)
    partial = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(csv_lines([[*COLUMNS]]))
            file.writelines(csv_lines([_row(result)]) for result in results)
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
    return final


def _row(result: Result) -> list[Cell]:
    own = result.golden or result.my
    return [
        own.label if own else "",
        location(result.golden),
        result.golden_dtype,
        shape_text(result.golden_shape),
        location(result.my),
        result.my_dtype,
        shape_text(result.my_shape),
        str(result.state.compared),
        *result.metrics.pick(_METRICS),
        result.reason,
    ]
