"""Suspects of broken models run again alone: what was too faint is named, clean stays clean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import localise  # noqa: E402
from injection.alone import Dumped  # noqa: E402
from injection.trial import ATEN, Column, Fault, Trial  # noqa: E402
from trueness.diagnose.confirm import confirmed  # noqa: E402
from trueness.diagnose.replay import replay  # noqa: E402
from trueness.model import Diagnosis  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(Column("convolutional", "bf16", "fp32"), 3)


def both(trial: Trial, fault: Fault | None, folder: Path) -> tuple[Diagnosis, Diagnosis]:
    view = trial.view(inputs=True, graph=True, spare=fault.operator if fault else "")
    found = localise.localise(list(trial.rows(view, fault)), trial, view)
    return found, confirmed(found, Dumped(trial, view, fault, folder).items)


def test_a_clean_model_stays_clean(trial: Trial, tmp_path: Path) -> None:
    found, sure = both(trial, None, tmp_path)
    assert found.faint
    assert not sure.findings


def test_what_is_faint_is_named_when_it_is_off_alone(trial: Trial, tmp_path: Path) -> None:
    view = trial.view(inputs=True, graph=True)
    fault = trial.fault("scale 0.5 %")
    assert fault is not None
    rows = list(trial.rows(view, fault))
    faint = localise.localise(rows, trial, view).faint[0]
    own = next(row for row in rows[::-1] if row.my and row.my.op_name == fault.operator)
    unsure = Diagnosis("clean", faint=[replace(faint, op_name=fault.operator, result=own)])
    sure = confirmed(unsure, Dumped(trial, view, fault, tmp_path).items)
    assert [finding.op_name for finding in sure.findings] == [fault.operator]
    assert "alone it is off by" in sure.findings[0].evidence[-1]
    assert fault.operator in sure.conclusion


def test_every_aten_operator_of_the_models_is_replayed_and_right(tmp_path: Path) -> None:
    seen = set()
    for family in ("transformer", "experts", "convolutional", "state space"):
        trial = Trial(Column(family, "fp16", "fp32"), 3)
        view = trial.view(inputs=True, graph=True)
        rows = list(trial.rows(view))
        finding = localise.localise(rows, trial, localise.view_of(trial, 2)).faint[0]
        for row in rows:
            if row.my is None or row.my.op_type in seen or not trial.replayable(row.my.op_name):
                continue
            seen.add(row.my.op_type)
            asked = replace(finding, op_name=row.my.op_name, result=row)
            found = replay(Dumped(trial, view, None, tmp_path).items([asked])[0][0])
            assert not found.problem, row.my.op_type
            assert found.cleared, row.my.op_type
    assert len(set(ATEN) - seen) <= 3
