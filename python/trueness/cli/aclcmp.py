"""`trueness aclcmp`: a program that labels tensors of an accelerator, and what it labelled."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trueness.errors import UsageError

if TYPE_CHECKING:
    from trueness.report import Summary

_Text = Optional[str]  # noqa: UP045 - typer reads it while Python 3.10 is running
Command = Annotated[
    str, typer.Option("--exec", help="The command to run. No shell: put pipes into a script.")
]
Output = Annotated[str, typer.Option("--output", "-o", help="Where a folder for it is made.")]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds for files of the accelerator that come late.")
]
StandardName = Annotated[_Text, typer.Option(help="What is good enough. [auto]")]
Report = Annotated[str, typer.Option(help="Kinds of report, with commas.")]
Top = Annotated[int, typer.Option(min=0, help="How many of the worst rows to show.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="0 instead of exit code 1.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing of our own.")]


def aclcmp(
    command: Command,
    output: Output = ".",
    wait: Wait = 10.0,
    standard: StandardName = None,
    report: Report = "csv",
    top: Top = 10,
    exit_zero: ExitZero = False,
    quiet: Quiet = False,
) -> None:
    """Run a program that calls trueness.dump.set_label, and compare what it labelled.

    \b
    trueness aclcmp --exec "bash run.sh args"
    ACLTRANSFORMER_HOME_PATH=/opt/atb trueness aclcmp --exec "python run.py" -o out

    Every task gets a {task}_cmp_result.csv, all of them one report of ours.

    Exit codes: that of the program when it is not 0; else 0 every pair passes, 1 something differs
    or could not be compared, 2 nothing could be compared."""
    from trueness.aclcmp import command_of, run
    from trueness.report import print_summary

    words = command_of(command)
    folder = Path(output) / f"aclcmp_{datetime.now():%Y%m%d_%H%M%S_%f}_{os.getpid()}"
    folder.mkdir(parents=True)
    code = run(words, folder)
    try:
        summary, reports = _compare(folder, wait, standard, report)
    except UsageError as error:
        if not code:
            raise
        print(f"trueness: {error}", file=sys.stderr)
        raise typer.Exit(code) from None
    code = code or (0 if exit_zero else summary.exit_code)
    if not quiet:
        print_summary(summary, top, reports, sys.stdout, exit_code=code)
    raise typer.Exit(code)


def _compare(
    folder: Path, wait: float, standard: str | None, report: str
) -> tuple[Summary, list[Path]]:
    from trueness.aclcmp import compare_labels, task_of
    from trueness.dump.files import safe_name
    from trueness.model import Result
    from trueness.report import Reports, Summary
    from trueness.report.to_aclcmp import to_aclcmp

    tasks: dict[str, list[Result]] = {}
    summary = Summary()
    results = compare_labels(folder, wait=wait, standard=standard)
    reports = Reports(folder, report.split(","))
    with reports:
        for result in results:
            reports.write(result)
            summary.add(result)
            tasks.setdefault(task_of(result), []).append(result)
        reports.finish(summary)
    for task, rows in tasks.items():
        to_aclcmp(rows, folder / f"{safe_name(task) if task else ''}_cmp_result.csv")
    return summary, [*reports.paths]
