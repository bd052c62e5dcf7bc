"""Which tensor of one dump belongs to which of the other. Pure logic: names, graphs and, through a
callback, what headers say; no file of a dump is opened here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from trueness.errors import PairingError
from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import (
    atb_torch,
    by_call,
    by_fusion,
    by_fx_node,
    by_graph,
    by_metadata,
    by_module,
    by_name,
    by_node,
    by_onnx,
    by_tensor_name,
    by_tree,
)

__all__ = ["PAIRINGS", "Pairing", "choose"]


@dataclass(frozen=True)
class Pairing:
    """A way to pair one layout with another; `name` is what `--layout` calls it."""

    name: str
    golden: str
    my: str
    pair: Callable[[Dump, Dump, Describe], Iterator[Pair | Unmatched]]


PAIRINGS: Sequence[Pairing] = (
    Pairing("torchair", "torchair_fx", "torchair_ge", by_graph.pair),
    Pairing("fusion", "torchair_ge", "torchair_ge", by_fusion.pair),
    Pairing("fx", "torchair_fx", "torchair_fx", by_node.pair),
    Pairing("msprobe", "msprobe", "msprobe", by_call.pair),
    Pairing("atb", "atb", "atb", by_tree.pair),
    Pairing("torch", "torch_modules", "torch_modules", by_module.pair),
    Pairing("atb_torch", "torch_modules", "atb", atb_torch.pair),
    Pairing("onnx_dump", "onnx_dump", "onnx_dump", by_onnx.pair),
    Pairing("torch_onnx", "torchair_fx", "onnx_dump", by_fx_node.pair),
    Pairing("onnx", "onnx", "onnx", by_module.pair),
    Pairing("manual", "manual", "flat", by_metadata.pair),
    Pairing("checkpoint", "checkpoint", "checkpoint", by_tensor_name.pair),
    Pairing("flat", "flat", "flat", by_name.pair),
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
