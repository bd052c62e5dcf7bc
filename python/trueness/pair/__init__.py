"""Which tensor of one dump belongs to which of the other. Pure logic: names, graphs and, through a
callback, what headers say; no file of a dump is opened here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from trueness.errors import PairingError
from trueness.model import Describe, Dump, Pair, Unmatched

__all__ = ["PAIRINGS", "Pairing", "choose"]


@dataclass(frozen=True)
class Pairing:
    """A way to pair one layout with another; `name` is what `--layout` calls it."""

    name: str
    golden: str
    my: str
    pair: Callable[[Dump, Dump, Describe], Iterator[Pair | Unmatched]]


def _of(module: str) -> Callable[[Dump, Dump, Describe], Iterator[Pair | Unmatched]]:
    """`pair` of that module of this package, loaded when it is called: a comparison needs but one,
    and all of them take as long to load as many small pairs to compare."""

    def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
        items: Iterator[Pair | Unmatched] = import_module(f"{__name__}.{module}").pair(
            golden, my, describe
        )
        return items

    return pair


PAIRINGS: Sequence[Pairing] = (
    Pairing("torchair", "torchair_fx", "torchair_ge", _of("by_graph")),
    Pairing("fusion", "torchair_ge", "torchair_ge", _of("by_fusion")),
    Pairing("fx", "torchair_fx", "torchair_fx", _of("by_node")),
    Pairing("msprobe", "msprobe", "msprobe", _of("by_call")),
    Pairing("atb", "atb", "atb", _of("by_tree")),
    Pairing("torch", "torch_modules", "torch_modules", _of("by_module")),
    Pairing("atb_torch", "torch_modules", "atb", _of("atb_torch")),
    Pairing("onnx_dump", "onnx_dump", "onnx_dump", _of("by_onnx")),
    Pairing("torch_onnx", "torchair_fx", "onnx_dump", _of("by_fx_node")),
    Pairing("onnx", "onnx", "onnx", _of("by_module")),
    Pairing("manual", "manual", "flat", _of("by_metadata")),
    Pairing("checkpoint", "checkpoint", "checkpoint", _of("by_tensor_name")),
    Pairing("flat", "flat", "flat", _of("by_name")),
)

_NAMED_ONLY = ("checkpoint", "flat")
"""Layouts whose files may just as well be paired by their own names."""


def choose(golden: Collection[str], my: Collection[str]) -> Pairing:
    """The first pairing for the layouts that recognise the two folders. One side of a special
    layout is never paired by plain names just because the other side is not what it should be:
    PairingError says so instead."""
    plain = PAIRINGS[-1]
    for pairing in PAIRINGS[:-1]:
        if pairing.golden in golden and pairing.my in my:
            return pairing
        if pairing.golden in my and pairing.my in golden:
            raise PairingError(
                f"golden is {pairing.my} and my is {pairing.golden}: they seem to be swapped"
            )
    special = [name for name in (*golden, *my) if name not in _NAMED_ONLY]
    if special:
        raise PairingError(
            f"golden is {', '.join(golden)} and my is {', '.join(my)}: no known way to pair them; "
            f"--layout {plain.name} pairs files by their relative names"
        )
    return plain
