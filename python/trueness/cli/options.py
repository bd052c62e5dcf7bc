"""The options of `trueness compare`, and what their texts mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

from trueness.errors import UsageError

MAX_LAYER = 100_000
# typer reads these while Python 3.10 is running, which knows no `str | None` at run time here.
_Text = Optional[str]  # noqa: UP045
_Texts = Optional[list[str]]  # noqa: UP045
_Number = Optional[int]  # noqa: UP045
Golden = Annotated[_Text, typer.Argument(help="What should have been computed.")]
My = Annotated[_Text, typer.Argument(help="What was computed.")]
GoldenPath = Annotated[_Text, typer.Option("--golden-path", "-gp", help="The same as GOLDEN.")]
MyPath = Annotated[_Text, typer.Option("--my-path", "-mp", help="The same as MY.")]
Output = Annotated[
    _Text,
    typer.Option("--output", "-o", help="Folder of the report. [two folders: the current one]"),
]
Layout = Annotated[_Text, typer.Option(help="How to take the two folders. [recognised]")]
Mapping = Annotated[
    _Text, typer.Option("--mapping", help="File that says which names belong together.")
]
PathMap = Annotated[
    _Texts,
    typer.Option("--path-map", metavar="OLD=NEW", help="Where recorded paths are now; repeatable."),
]
Rank = Annotated[_Number, typer.Option("--rank", "-r", help="Only this rank.")]
Token = Annotated[_Number, typer.Option("--token", help="Only this token.")]
Op = Annotated[
    _Texts, typer.Option("--op", metavar="GLOB", help="Only operators of this name; repeatable.")
]
OpType = Annotated[
    _Texts, typer.Option("--op-type", metavar="GLOB", help="Only of this type; repeatable.")
]
Io = Annotated[_Text, typer.Option("--io", help="Only input or only output tensors.")]
Layer = Annotated[_Text, typer.Option("--layer", help="Only these layers, such as 0,3-5.")]
CmpLevel = Annotated[
    _Text,
    typer.Option(
        "--cmp-level", "-cl", help="Of ATB and torch models: layer, module, api or logits."
    ),
]
OpMappingFile = Annotated[
    _Text,
    typer.Option(
        "--op-mapping-file", "-mf", help="Which torch types ATB types stand for; file or folder."
    ),
]
Weight = Annotated[
    bool,
    typer.Option(
        "--weight", "-w", help="The same as --layout checkpoint: weights by name, int8 dequantised."
    ),
]
List = Annotated[
    bool, typer.Option("--list", help="Show what would be compared, reading no tensor.")
]
Metrics = Annotated[
    str, typer.Option(help="all, basic (no KL divergence, no ULP error), or names with commas.")
]
STANDARDS = (
    "auto, bitwise, cann-commercial-L0, -L1 or -L2, cann-community, cann-mixed@atk26.5, @opbase or "
    "@ttk, msit-analyser, msit-logits, msit-opcheck, msprobe-compare, msprobe-torchair, numpy, "
    "polygraphy, torch, ulp"
)
StandardName = Annotated[
    _Text,
    typer.Option(
        help=f"What is good enough: {STANDARDS}, or a file of your own; see trueness standards. "
        "[auto]"
    ),
]
Reference = Annotated[
    _Text,
    typer.Option(
        help="Dump of a third implementation: the diagnosis, and cann-commercial, ask how far that "
        "is off golden."
    ),
]
Jobs = Annotated[_Number, typer.Option(min=1, help="Threads. [all cores]")]
Top = Annotated[int, typer.Option(min=0, help="How many of the worst rows to show.")]
Report = Annotated[
    _Texts,
    typer.Option(
        metavar="KINDS",
        help="Kinds of report, with commas: csv, xlsx, html, parquet, json, md; repeatable. [csv]",
    ),
]
Replay = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(
        "--replay/--no-replay",
        help="Run suspect operators again alone. [where anything can run one]",
        show_default=False,
    ),
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="0 instead of exit code 1.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Level = Annotated[str, typer.Option("--log-level", "-l", help="debug also shows tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")]


def layout_of(layout: str | None, weight: bool) -> str | None:
    """What `--layout` and `--weight` say together. Raises UsageError when they differ."""
    if weight and layout not in (None, "checkpoint"):
        raise UsageError(f"--weight is --layout checkpoint, and --layout is {layout}")
    return "checkpoint" if weight else layout


def layers_of(text: str) -> list[int]:
    """The numbers of `0,3-5`. Raises UsageError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--layer is {text!r}; give numbers and ranges, such as 0,3-5")
        found += range(int(first), min(int(last or first), MAX_LAYER) + 1)
    return found


def path_map_of(pairs: list[str]) -> dict[str, str]:
    """OLD=NEW texts, taken apart. Raises UsageError for anything else."""
    found = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new:
            raise UsageError(f"--path-map is {pair!r}; give OLD=NEW")
        found[old] = str(Path(new).absolute())
    return found


def reports_of(texts: Sequence[str]) -> list[str]:
    """The kinds of report of `csv,md` and others, each once. Raises UsageError for one that nobody
    knows."""
    from trueness.report import REPORTS

    named = [kind.strip() for kind in ",".join(texts).split(",")]
    kinds = dict.fromkeys(filter(None, named))
    for kind in kinds:
        if kind not in REPORTS:
            raise UsageError(f"no report is called {kind!r}; known: {', '.join(REPORTS)}")
    return list(kinds)
