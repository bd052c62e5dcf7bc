"""Where dumps lie, who may write there and how Python orders its sets change nothing. msit refuses
such paths, or waits for ever for a process that refused them."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builders import atb
from builders.decoder import LAYER, atb_names, write_torch
from trueness.dumps import compare_dumps
from trueness.model import TensorRef

GT710 = Path(__file__).parents[1] / "data" / "torchair" / "gt710"
Row = tuple[str, str, str, str]


def rows(golden: Path, my: Path) -> list[Row]:
    def named(ref: TensorRef | None) -> str:
        path = ref.path if ref else ""
        return path.replace(str(golden), "golden").replace(str(my), "my")

    return [
        (named(result.golden), named(result.my), result.state.value, result.pairing)
        for result in compare_dumps(golden, my, metrics="basic")
    ]


@pytest.fixture(scope="module")
def plain() -> list[Row]:
    return rows(GT710 / "fx", GT710 / "ge")


@pytest.mark.parametrize("name", ["a b", "\u00e9\u6570", "a+b,c=d", "100%", "[x]{y}"])
def test_any_name_of_a_folder(tmp_path: Path, plain: list[Row], name: str) -> None:
    shutil.copytree(GT710, tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / name)
    assert rows(tmp_path / name / "fx", tmp_path / "link" / "ge") == plain


def test_what_others_may_write_to(tmp_path: Path, plain: list[Row]) -> None:
    """As everything is that was dumped with umask 0."""
    shutil.copytree(GT710, tmp_path / "dump")
    for path in (tmp_path / "dump").rglob("*"):
        path.chmod(0o777)
    assert rows(tmp_path / "dump/fx", tmp_path / "dump/ge") == plain


def test_rows_are_numbered_without_gaps_in_the_same_order_every_time(tmp_path: Path) -> None:
    """msit walks sets of names here: their order is another in each process."""
    values = {f"root.model.layers.{i}.{part}".rstrip("."): i for i in range(3) for part in LAYER}
    arrays = {name: np.full(4, value, np.float32) for name, value in values.items()}
    write_torch(tmp_path / "golden", arrays)
    mine = {f"{name}/after/outtensor0": np.ones(4, np.float32) for name in atb_names(3)}
    atb.write(tmp_path / "my", mine)
    reports = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        program = "import sys; from trueness.cli.app import main; sys.exit(main())"
        sides = [str(tmp_path / "golden"), str(tmp_path / "my")]
        run = subprocess.run(
            [sys.executable, "-c", program, "compare", *sides, "-q", "-o", str(out)],
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        assert run.returncode == 1
        (report,) = out.glob("*.csv")
        with report.open(encoding="utf-8", newline="") as file:
            reports.append(list(csv.DictReader(file)))
    assert reports[0] == reports[1]
    assert [row["data_id"] for row in reports[0]] == [str(i) for i in range(len(reports[0]))]
    names = [row["my_data_path"] for row in reports[0] if row["my_data_path"]]
    assert len(names) == len(set(names)) == len(mine)
