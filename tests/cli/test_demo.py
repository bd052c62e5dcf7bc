import csv
from pathlib import Path

import pytest

from trueness.cli.app import main
from trueness.demo import fx_dump, ge_dump, transformer
from trueness.dumps import compare_dumps
from trueness.model import State


def test_the_planted_operator_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"first to differ: {transformer.PLANTED} " in out
    assert f"diagnosis: {transformer.PLANTED} (Mul) is where the values part" in out
    assert "the comparison would exit with 1" in out
    (report,) = tmp_path.glob("trueness_report_*.csv")
    with report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = next(row for row in rows if row["verdict"] == "fail")
    assert (first["op_name"], first["io"]) == (transformer.PLANTED, "output")
    assert not [row for row in rows if row["verdict"] == "not compared"]
    main(["compare", str(tmp_path / "golden"), str(tmp_path / "my"), "-q", "-o", str(tmp_path)])


def test_a_second_run_into_the_same_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my").mkdir()
    assert main(["demo", "-o", str(tmp_path)]) == 2
    said = f"trueness: {tmp_path / 'my'} is there already: choose another --output\n"
    assert capsys.readouterr().err == said
    assert not (tmp_path / "golden").exists()


def test_without_the_fault_the_model_is_clean(tmp_path: Path, monkeypatch) -> None:
    """So the demo shows the fault and not the noise of short dtypes."""
    layer = transformer._layer
    monkeypatch.setattr(
        transformer, "_layer", lambda model, rng, x, wrong: layer(model, rng, x, wrong=False)
    )
    model = transformer.run()
    golden = fx_dump.write(model, tmp_path / "golden")
    my = ge_dump.write(model, tmp_path / "my")
    summary = compare_dumps(golden, my).summary()
    assert summary.diagnosis.conclusion.startswith("clean")
    assert (summary.failed, summary.not_compared, summary.exit_code) == (0, 0, 0)
    assert summary.passed > 80
    assert set(summary.states) == {State.OK.value, *(s for s in summary.states if "unmatched" in s)}
