"""What a path holds: one run or several, told by content and by the names the tools give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trueness.errors import ReadError, UsageError
from trueness.service import bench_serving, guidellm, perf_export
from trueness.service.analyzed import DATABASE, FILES, read_analyzed
from trueness.service.json_source import read_objects
from trueness.service.raw import is_raw_database, raw_databases, read_raw_databases
from trueness.service.run import Note, Run
from trueness.service.sqlite_source import is_sqlite

DEEPEST = 3
SUFFIXES = (".json", ".jsonl", ".db")
COPIES = ".pytorch.json"
"""What vLLM writes beside a result: the same numbers in another form."""
KNOWN = (
    "an analyze folder of msserviceprofiler, a raw collector database, or a result of vLLM "
    "bench serve, sglang bench_serving, GenAI-Perf, AIPerf or guidellm"
)


def find_runs(paths: Sequence[Path], side: str) -> tuple[list[Run], list[Note]]:
    """The runs of one side. Raises UsageError when a path has none; a run of several that cannot be
    read is a note."""
    runs: list[Run] = []
    notes: list[Note] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{side}: {path} does not exist")
        found = list(_runs_at(path, notes, 0))
        if not found:
            why = "; ".join(f"{note.where}: {note.message}" for note in notes)
            raise UsageError(f"{side}: {path} holds no run. {why or f'Wanted is {KNOWN}'}")
        runs += found
    return runs, notes


def _runs_at(path: Path, notes: list[Note], depth: int) -> Iterator[Run]:
    try:
        if path.is_dir():
            yield from _of_folder(path, notes, depth)
        elif path.is_file():
            found = _of_file(path)
            if not found:
                message = f"is no result this can read; wanted is {KNOWN}"
                notes.append(Note("info" if depth else "error", str(path), message))
            yield from found
        else:
            notes.append(Note("error", str(path), "is no plain file"))
    except (ReadError, OSError) as error:
        notes.append(Note("error", str(path), str(error).removeprefix(f"{path}: ")))


def _of_folder(folder: Path, notes: list[Note], depth: int) -> Iterator[Run]:
    names = sorted(child.name for child in folder.iterdir() if not child.name.startswith("."))
    analyzed = [name for name in names if name in FILES and (folder / name).is_file()]
    if analyzed:
        yield read_analyzed(folder, analyzed)
        return
    databases = raw_databases(folder, names)
    if databases:
        yield read_raw_databases(folder, databases)
        return
    export = next((name for name in names if _is_export(name)), None)
    if export is not None:
        yield from _of_file(folder / export)
        return
    if depth >= DEEPEST:
        return
    strange = []
    for name in names:
        child = folder / name
        if child.is_dir() or (name.lower().endswith(SUFFIXES) and not name.endswith(COPIES)):
            yield from _runs_at(child, notes, depth + 1)
        else:
            strange.append(name)
    if strange:
        message = f"{len(strange)} files are no results and were not read: {', '.join(strange[:5])}"
        notes.append(Note("info", str(folder), message))


def _is_export(name: str) -> bool:
    return name.endswith(("profile_export_aiperf.json", "_genai_perf.json"))


def _of_file(path: Path) -> list[Run]:
    """The runs of a file; none where it is sound but nothing that is known."""
    if path.name in FILES and path.name != DATABASE:
        return [read_analyzed(path.parent, [path.name])]
    if path.stat().st_size == 0:
        raise ReadError(str(path), "is empty (0 bytes)")
    if is_sqlite(path):
        if is_raw_database(path):
            return [read_raw_databases(path.parent, [path])]
        return [read_analyzed(path.parent, [path.name], database=path.name)]
    objects = read_objects(path)
    first = objects[0]
    if bench_serving.is_mine(first):
        several = len(objects) > 1
        return [
            bench_serving.read_result(one, f"{path}#{number}" if several else str(path))
            for number, one in enumerate(objects)
        ]
    if guidellm.is_mine(first):
        return guidellm.read_benchmarks(first, str(path))
    if perf_export.is_record(first):
        return [perf_export.read_records(objects, str(path))]
    if perf_export.is_raw(first):
        return [perf_export.read_raw(first, str(path))]
    if perf_export.is_mine(first):
        return [perf_export.read_export(first, str(path), path.parent)]
    return []
