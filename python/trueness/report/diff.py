"""Two reports of the same model: what got better, what worse, what is new and what is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from trueness.model import State
from trueness.report.read_report import Key, Row

RATIO = 2.0
"""How many times an error must grow or shrink to count: less comes and goes with the order in which
a kernel adds."""
_LEVELS = {"pass": 0, "fail": 1, "not compared": 2}
_ROUNDING = {"bfloat16": 2**-8, "float16": 2**-11, "complex32": 2**-11, "float64": 2**-53}
_FINEST = 2**-24
"""Unit roundoff of float32, for all dtypes that are not named."""
_COARSE = {"float8_e4m3fn": 2**-4, "hifloat8": 2**-4, "float8_e5m2": 2**-3}


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is not as it was; `old` or `new` is None where a report has no such row."""

    key: Key
    old: Row | None
    new: Row | None

    @property
    def growth(self) -> float:
        """How many times the error is what it was; more than 1 is worse."""
        if self.old is None or self.new is None or self.old.error != self.old.error:
            return 1.0
        if _is_odd(self.old) != _is_odd(self.new):
            return inf if _is_odd(self.new) else 0.0
        return self.new.error / self.old.error if self.old.error else inf


@dataclass(frozen=True, slots=True)
class ReportDiff:
    """Worse and better rows come with the largest change first, the others in execution order."""

    worse: Sequence[Change]
    better: Sequence[Change]
    new: Sequence[Change]
    gone: Sequence[Change]
    same: int
    standards: tuple[str, str]

    @property
    def exit_code(self) -> int:
        """0 nothing is worse, 1 something is worse or gone."""
        return 1 if self.worse or self.gone else 0

    @property
    def note(self) -> str:
        if self.standards[0] == self.standards[1] or not all(self.standards):
            return ""
        old, new = self.standards
        return f"judged by {old} and by {new}: only errors and states are compared, not verdicts"


def diff_reports(
    old: Mapping[Key, Row], new: Mapping[Key, Row], ratio: float = RATIO
) -> ReportDiff:
    """Rows are the same as long as their verdict is and their error changes by less than `ratio` or
    stays under what rounding does in their dtype. NaN or Inf where there were none is worse. A row
    is gone only if it had been compared or should have been."""
    standards = _standards(old), _standards(new)
    judged = standards[0] == standards[1]
    worse: list[Change] = []
    better: list[Change] = []
    same = 0
    for key in old.keys() & new.keys():
        change = Change(key, old[key], new[key])
        direction = _direction(old[key], new[key], ratio, judged)
        if direction:
            (worse if direction > 0 else better).append(change)
        else:
            same += 1
    return ReportDiff(
        sorted(worse, key=lambda change: (-_step(change), -change.growth, change.key)),
        sorted(better, key=lambda change: (_step(change), change.growth, change.key)),
        [Change(key, None, row) for key, row in new.items() if key not in old],
        [Change(key, row, None) for key, row in old.items() if key not in new and row.verdict],
        same,
        standards,
    )


def _standards(rows: Mapping[Key, Row]) -> str:
    return ", ".join(sorted({row.standard for row in rows.values()} - {""}))


def _direction(old: Row, new: Row, ratio: float, judged: bool) -> int:
    """1 worse, -1 better, 0 the same."""
    levels = [_level(row, judged) for row in (old, new)]
    if levels[0] != levels[1]:
        return 1 if levels[1] > levels[0] else -1
    if _is_odd(old) != _is_odd(new):
        return 1 if _is_odd(new) else -1
    floor = max(_rounding(row) for row in (old, new))
    if max(old.error, new.error) <= floor:
        return 0
    if new.error > ratio * old.error:
        return 1
    return -1 if old.error > ratio * new.error else 0


def _is_odd(row: Row) -> bool:
    """Whether NaN or Inf are what is wrong with it: the error is then of the finite rest alone."""
    failed = row.verdict == "fail" and row.state.startswith("nonfinite")
    return failed or row.state == State.NONFINITE_MY


def _level(row: Row, judged: bool) -> int:
    level = _LEVELS.get(row.verdict, 0)
    return level if judged else level // 2


def _step(change: Change) -> int:
    """By how much the verdict changed."""
    levels = [_LEVELS.get(row.verdict, 0) if row else 0 for row in (change.old, change.new)]
    return levels[1] - levels[0]


def _rounding(row: Row) -> float:
    table = _ROUNDING | _COARSE
    return max(table.get(dtype, _FINEST if dtype else 0.0) for dtype in row.dtypes)
