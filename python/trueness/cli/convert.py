"""`trueness convert`: the tensors of a file, or of all files of a folder, as .npy, .pt or .bin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from trueness.cli.raw_shape import parse_shape
from trueness.cli.table import printable
from trueness.errors import FormatError, ReadError

# typer reads these while Python 3.10 is running, which knows no `str | None` at run time here.
_Text = Optional[str]  # noqa: UP045
_Path = Annotated[Path, typer.Argument(help="A dump or tensor file, or a folder of them.")]
_Kind = Annotated[Literal["npy", "pt", "bin"], typer.Option("--to", help="What to write.")]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the new files.")]
_Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
_DType = Annotated[_Text, typer.Option(help="Type of a headerless binary: float16, bf16 ...")]
_Shape = Annotated[_Text, typer.Option(help="Shape of a headerless binary: 2,3,4.")]
_Offset = Annotated[int, typer.Option(min=0, help="Where the data of such a binary begin.")]


def convert_command(
    path: _Path,
    to: _Kind,
    output: _Output = Path(),
    force: _Force = False,
    dtype: _DType = None,
    shape: _Shape = None,
    offset: _Offset = 0,
) -> None:
    """Write each tensor to a file of its own: {file}.{io}.{i}.npy and so on.

    npy and pt are in logical order (bf16 becomes float32 in npy), bin holds the bytes as stored.
    Exit code 1: something could not be read; the rest is written all the same."""
    from trueness.read import open_file
    from trueness.read.export import Exporter

    dims = parse_shape(shape)
    if not path.exists():
        raise ReadError(str(path), "no such file or folder")
    sources = _sources(path)
    output.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(to, force)
    failed = False
    for source in _with_progress(sources):
        target = output
        if path.is_dir():
            target = output / source.parent.relative_to(path)
            target.mkdir(parents=True, exist_ok=True)
        try:
            file = open_file(source, dtype=dtype, shape=dims, offset=offset)
            problems = exporter.export(file, target)
        except (FormatError, ReadError) as error:
            problems = [str(error)]
        for problem in problems:
            print(f"trueness: {printable(problem)}", file=sys.stderr)
        failed = failed or bool(problems)
    if failed:
        raise typer.Exit(1)


def _sources(path: Path) -> list[Path]:
    # Listed before the first file is written: the output may lie inside.
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _with_progress(sources: list[Path]) -> Iterator[Path]:
    if len(sources) < 2 or not sys.stderr.isatty():
        yield from sources
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(sources, description="converting", console=console, transient=True)
