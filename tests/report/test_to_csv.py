import csv
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueness.model import Metrics, Result, State, TensorRef
from trueness.report import naming, to_csv, write_report
from trueness.report.columns import COLUMNS, location, place, row

MSIT = [
    "token_id",
    "data_id",
    "golden_data_path",
    "golden_op_type",
    "golden_dtype",
    "golden_shape",
    "golden_max_value",
    "golden_min_value",
    "golden_mean_value",
    "my_data_path",
    "my_op_type",
    "my_dtype",
    "my_shape",
    "my_max_value",
    "my_min_value",
    "my_mean_value",
    "cosine_similarity",
    "max_relative_error",
    "mean_relative_error",
    "max_absolute_error",
    "mean_absolute_error",
    "kl_divergence",
    "relative_euclidean_distance",
    "cmp_fail_reason",
]


HARD = "\",\n\r\t\0 '=+-@\u2028"


def result(name: str = "Add", **changes: object) -> Result:
    fields = {
        "golden": TensorRef("g.npy", op_name=name, token=2),
        "my": TensorRef("m", ("output", 1), name, "Add", "output", 1, rank=3, token=2),
        "state": State.OK,
        "passed": True,
        "standard": "auto@2",
        "golden_dtype": "float32",
        "golden_shape": (2, 8),
        "metrics": Metrics({"cosine_similarity": 0.1 + 0.2, "max_absolute_index": 11.0}),
    }
    return Result(**(fields | changes))


def written(tmp_path: Path, *results: Result) -> list[dict[str, str]]:
    path = write_report("csv", results, tmp_path / "report.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_start_as_those_of_msit() -> None:
    assert list(COLUMNS[:24]) == MSIT
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_a_row_has_a_cell_for_each_column() -> None:
    assert len(row(result(), 0)) == len(COLUMNS)
    assert len(row(Result(None, None, State.UNREADABLE), 0)) == len(COLUMNS)


def test_cells(tmp_path: Path) -> None:
    (found,) = written(tmp_path, result())
    assert found["golden_data_path"] == "g.npy"
    assert found["my_data_path"] == "m,outputs,1"
    assert found["golden_shape"] == "[2, 8]"
    assert float(found["cosine_similarity"]) == 0.1 + 0.2
    assert found["max_absolute_index"] == "11 [1, 3]"
    assert found["kl_divergence"] == ""
    assert (found["token_id"], found["rank"], found["data_id"]) == ("2", "3", "0")
    assert (found["state"], found["verdict"], found["standard"]) == ("ok", "pass", "auto@2")


def test_undefined_is_empty_and_infinite_is_not(tmp_path: Path) -> None:
    values = {"rmse": float("nan"), "relative_euclidean_distance": float("inf")}
    (found,) = written(tmp_path, result(metrics=Metrics(values)))
    assert (found["rmse"], found["relative_euclidean_distance"]) == ("", "inf")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    hostile = result(
        name,
        golden=TensorRef(name),
        my=TensorRef(name, op_name=name, op_type=name),
        reason=name,
        pairing=name,
    )
    (found,) = written(tmp_path, hostile)
    shown = name.replace("\r", "\\r")
    cells = [value for value in found.values() if shown in value]
    assert len(cells) == 6
    assert all(value == "'" + shown for value in cells)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('a,b"c', 'a,b"c'),
        ("two\nlines", "two\nlines"),
        ("a\rb", "a\\rb"),
        ("nul\0", "nul\\0"),
        ("\udcff", "\\udcff"),
        ("\u6587", "\u6587"),
    ],
)
def test_any_name_stays_in_its_cell(tmp_path: Path, name: str, shown: str) -> None:
    found = written(tmp_path, result(name), result())
    assert len(found) == 2
    assert found[0]["op_name"] == shown
    assert found[1]["op_name"] == "Add"


@given(st.lists(st.text(st.sampled_from(HARD) | st.characters(codec="utf-8"), max_size=9)))
def test_any_names_stay_in_their_cells(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    found = written(tmp_path_factory.mktemp("csv"), *map(result, names))
    for row_, name in zip(found, names, strict=True):
        shown = name.replace("\r", "\\r").replace("\0", "\\0")
        assert row_["op_name"] == ("'" if name[:1] in tuple("=+-@\t\r") else "") + shown


def test_numbers_are_no_formulas(tmp_path: Path) -> None:
    (found,) = written(tmp_path, result(metrics=Metrics({"my_min_value": -1.5})))
    assert found["my_min_value"] == "-1.5"


def test_a_report_is_named_by_time_and_never_written_over(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 678901)
    names = []
    for text in ("a", "b"):
        partial = tmp_path / "partial"
        partial.write_text(text)
        names += [path.name for path in naming.publish({"csv": partial}, tmp_path, now)]
        assert not partial.exists()
    assert names == [
        "trueness_report_20260102_030405_678.csv",
        "trueness_report_20260102_030405_679.csv",
    ]
    assert [(tmp_path / name).read_text() for name in names] == ["a", "b"]


@pytest.mark.parametrize(
    ("flat", "shape", "text"),
    [
        (float("nan"), (4,), ""),
        (-1.0, (4,), ""),
        (3.0, (4,), "3"),
        (0.0, (), "0"),
        (11.0, (2, 8), "11 [1, 3]"),
        (23.0, (2, 3, 4), "23 [1, 2, 3]"),
    ],
)
def test_the_worst_place(flat: float, shape: tuple[int, ...], text: str) -> None:
    assert place(flat, shape) == text


def test_locations() -> None:
    assert location(None) == ""
    assert location(TensorRef("f")) == "f"
    assert location(TensorRef("f", ("input", 2))) == "f,inputs,2"
    assert location(TensorRef("f.npz", "weight")) == "f.npz,weight"


def test_a_folder_is_not_replaced_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_report("csv", [result()], tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(("rows", "seconds", "there"), [(255, 1e9, 0), (600, 1e9, 512), (3, 0, 3)])
def test_rows_are_soon_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, seconds: float, there: int
) -> None:
    monkeypatch.setattr(to_csv, "SECONDS_A_WRITE", seconds)
    monkeypatch.setattr(to_csv, "monotonic", iter(range(10_000)).__next__)
    path = tmp_path / "report.csv"
    writer = to_csv.CsvWriter(path)
    for number in range(rows):
        writer.write(result(f"Add_{number}"))
    lines = path.read_text().splitlines()
    assert len(lines[1:]) == there
    assert writer.abandon()
    names = [line.split(",")[1] for line in path.read_text().splitlines()[1:]]
    assert names == [str(number) for number in range(rows)]


def test_a_report_without_rows_is_not_worth_keeping(tmp_path: Path) -> None:
    writer = to_csv.CsvWriter(tmp_path / "report.csv")
    assert not writer.abandon()
