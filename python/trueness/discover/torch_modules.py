"""Dumps of torch modules: `torch_tensors/{card}_{pid}/{token}/{module}/` with `input[_i[_j]].pth`
and `output[_i[_j]].pth`; `model_tree.json` tells the types of modules and their order.
`trueness.dump.modules` may keep `_statistics.csv` in place of values."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from trueness.discover import tree
from trueness.discover.atb import cards, tokens
from trueness.discover.flat import is_document
from trueness.discover.selection import Selection
from trueness.errors import LayoutError
from trueness.model import Dump, Leftover, TensorRef

CARD = re.compile(r"(?P<device>[a-z]+)(?P<number>\d{0,9})_(?P<pid>\d+)")
TREE = "model_tree.json"
_FILE = re.compile(
    r"(?P<io>input|output)(?:_(?P<index>\d{1,9}))?(?P<nested>(?:_\d{1,9})*)"
    r"(?:\.pth?|(?P<csv>_statistics\.csv))"
)
MAX_MODULES = 1_000_000


class TorchModules:
    name = "torch_modules"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        found = cards(root, "torch_tensors", CARD)
        if not any(next(tokens(card, root), None) for _, card in found):
            return "no torch_tensors/{card}_{pid}/{token} in it or up to 2 folders below"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """`rank` is the number of the card. Raises LayoutError when two processes dumped on one."""
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        seen: dict[int | None, str] = {}
        selection = Selection(rank, token)
        for match, card in cards(root, "torch_tensors", CARD):
            number = int(match["number"]) if match["number"] else None
            if number in seen:
                raise LayoutError(f"a card twice: {seen[number]} and {card}; give one of them")
            seen[number] = card
            if selection.takes_rank(number, card):
                types = _types(card, leftover)
                for own, folder in tokens(card, root):
                    if selection.takes_token(own, folder):
                        start = TensorRef(folder, rank=number, device=number, token=own)
                        _read_token(tensors, leftover, start, types)
        tensors.sort(key=lambda r: (r.rank or 0, r.token or 0, r.order, r.io, r.index, r.nested))
        return Dump(self.name, str(root), tensors, (), leftover, skipped=selection.skipped)


def _read_token(
    tensors: list[TensorRef],
    leftover: list[Leftover],
    start: TensorRef,
    types: Mapping[str, tuple[int, str]],
) -> None:
    for module in tree.folders(start.path):
        order, type_ = types.get(module.name.removeprefix("root."), (len(types), ""))
        for entry in tree.files(module.path):
            match = _FILE.fullmatch(entry.name)
            if match is None:
                reason = "its name is not {input,output}[_i[_j]].pth"
                ref = replace(start, path=entry.path)
                leftover.append(Leftover(ref, reason, is_document(entry.name)))
                continue
            tensors.append(
                replace(
                    start,
                    path=entry.path,
                    member=(match["io"], int(match["index"] or 0)) if match["csv"] else None,
                    statistics="cann_csv" if match["csv"] else None,
                    op_name=module.name,
                    op_type=type_,
                    scope=module.name.rpartition(".")[0],
                    io=match["io"],
                    index=int(match["index"] or 0),
                    nested=tuple(map(int, match["nested"].split("_")[1:])),
                    order=order,
                )
            )


def _types(card: str, leftover: list[Leftover]) -> dict[str, tuple[int, str]]:
    """(place in the model, type) of each module; empty without a readable model_tree.json."""
    above = os.path.dirname(card)
    for folder in (card, above, os.path.dirname(above)):
        path = os.path.join(folder, TREE)
        try:
            content = json.loads(Path(path).read_bytes())
            return {name: (i, type_) for i, (name, type_) in enumerate(_modules(content))}
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            leftover.append(Leftover(TensorRef(path), f"cannot be read: {error}"))
            break
    return {}


def _modules(content: object) -> Iterator[tuple[str, str]]:
    """(full name, type) in the order of the file, where names are full or below their parent's."""
    waiting = [("", content)]
    count = 0
    while waiting:
        above, node = waiting.pop()
        if not isinstance(node, dict) or not isinstance(node.get("name"), str):
            raise ValueError("every module needs a name")
        count += 1
        if count > MAX_MODULES:
            raise ValueError(f"more than {MAX_MODULES} modules")
        name = node["name"]
        if above and not name.startswith(f"{above}."):
            name = f"{above}.{name}"
        yield name.removeprefix("root."), str(node.get("type", ""))
        children = node.get("children", [])
        below = reversed(children if isinstance(children, list) else [])
        waiting += [(name, child) for child in below]
