"""Dumps of ATB models: `tensors/{device}_{pid}/{token}/{k}_{Op}/{k}_{Op}/.../{before,after}/` with
`intensor{n}.bin` and `outtensor{n}.bin`. A file may hold statistics in place of a tensor, which its
content tells."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

from trueness.discover import tree
from trueness.discover.atb_rounds import Round, number_of, rounds
from trueness.discover.flat import files_below
from trueness.discover.selection import Selection
from trueness.errors import LayoutError
from trueness.model import Dump, Leftover, TensorRef

CARD = re.compile(r"(?P<device>\d{1,9})_(?P<pid>\d+)")
_FILE = re.compile(r"(?P<io>in|out)tensor(?P<index>\d{1,9})\.bin")
_OPERATOR = re.compile(r"(?P<number>\d{1,9})_(?P<type>.+)")
STAGES = ("before", "after")
SEARCH_DEPTH = 3
"""How many levels of folders may hold the one that holds the cards."""
_WARM_UP = "of a warm-up, which ran before the first token"
_NOT_ONE = "it is not {before,after}/{intensor,outtensor}{n}.bin below an operator"


class Atb:
    name = "atb"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if not any(_holds_operators(card, root) for _, card in _cards(root)):
            return "no tensors/{device}_{pid}/{token}/{k}_{Op} in it or up to 2 folders below"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """`rank` is the device. Raises LayoutError when two processes dumped on one device."""
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        seen: dict[int, str] = {}
        selection = Selection(rank, token)
        for device, card in _cards(root):
            if device in seen:
                raise LayoutError(f"device {device} twice: {seen[device]} and {card}; give one")
            seen[device] = card
            if selection.takes_rank(device, card):
                asked = {folder for _, folder in tokens(card, root)}
                for round_ in rounds(card, list(tokens(card, Path(card))), leftover):
                    if round_.folder in asked:
                        start = TensorRef(round_.folder, rank=device, device=device)
                        tensors += _read_round(round_, start, selection, leftover)
        tensors.sort(key=lambda ref: (ref.rank or 0, ref.token or 0, ref.order))
        return Dump(self.name, str(root), tensors, (), leftover, skipped=selection.skipped)


def _cards(root: Path) -> list[tuple[int, str]]:
    return [(int(match["device"]), folder) for match, folder in cards(root, "tensors", CARD)]


def cards(root: Path, above: str, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """(name, path) of the folders of cards, which lie in a folder called `above`; also when `root`
    is such a folder, or a token of one."""
    whole = root.resolve()
    for inside in (whole, whole.parent):
        match = pattern.fullmatch(inside.name)
        if match and inside.parent.name == above:
            yield match, os.fspath(root if inside is whole else inside)
            return
    level = [os.fspath(root)]
    for _ in range(SEARCH_DEPTH):
        below: list[str] = []
        for folder in level:
            inner = tree.folders(folder)
            if Path(folder).resolve().name == above:
                yield from ((m, e.path) for e in inner if (m := pattern.fullmatch(e.name)))
            else:
                below += [entry.path for entry in inner]
        level = below


def tokens(card: str, root: Path) -> Iterator[tuple[int, str]]:
    """(token, folder) of a card; only one when `root` is a token itself."""
    own = os.fspath(root.resolve())
    inside = os.path.dirname(own) == os.path.realpath(card)
    for entry in tree.folders(card):
        if entry.name.isdecimal() and len(entry.name) < 10:
            if inside and own != os.path.realpath(entry.path):
                continue
            yield int(entry.name), entry.path


def _holds_operators(card: str, root: Path) -> bool:
    return any(
        _OPERATOR.fullmatch(entry.name)
        for _, folder in tokens(card, root)
        for entry in tree.folders(folder)
    )


def _read_round(
    round_: Round, start: TensorRef, selection: Selection, leftover: list[Leftover]
) -> Iterator[TensorRef]:
    if round_.decode is None:
        if not selection.takes_token(round_.token, round_.folder):
            return
        if round_.token is None:
            for path in sorted(files_below(round_.folder)):
                leftover.append(Leftover(replace(start, path=path), _WARM_UP, expected=True))
            return
    found: list[TensorRef] = []
    _read_token(found, leftover, replace(start, token=round_.token))
    for ref in found:
        if round_.decode is not None and number_of(ref.op_name) >= round_.decode:
            ref = replace(ref, token=(round_.token or 0) + 1)
        if selection.takes_tensor(ref):
            yield ref


def _read_token(tensors: list[TensorRef], leftover: list[Leftover], start: TensorRef) -> None:
    found: list[tuple[tuple[tuple[float, str], ...], TensorRef]] = []
    waiting: list[tuple[str, tuple[str, ...]]] = [(start.path, ())]
    while waiting:
        folder, names = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, (*names, entry.name)))
                    continue
                ref = _ref(start, entry.path, names, entry.name)
                if ref.io == "":
                    expected = not entry.name.endswith(".bin")
                    leftover.append(Leftover(ref, _NOT_ONE, expected))
                elif ref.io == "output" and names[-1] == "before":
                    reason = "what lay in the output before the operator ran"
                    leftover.append(Leftover(ref, reason, expected=True))
                else:
                    found.append((_order(names, entry.name), ref))
    found.sort(key=lambda item: item[0])
    tensors.extend(replace(ref, order=order) for order, (_, ref) in enumerate(found))


def _ref(start: TensorRef, path: str, names: tuple[str, ...], name: str) -> TensorRef:
    match = _FILE.fullmatch(name)
    if match is None or len(names) < 2 or names[-1] not in STAGES:
        return replace(start, path=path)
    return replace(
        start,
        path=path,
        op_name="/".join(names[:-1]),
        op_type=numbered(names[-2])[1],
        scope="/".join(names[:-2]),
        io="input" if match["io"] == "in" else "output",
        index=int(match["index"]),
        argument=names[-1] if match["io"] == "in" else "",
    )


def numbered(name: str) -> tuple[float, str]:
    """`{k}_{Op}` taken apart; a name without number comes behind all others."""
    match = _OPERATOR.fullmatch(name)
    return (int(match["number"]), match["type"]) if match else (inf, name)


def _order(names: tuple[str, ...], file: str) -> tuple[tuple[float, str], ...]:
    """An operator is before its parts with what it was given, behind them with what it gave."""
    own = [numbered(name) for name in names[:-1]]
    match = _FILE.fullmatch(file)
    index = int(match["index"]) if match else 0
    return (*own, (-inf if names[-1] == "before" else inf, ""), (index, file))
