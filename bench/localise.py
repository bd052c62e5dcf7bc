"""Breaks models on purpose and counts how often the broken operator is named.

    python bench/localise.py [--part tuned|held-seeds|validation|held] [--models N] [--third]

`tuned` is what rules were made on: three families of models, seeds below 1000. `held-seeds` is the
same families in other seeds. `validation` is a family that was looked at between two changes of
rules, `held` one that was not. Models alternate between what was dumped: outputs and a graph,
inputs too and no graph, all of it. 8 % of the operators are missing, some are fused. Suspects are
run again alone, as `trueness compare` does, by torch where it is installed; beside it is what rows
tell without that. `--third` adds the run of a third implementation, as `--reference` does.
TRUENESS_BENCH_SCALE makes it smaller."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import cases
from injection.alone import Dumped
from injection.catalogue import HELD, TUNED, VALIDATION
from injection.faults import FAULTS
from injection.rules import ALWAYS, RULES, outputs
from injection.trial import Column, Fault, Trial, View
from trueness.diagnose import Localiser
from trueness.diagnose.confirm import confirmed
from trueness.model import Diagnosis, Result

OURS = "trueness"
ROWS = "by rows alone"
"""Without running suspects again."""
DTYPES = ("bf16", "fp16", "int8")
GOLDENS = ("fp64", "fp32", "same dtype")
THIRD = GOLDENS[:2]
"""A third implementation of the same dtype tells something where golden is better than that."""
VIEWS = ("outputs, graph", "inputs, no graph", "inputs, graph")
CLEAN_VIEWS = 3
PARTS: Mapping[str, tuple[str, Sequence[str], int]] = {
    "tuned": ("tuned families", TUNED, 0),
    "held-seeds": ("tuned families, held seeds", TUNED, 1000),
    "validation": ("validation family", (VALIDATION,), 1000),
    "held": ("held-out family", (HELD,), 1000),
}
"""Title, families and the first seed."""


@dataclass
class Score:
    """`names` by rule: how many of `faults` it named first, and among the first three; and on how
    many of `clean` runs it named any."""

    faults: int = 0
    clean: int = 0
    first: Counter[str] = field(default_factory=Counter)
    three: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    known: bool = False

    def add(self, other: Score) -> None:
        self.faults += other.faults
        self.clean += other.clean
        for own, more in zip(self._counts(), other._counts(), strict=True):
            own.update(more)

    def _counts(self) -> tuple[Counter[str], Counter[str], Counter[str]]:
        return self.first, self.three, self.alarms

    def cells(self, rule: str) -> str:
        alarm = "   -" if rule in ALWAYS else f"{_percent(self.alarms[rule], self.clean):4.0f}"
        first, three = (_percent(c[rule], self.faults) for c in (self.first, self.three))
        return f"{first:4.0f} {three:4.0f} {alarm}"


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def localise(rows: Sequence[Result], trial: Trial, view: View) -> Diagnosis:
    localiser = Localiser([trial.graph()] if view.graph else [])
    for _ in localiser.follow(rows):
        pass
    return localiser.diagnosis()


def names_by_rule(trial: Trial, view: View, fault: Fault | None) -> dict[str, list[str]]:
    """The operators each rule names, the likeliest first."""
    rows = list(trial.rows(view, fault))
    found = localise(rows, trial, view)
    named = {ROWS: [finding.op_name for finding in found.findings]}
    with TemporaryDirectory() as folder:
        sure = confirmed(found, Dumped(trial, view, fault, Path(folder)).items)
    named[OURS] = [finding.op_name for finding in sure.findings]
    seen = outputs(rows, trial.graph().ops if view.graph else {})
    return named | {name: rule(seen) for name, rule in RULES.items()}


def view_of(trial: Trial, number: int, spare: str = "") -> View:
    kind = VIEWS[number % len(VIEWS)]
    return trial.view(inputs="inputs" in kind, graph="no graph" not in kind, spare=spare)


@dataclass
class Tally:
    """Scores by column, by kind of fault and by what was dumped; `known` those of models whose
    inputs were dumped, with faults in operators that golden has as one aten operator."""

    total: Score = field(default_factory=Score)
    known: Score = field(default_factory=Score)
    columns: dict[Column, Score] = field(default_factory=dict)
    kinds: dict[str, Score] = field(default_factory=dict)
    views: dict[str, Score] = field(default_factory=dict)

    def add(self, column: Column, kind: str, view: int, score: Score) -> None:
        self.total.add(score)
        if score.known:
            self.known.add(score)
        self.columns.setdefault(column, Score()).add(score)
        self.kinds.setdefault(kind, Score()).add(score)
        self.views.setdefault(VIEWS[view % len(VIEWS)], Score()).add(score)


def measure(
    columns: Sequence[Column], seeds: Sequence[int], *, third: bool = False, verbose: bool = False
) -> Tally:
    tally = Tally()
    for number, seed in enumerate(seeds):
        for column in columns:
            trial = Trial(column, seed, third=third)
            for extra in range(CLEAN_VIEWS):
                view = view_of(trial, extra)
                named = names_by_rule(trial, view, None)
                alarms = Counter(rule for rule, found in named.items() if found)
                score = Score(clean=1, alarms=alarms, known=view.inputs)
                tally.add(column, "clean", extra, score)
                if verbose and named[OURS]:
                    print(f"ALARM {column} seed {seed} {VIEWS[extra]}: {named[OURS][:3]}")
            for place, kind in enumerate(FAULTS):
                turn = number + place
                found = _of_fault(trial, kind, turn, verbose and f"{column} seed {seed}")
                if found:
                    tally.add(column, kind, turn, found)
    return tally


def _of_fault(trial: Trial, kind: str, number: int, label: str | bool) -> Score | None:
    fault = trial.fault(kind)
    if fault is None:
        return None
    view = view_of(trial, number, fault.operator)
    named = names_by_rule(trial, view, fault)
    if label and fault.operator not in named[OURS][:1]:
        print(f"{kind} at {fault.operator}, {label}, {VIEWS[number % 3]}: {named[OURS][:3]}")
    first = Counter(rule for rule, found in named.items() if fault.operator in found[:1])
    three = Counter(rule for rule, found in named.items() if fault.operator in found[:3])
    known = view.inputs and trial.replayable(fault.operator)
    return Score(1, 0, first, three, known=known)


def columns_of(families: Sequence[str], goldens: Sequence[str] = GOLDENS) -> list[Column]:
    return [Column(f, d, g) for f in families for d in DTYPES for g in goldens]


def table(title: str, tally: Tally) -> Iterator[str]:
    rules = (OURS, ROWS, *RULES)
    yield f"{title}: named first, among the first three, alarms on clean runs, in percent"
    yield " " * 44 + " ".join(f"{rule:>16}" for rule in rules)
    for column, score in tally.columns.items():
        yield _line(f"{column.family} {column.dtype} golden {column.golden}", score, rules)
    for group in (tally.kinds, tally.views):
        yield from (_line(name, score, rules) for name, score in group.items())
    yield _line("all", tally.total, rules)


def summary(tallies: Mapping[str, Tally]) -> Iterator[str]:
    rules = (OURS, ROWS, *RULES)
    yield "first, among the first three, alarms, in percent"
    yield " " * 44 + " ".join(f"{rule:>16}" for rule in rules)
    for title, tally in tallies.items():
        yield _line(title, tally.total, rules)
        if tally.known.faults:
            yield _line(f"{title}, inputs dumped", tally.known, rules)


def _line(name: str, score: Score, rules: Sequence[str]) -> str:
    cells = " ".join(f"{score.cells(rule) if rule else '':>16}" for rule in rules)
    return f"{name:38} {score.faults:5}" + cells


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="how often the broken operator is named")
    parser.add_argument("--part", choices=tuple(PARTS), action="append")
    parser.add_argument("--models", type=int, default=6, help="a column")
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--third", action="store_true", help="with a third implementation")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    count = max(1, round(options.models * cases.SCALE))
    tallies: dict[str, Tally] = {}
    for part in options.part or PARTS:
        title, families, first = PARTS[part]
        seeds = range(first + options.start, first + options.start + count)
        columns = columns_of(families, THIRD if options.third else GOLDENS)
        tallies[title] = measure(columns, seeds, third=options.third, verbose=options.verbose)
        print(*table(title, tallies[title]), sep="\n", flush=True)
    print(*summary(tallies), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
