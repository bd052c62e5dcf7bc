"""`trueness replay`: operators run again alone, on the inputs they really had."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueness.cli import options
from trueness.cli.table import print_table
from trueness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueness.diagnose.operators import Key
    from trueness.diagnose.replayed import Replay
    from trueness.plan import Plan

_Op = Annotated[list[str], typer.Option("--op", help="Operators of this name; a glob. Repeatable.")]


def replay_command(
    golden: Annotated[Path, typer.Argument(help="The golden dump.")],
    my: Annotated[Path, typer.Argument(help="My dump.")],
    op: _Op,
    layout: options.Layout = None,
    mapping: options.Mapping = None,
    path_map: options.PathMap = None,
    rank: options.Rank = None,
    token: options.Token = None,
    as_json: options.Json = False,
) -> None:
    """Run operators again in float64 on my dumped inputs: their own error, free of what they
    inherited. Inputs that were not dumped are taken from the outputs that the graph says they are.
    Uses torch for aten operators and onnx for ONNX nodes where they are installed, else numpy for
    common types.

    \b
    trueness replay fx_dump ge_dump --op MatMul_213
    trueness replay fx_dump ge_dump --op "*layers.17*" --token 1

    Exit codes: 0 every operator is cleared, 1 one is off by itself or could not be run again, 2
    replay could not run."""
    from trueness.plan import filters_of, plan_dumps

    plan = plan_dumps(
        golden,
        my,
        layout=layout,
        mapping=mapping,
        filters=filters_of(rank=rank, token=token),
        path_map=options.path_map_of(path_map or []),
    )
    found = list(_replayed(plan, op))
    if not found:
        raise UsageError(f"no operator of my dump is called {' or '.join(op)}")
    if as_json:
        rows = [
            {"rank": rank, "token": token, **asdict(one), "cleared": one.cleared}
            for (rank, token, *_), one in found
        ]
        json.dump(rows, sys.stdout, indent=2)
        print()
    else:
        _print(found)
    raise typer.Exit(0 if all(one.cleared for _, one in found) else 1)


def _replayed(plan: Plan, op: list[str]) -> Iterator[tuple[Key, Replay]]:
    from trueness.diagnose.operators import Operators
    from trueness.diagnose.replay import replay

    graphs = (*plan.golden.graphs, *plan.my.graphs)
    ops = {name: op for graph in graphs for name, op in graph.ops.items()}
    operators = Operators.of(plan.items, ops)
    for key in operators.paired:
        if _wanted(key[-1], op):
            items, producers = operators.read(key)
            yield key, replay(items, taken_from=producers)


def _wanted(name: str, globs: list[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, glob) for glob in globs)


def _print(found: list[tuple[Key, Replay]]) -> None:
    def text(value: object) -> str:
        return "" if value is None else str(value)

    headers = (*("operator", "type", "rank", "token"), *("own", "inherited", "golden"), "verdict")
    rows = [
        (
            one.op_name,
            one.target,
            text(key[0]),
            text(key[1]),
            *("" if x != x else f"{x:.2e}" for x in (one.own, one.inherited, one.golden)),
            one.sentence,
        )
        for key, one in found
    ]
    print_table(headers, rows)
