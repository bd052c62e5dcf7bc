"""Modules of torch or nodes of ONNX that have the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import partners
from trueness.pair.partners import Operators, Partner


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my dump; what has no partner is a row. `describe` is not called."""
    yield from partners.rows(golden, my, _partners, _why, spread=True)


def _partners(golden: Operators, my: Operators) -> dict[str, Partner]:
    return {name: Partner(name, "name") for name in my if name in golden}


def _why(others: Operators, side: str) -> Callable[[str], str]:
    return lambda name: f"the {side} dump has nothing of this name"
