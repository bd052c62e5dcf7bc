"""The bench in small: models broken on purpose, in fixed seeds."""

from __future__ import annotations

from dataclasses import replace

import localise
from injection.faults import FAULTS
from injection.trial import Column, Trial
from trueness.diagnose import Localiser
from trueness.diagnose.rank import KEPT

COLUMNS = [Column("transformer", "bf16", "fp32"), Column("convolutional", "fp16", "same dtype")]


def test_broken_operators_are_named_and_clean_runs_are_clean() -> None:
    tally = localise.measure(COLUMNS, range(2, 3))
    ours = sum(score.first[localise.OURS] for score in tally.columns.values())
    plain = sum(score.first["floored"] for score in tally.columns.values())
    faults = sum(score.faults for score in tally.columns.values())
    alarms = sum(score.alarms[localise.OURS] for score in tally.columns.values())
    assert faults >= 16
    assert ours >= 0.85 * faults
    assert ours > plain
    assert alarms == 0


def test_every_kind_of_fault_befalls_some_operator() -> None:
    trials = [Trial(Column(family, "bf16", "fp32"), 3) for family in ("transformer", "experts")]
    for kind in FAULTS:
        assert any(trial.fault(kind) for trial in trials), kind


def test_a_trial_follows_from_its_seed() -> None:
    first, second = (Trial(COLUMNS[0], 5) for _ in range(2))
    view = localise.view_of(first, 1)
    assert view == localise.view_of(second, 1)
    left, right = (list(trial.rows(view)) for trial in (first, second))
    assert [row.metrics for row in left] == [row.metrics for row in right]


def test_of_later_runs_fewer_faint_operators_are_kept() -> None:
    trial = Trial(COLUMNS[0], 5)
    view = localise.view_of(trial, 2)
    localiser = Localiser([trial.graph()])
    for token in range(3):
        for row in trial.rows(view):
            assert row.my is not None
            list(localiser.follow([replace(row, my=replace(row.my, token=token))]))
    first, second = (len(verdict.faint) for verdict in localiser._done)
    assert first > second == KEPT
