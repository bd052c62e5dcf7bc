"""`trueness compare`: two files, or two dumps."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trueness.cli import options
from trueness.cli.table import printable
from trueness.errors import UsageError

if TYPE_CHECKING:
    from trueness.model import Result
    from trueness.plan import Plan
    from trueness.report import Summary

INTERRUPTED = 130
LEVELS = ("debug", "info", "warning", "error", "fatal", "critical")


def compare(
    golden: options.Golden = None,
    my: options.My = None,
    golden_path: options.GoldenPath = None,
    my_path: options.MyPath = None,
    output: options.Output = None,
    layout: options.Layout = None,
    mapping: options.Mapping = None,
    path_map: options.PathMap = None,
    rank: options.Rank = None,
    token: options.Token = None,
    op: options.Op = None,
    op_type: options.OpType = None,
    io: options.Io = None,
    layer: options.Layer = None,
    cmp_level: options.CmpLevel = None,
    op_mapping_file: options.OpMappingFile = None,
    weight: options.Weight = False,
    listing: options.List = False,
    metrics: options.Metrics = "all",
    standard: options.StandardName = None,
    reference: options.Reference = None,
    jobs: options.Jobs = None,
    top: options.Top = 10,
    report: options.Report = None,
    replay: options.Replay = None,
    exit_zero: options.ExitZero = False,
    json: options.Json = False,
    log_level: options.Level = "info",
    quiet: options.Quiet = False,
) -> None:
    """Compare two files or two dump folders.

    \b
    trueness compare golden.npy my.npy
    trueness compare golden_folder my_folder -o out --report csv,html
    trueness compare fx_dump ge_dump --rank 0 --op "*MatMul*" --standard torch

    Exit codes: 0 all pairs pass, 1 some differ or could not be compared, 2 could not run."""
    _set_level(log_level)
    kinds = options.reports_of(report or ["csv"])
    # Two files have nothing to put into a report unless one is asked for.
    folder = output or ("." if report else None)
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    sides = _one("GOLDEN", golden, golden_path), _one("MY", my, my_path)
    by = standard, reference
    run = _Run(*sides, folder, kinds, names, *by, jobs, top, json, quiet, exit_zero, replay)
    which = rank, token, op, op_type, io, layer, cmp_level, op_mapping_file, listing
    part = _Part(options.layout_of(layout, weight), mapping, path_map, *which)
    raise typer.Exit(_interruptible(lambda: run.compare(part)))


def _interruptible(work: Callable[[], int]) -> int:
    try:
        return work()
    except KeyboardInterrupt as stop:
        kept = f"; rows so far are in {printable(stop.args[0])}" if stop.args else ""
        print(f"trueness: stopped{kept}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


@dataclass(frozen=True)
class _Part:
    """How two dumps are to be taken, and which part of them. The names are those of the options."""

    layout: str | None
    mapping: str | None
    path_map: list[str] | None
    rank: int | None
    token: int | None
    op: list[str] | None
    op_type: list[str] | None
    io: str | None
    layer: str | None
    cmp_level: str | None
    op_mapping_file: str | None
    list: bool

    def refuse(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if value is not None and value is not False:
                name = option.name.replace("_", "-")
                raise UsageError(f"--{name} is for two dump folders, not for two files")

    def plan(self, golden: Path, my: Path) -> Plan:
        from trueness.plan import filters_of, plan_dumps

        return plan_dumps(
            golden,
            my,
            layout=self.layout,
            mapping=self.mapping,
            filters=filters_of(
                rank=self.rank,
                token=self.token,
                op=self.op,
                op_type=self.op_type,
                io=self.io,
                layer=None if self.layer is None else options.layers_of(self.layer),
            ),
            path_map=options.path_map_of(self.path_map or []),
            level=self.cmp_level,
            op_mapping=self.op_mapping_file,
        )


@dataclass(frozen=True)
class _Run:
    """One call of the command, its options checked."""

    golden: Path
    my: Path
    output: str | None
    reports: list[str]
    metrics: list[str]
    standard: str | None
    reference: str | None
    jobs: int | None
    top: int
    json: bool
    quiet: bool
    exit_zero: bool
    replay: bool | None

    def compare(self, part: _Part) -> int:
        two_files = self.two_files() and not part.mapping and part.layout != "checkpoint"
        return self.files(part) if two_files else self.folders(part)

    def two_files(self) -> bool:
        for side, path in (("GOLDEN", self.golden), ("MY", self.my)):
            if not path.exists():
                raise UsageError(f"{side}: {path} does not exist")
        return not (self.golden.is_dir() or self.my.is_dir())

    def files(self, part: _Part) -> int:
        from trueness.compare.files import compare_files
        from trueness.report import print_metrics

        part.refuse()
        results = compare_files(
            self.golden,
            self.my,
            standard=self.standard,
            threads=self.jobs,
            metrics=self.metrics,
            reference=self.reference,
        )
        if not self.quiet and not self.json:
            print_metrics(results, sys.stdout)
        return self._show(*self._collect(results, self.output, lambda summary: summary))

    def folders(self, part: _Part) -> int:
        from trueness.cli.listing import print_plan, print_plan_json, print_recognised
        from trueness.cli.progress import progress_bar
        from trueness.dumps import compare_plan

        plan = part.plan(self.golden, self.my)
        # Names of millions of files are there to the end: the collector need not look at them.
        gc.freeze()
        if part.list and self.json:
            print_plan_json(plan, sys.stdout)
            return 0
        if part.list:
            print_recognised(plan.recognised, sys.stdout)
            print_plan(plan, sys.stdout)
            return 0
        with progress_bar(not self.quiet) as on_progress:
            results = compare_plan(
                plan,
                standard=self.standard,
                jobs=self.jobs,
                metrics=self.metrics,
                on_progress=on_progress,
                reference=self.reference,
            )
            if not self.quiet and not self.json:
                print_recognised(results.recognised, sys.stdout)
            complete = partial(results.complete, replay=self.replay)
            collected = self._collect(results.once(), self.output or ".", complete)
        return self._show(*collected)

    def _collect(
        self,
        results: Iterable[Result],
        folder: str | None,
        complete: Callable[[Summary], Summary],
    ) -> tuple[Summary, Sequence[Path]]:
        """Rows go to the reports as they come; only what the summary keeps stays."""
        from trueness.report import Reports, Summary

        summary = Summary()
        if folder is None:
            for result in results:
                summary.add(result)
            return complete(summary), ()
        reports = Reports(folder, self.reports)
        try:
            with reports:
                for result in results:
                    reports.write(result)
                    summary.add(result)
                reports.finish(complete(summary))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(*map(str, reports.kept)) from None
        return summary, reports.paths

    def _show(self, summary: Summary, reports: Sequence[Path]) -> int:
        from trueness.report import print_json, print_summary

        code = 0 if self.exit_zero else summary.exit_code
        if self.json:
            shown = [*summary.worst(self.top), *summary.missing[: self.top]]
            print_json(summary, shown, reports, sys.stdout)
        elif not self.quiet:
            print_summary(summary, self.top, reports, sys.stdout, exit_code=code)
        return code


def _set_level(name: str) -> None:
    if name.lower() not in LEVELS:
        raise UsageError(f"no log level is called {name!r}; known: {', '.join(LEVELS)}")
    logging.getLogger("trueness").setLevel(name.upper())


def _one(name: str, argument: str | None, option: str | None) -> Path:
    if argument and option:
        raise UsageError(f"{name} is given twice: {argument} and {option}")
    path = argument or option
    if not path:
        raise UsageError(f"{name} is missing; see trueness compare --help")
    return Path(path)
