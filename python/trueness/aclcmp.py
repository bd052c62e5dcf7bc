"""Runs a program that labels tensors on both sides of an accelerator, and compares each label."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trueness.compare.engine import compare_pairs
from trueness.compare.standards import Standard
from trueness.dump.labels import LABELS, SOURCES, TASK_FOLDER
from trueness.errors import UsageError
from trueness.model import Pair, Result, State, TensorRef, Unmatched

SHELL_WORDS = frozenset(("|", ";", "&", "&&", "||", ">", ">>", "<", "<<", "`", "\\", "!"))
QUIET_SECONDS = 0.5
"""A file that did not change for so long is taken for complete."""
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Label:
    """One call of `set_label`. `process` is the task, and the process where it was inherited;
    `number` counts the labels of one id and source there. `problem`: why there is no file."""

    process: str
    task: str
    source: str
    data_id: str
    path: str
    number: int
    problem: str = ""


def command_of(text: str) -> list[str]:
    """The words of a command. Raises UsageError for none, and for what only a shell could do."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--exec {text!r}: {error}") from None
    if not words:
        raise UsageError("--exec is empty; give a command")
    found = SHELL_WORDS.intersection(words)
    if found or "\n" in text:
        what = " ".join(sorted(found)) or "a line break"
        raise UsageError(
            f"--exec runs without a shell, so {what} means nothing: put it in a script"
        )
    return words


def run(command: Sequence[str], folder: Path) -> int:
    """Runs the command with the environment of a task; what it prints goes where our output goes.
    Returns its exit code, 128 + n when signal n ended it. Raises UsageError when it cannot
    start."""
    environment = {
        "ACLTRANSFORMER_SAVE_TENSOR": "1",
        "ACLTRANSFORMER_SAVE_TENSOR_MAX": "10000",
        **os.environ,
        "AIT_CMP_TASK": "1",
        "AIT_CMP_TASK_PID": str(os.getpid()),
        TASK_FOLDER: str(folder.absolute()),
    }
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise UsageError(f"{command[0]} cannot be run: {error}") from None
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # It got the signal too; what it does about it is its own affair.
            continue
        return 128 - code if code < 0 else code


def read_labels(folder: Path) -> tuple[list[Label], list[Unmatched]]:
    """In the order they were made, by task, and lines that a killed process left unfinished."""
    timed: list[tuple[str, int, Label]] = []
    broken: list[Unmatched] = []
    for path in sorted(folder.glob(f"*{LABELS}")):
        process = path.name.removesuffix(LABELS)
        counts: dict[tuple[str, str], int] = {}
        for line in path.read_bytes().splitlines():
            try:
                moment, label = _label(process, json.loads(line), counts)
                timed.append((label.task, moment, label))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                reason = f"not a whole label: {error or type(error).__name__}"
                broken.append(Unmatched(TensorRef(str(path)), None, reason, state=State.UNREADABLE))
    return [label for _, _, label in sorted(timed, key=lambda item: item[:2])], broken


def _label(
    process: str, record: Mapping[str, object], counts: dict[tuple[str, str], int]
) -> tuple[int, Label]:
    texts = [record[name] for name in ("task", "source", "data_id", "path")]
    task, source, data_id, path = (text if isinstance(text, str) else "" for text in texts)
    moment = record["time"]
    if source not in SOURCES or not path or not isinstance(moment, int):
        raise ValueError("source, path or time is missing")
    number = counts.get((source, data_id), 0)
    counts[source, data_id] = number + 1
    problem = str(record.get("problem") or "")
    return moment, Label(process, task, source, data_id, path, number, problem)


def settle(labels: Iterable[Label], seconds: float) -> None:
    """Waits until every file is there and does not grow any more, but not longer than that."""
    end = time.monotonic() + seconds
    waiting = {label.path for label in labels if not label.problem}
    while True:
        waiting = {path for path in waiting if not _quiet(path)}
        if not waiting or time.monotonic() >= end:
            return
        time.sleep(_POLL_SECONDS)


def _quiet(path: str) -> bool:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return False
    return found.st_size > 0 and time.time() - found.st_mtime >= QUIET_SECONDS


def pairs(labels: Sequence[Label]) -> Iterator[Pair | Unmatched]:
    """The n-th label of an id meets the n-th of the other side."""
    sides: dict[tuple[str, str, int], dict[str, Label]] = {}
    for label in labels:
        sides.setdefault((label.process, label.data_id, label.number), {})[label.source] = label
    repeated = {key[:2] for key in sides if key[2]}
    for key, found in sides.items():
        token = key[2] if key[:2] in repeated else None
        golden, my = (_ref(found.get(source), token) for source in SOURCES)
        missing = [_missing(source, found.get(source)) for source in SOURCES]
        reason = "; ".join(filter(None, missing))
        if reason or golden is None or my is None:
            yield Unmatched(golden, my, reason, state=State.NOT_DUMPED)
        else:
            yield Pair(golden, my, "label")


def _ref(label: Label | None, token: int | None) -> TensorRef | None:
    if label is None:
        return None
    return TensorRef(label.path, label=label.data_id, graph=label.task, token=token)


def _missing(source: str, label: Label | None) -> str:
    if label is None:
        return f"{source}_data_path is not exist. It was never labelled"
    if label.problem:
        return f"{source}_data_path is not exist. {label.problem}"
    return "" if Path(label.path).is_file() else f"{source}_data_path is not exist."


def compare_labels(
    folder: Path, *, wait: float, standard: str | Standard | None = None, jobs: int | None = None
) -> Iterator[Result]:
    """A row for every label of the folder, task by task; `wait` seconds at most for files that are
    still being written. Raises UsageError when nothing was labelled."""
    labels, broken = read_labels(folder)
    if not labels and not broken:
        raise UsageError(
            f"nothing was labelled in {folder}: the program has to call trueness.dump.set_label"
        )
    settle(labels, wait)
    return compare_pairs([*pairs(labels), *broken], standard=standard, jobs=jobs)


def task_of(result: Result) -> str:
    """The task a row belongs to; "" for what is no label."""
    ref = result.golden or result.my
    return ref.graph if ref else ""
