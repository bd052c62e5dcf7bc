from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builders.reports import HOSTILE_NAMES, hostile_rows, model_rows, result
from trueness.model import Metrics
from trueness.report import to_parquet, write_report
from trueness.report.columns import COLUMNS


def test_every_row_in_typed_columns_and_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_parquet, "ROWS_A_GROUP", 400)
    rows = list(model_rows(1000))
    path = write_report("parquet", rows, tmp_path / "report.parquet")
    assert pq.ParquetFile(path).num_row_groups == 3
    table = pq.read_table(path)
    assert table.column_names == list(COLUMNS)
    types = {name: str(table.schema.field(name).type) for name in COLUMNS}
    assert (types["rank"], types["rmse"], types["op_name"]) == ("int64", "double", "string")
    errors = table["relative_euclidean_distance"].to_pylist()
    assert errors[:999] == [row.metrics["relative_euclidean_distance"] for row in rows[:999]]
    assert errors[999] is None
    assert table["state"].to_pylist()[999] == "unmatched_golden"
    assert table["data_id"].to_pylist()[:3] == ["0", "1", "2"]


def test_infinite_and_undefined(tmp_path: Path) -> None:
    values = {"rmse": float("nan"), "relative_euclidean_distance": float("inf")}
    path = write_report("parquet", [result(metrics=Metrics(values))], tmp_path / "r.parquet")
    (row,) = pq.read_table(path).to_pylist()
    assert (row["rmse"], row["relative_euclidean_distance"]) == (None, float("inf"))


def test_any_name(tmp_path: Path) -> None:
    path = write_report("parquet", hostile_rows(), tmp_path / "report.parquet")
    names = pq.read_table(path)["op_name"].to_pylist()
    assert names == [name.replace("\ud800", "\\ud800") for name in HOSTILE_NAMES]


def test_no_rows(tmp_path: Path) -> None:
    path = write_report("parquet", [], tmp_path / "report.parquet")
    assert pq.read_table(path).shape == (0, len(COLUMNS))
