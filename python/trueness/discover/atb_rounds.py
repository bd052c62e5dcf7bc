"""Which token a round of an ATB dump is. A model that runs as two graphs, prefill and decode,
leaves both in one folder, the operators numbered on: `model/{pid}/*.json` says from which number on
they are those of decode. A round before that is a warm-up."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trueness.discover import tree
from trueness.model import Leftover, TensorRef

MAX_MODEL = 1 << 26
"""Bytes of the description of one graph; more is taken for damage."""


@dataclass(frozen=True, slots=True)
class Round:
    """A folder and its token, None for a warm-up. `decode` None: all of it is that token; else
    operators from that number on are of the token behind it."""

    folder: str
    token: int | None
    decode: int | None = None


def rounds(card: str, folders: Sequence[tuple[int, str]], leftover: list[Leftover]) -> list[Round]:
    """The rounds of a card from all its numbered folders. A description that cannot be read is
    left over."""
    decode = _first_of_decode(card, leftover)
    plain = [Round(folder, number) for number, folder in folders]
    if decode is None:
        return plain
    both = next((number for number, folder in folders if _has_both(folder, decode)), None)
    if both is None:
        # Nothing shows which folder holds the first two tokens.
        return plain
    found = []
    for number, folder in folders:
        if number < both:
            found.append(Round(folder, None))
        elif number == both:
            found.append(Round(folder, 0, decode))
        else:
            found.append(Round(folder, number - both + 1))
    return found


def _has_both(folder: str, decode: int) -> bool:
    numbers = [number_of(entry.name) for entry in tree.folders(folder)]
    return any(n < decode for n in numbers) and any(n >= decode for n in numbers)


def number_of(operator: str) -> int:
    """That of `{k}_{Op}`; -1 for another name."""
    number = operator.partition("_")[0]
    return int(number) if number.isdecimal() and len(number) < 10 else -1


def _first_of_decode(card: str, leftover: list[Leftover]) -> int | None:
    """The number of the first operator of the second graph; None where there is only one graph, or
    numbers do not tell two apart."""
    root = os.path.dirname(os.path.dirname(card))
    pid = os.path.basename(card).partition("_")[2]
    folder = os.path.join(root, "model", pid)
    if not os.path.isdir(folder):
        return None
    starts = set()
    for entry in tree.files(folder):
        if entry.name.endswith(".json"):
            try:
                starts.add(_start(entry.path))
            except (OSError, ValueError, RecursionError) as error:
                reason = f"prefill and decode cannot be told apart by it: {error}"
                leftover.append(Leftover(TensorRef(entry.path), reason))
    if len(starts) < 2:
        return None
    # What converts the layout of inputs is an operator of neither graph and moves the numbers on.
    moved = os.path.exists(os.path.join(root, "layer", pid, "TransdataOperation_0.json"))
    return sorted(starts)[1] + moved


def _start(path: str) -> int:
    """The number at the end of the name of the first node, 0 when it has none."""
    size = os.stat(path).st_size
    if size > MAX_MODEL:
        raise ValueError(f"{size} bytes, at most {MAX_MODEL} are expected")
    content = json.loads(Path(path).read_bytes())
    nodes = content.get("nodes") if isinstance(content, dict) else None
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes[:1]):
        raise ValueError("it has no list of nodes")
    number = str(nodes[0].get("opName", "")).rpartition("_")[2] if nodes else ""
    return int(number) if number.isdecimal() and len(number) < 10 else 0
