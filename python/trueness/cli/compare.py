"""`trueness compare`: two files, or two dumps."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trueness.errors import UsageError

if TYPE_CHECKING:
    from trueness.model import Result
    from trueness.report import Summary

INTERRUPTED = 130
LEVELS = ("debug", "info", "warning", "error", "fatal", "critical")

# typer reads these while Python 3.10 is running, which knows no `str | None` at run time here.
_Text = Optional[str]  # noqa: UP045
_Number = Optional[int]  # noqa: UP045
_Golden = Annotated[_Text, typer.Argument(help="What should have been computed.")]
_My = Annotated[_Text, typer.Argument(help="What was computed.")]
_GoldenPath = Annotated[_Text, typer.Option("--golden-path", "-gp", help="The same as GOLDEN.")]
_MyPath = Annotated[_Text, typer.Option("--my-path", "-mp", help="The same as MY.")]
_Output = Annotated[
    _Text,
    typer.Option("--output", "-o", help="Folder of the report. [two folders: the current one]"),
]
_Layout = Annotated[_Text, typer.Option(help="torchair, fusion or flat. [recognised]")]
_Rank = Annotated[_Number, typer.Option("--rank", "-r", help="Only this rank.")]
_Token = Annotated[_Number, typer.Option("--token", help="Only this token.")]
_Metrics = Annotated[
    str, typer.Option(help="all, basic (no KL divergence, no ULP error), or names with commas.")
]
_StandardName = Annotated[_Text, typer.Option(help="What is good enough: auto or bitwise. [auto]")]
_Jobs = Annotated[_Number, typer.Option(min=1, help="Threads. [all cores]")]
_Top = Annotated[int, typer.Option(min=0, help="How many of the worst rows to show.")]
_Report = Annotated[str, typer.Option(help="Kinds of report, with commas: csv.")]
_ExitZero = Annotated[bool, typer.Option("--exit-zero", help="0 instead of exit code 1.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_Level = Annotated[str, typer.Option("--log-level", "-l", help="debug also shows tracebacks.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")]


def compare(
    golden: _Golden = None,
    my: _My = None,
    golden_path: _GoldenPath = None,
    my_path: _MyPath = None,
    output: _Output = None,
    layout: _Layout = None,
    rank: _Rank = None,
    token: _Token = None,
    metrics: _Metrics = "all",
    standard: _StandardName = None,
    jobs: _Jobs = None,
    top: _Top = 10,
    report: _Report = "csv",
    exit_zero: _ExitZero = False,
    json: _Json = False,
    log_level: _Level = "info",
    quiet: _Quiet = False,
) -> None:
    """Compare two files or two dump folders.

    \b
    trueness compare golden.npy my.npy
    trueness compare golden_folder my_folder -o out
    trueness compare fx_dump ge_dump --rank 0 --token 1 --metrics basic

    Exit codes: 0 every pair passes, 1 something differs or could not be compared, 2 the comparison
    could not run."""
    _set_level(log_level)
    _check_reports(report)
    run = _Run(
        golden=_one("GOLDEN", golden, golden_path),
        my=_one("MY", my, my_path),
        output=output,
        metrics=[name.strip() for name in metrics.split(",") if name.strip()],
        standard=standard,
        top=top,
        json=json,
        quiet=quiet,
    )
    try:
        if run.two_files():
            _only_for_folders(layout=layout, rank=rank, token=token)
            code = run.files(jobs)
        else:
            code = run.folders(layout, rank, token, jobs)
    except KeyboardInterrupt:
        print("trueness: stopped; rows so far, if any, are in a .partial file", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if exit_zero else code)


@dataclass(frozen=True)
class _Run:
    """One call of the command, its options checked."""

    golden: Path
    my: Path
    output: str | None
    metrics: list[str]
    standard: str | None
    top: int
    json: bool
    quiet: bool

    def two_files(self) -> bool:
        for side, path in (("GOLDEN", self.golden), ("MY", self.my)):
            if not path.exists():
                raise UsageError(f"{side}: {path} does not exist")
        if self.golden.is_dir() != self.my.is_dir():
            folder, file = sorted((self.golden, self.my), key=lambda path: not path.is_dir())
            raise UsageError(f"{folder} is a folder and {file} a file; give two of a kind")
        return not self.golden.is_dir()

    def files(self, threads: int | None) -> int:
        from trueness.compare.files import compare_files
        from trueness.report import print_metrics

        results = compare_files(
            self.golden,
            self.my,
            standard=self.standard,
            threads=threads,
            metrics=self.metrics,
        )
        if not self.quiet and not self.json:
            print_metrics(results, sys.stdout)
        return self._show(*_collect(results, self.output))

    def folders(
        self, layout: str | None, rank: int | None, token: int | None, jobs: int | None
    ) -> int:
        from trueness.cli.progress import progress_bar
        from trueness.dumps import compare_dumps

        with progress_bar(not self.quiet) as on_progress:
            results = compare_dumps(
                self.golden,
                self.my,
                layout=layout,
                rank=rank,
                token=token,
                standard=self.standard,
                jobs=jobs,
                metrics=self.metrics,
                on_progress=on_progress,
            )
            collected = _collect(results.once(), self.output or ".")
        return self._show(*collected)

    def _show(self, summary: Summary, path: Path | None) -> int:
        from trueness.report import print_json, print_summary

        if self.json:
            shown = [*summary.worst(self.top), *summary.missing[: self.top]]
            print_json(summary, shown, path, sys.stdout)
        elif not self.quiet:
            print_summary(summary, self.top, path, sys.stdout)
        return summary.exit_code


def _collect(results: Iterable[Result], folder: str | None) -> tuple[Summary, Path | None]:
    """Rows go to the report as they come; only what the summary keeps stays."""
    from trueness.report import CsvReport, Summary

    summary = Summary()
    if folder is None:
        for result in results:
            summary.add(result)
        return summary, None
    with CsvReport(folder) as csv:
        for result in results:
            csv.write(result)
            summary.add(result)
    return summary, csv.path


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


def _check_reports(kinds: str) -> None:
    from trueness.report import REPORTS

    for kind in kinds.split(","):
        if kind not in REPORTS:
            raise UsageError(f"no report is called {kind!r}; known: {', '.join(REPORTS)}")


def _only_for_folders(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} is for two dump folders, not for two files")
