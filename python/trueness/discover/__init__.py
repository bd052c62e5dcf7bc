"""Finds the tensors of a dump by the names of its files. No file of tensors is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from trueness.discover import tree
from trueness.discover.atb import Atb
from trueness.discover.checkpoint import Checkpoint
from trueness.discover.flat import Flat
from trueness.discover.manual import Manual
from trueness.discover.msprobe import Msprobe
from trueness.discover.onnx import Onnx
from trueness.discover.onnx_dump import OnnxDump
from trueness.discover.torch_modules import TorchModules
from trueness.discover.torchair_fx import TorchairFx
from trueness.discover.torchair_ge import TorchairGe
from trueness.errors import LayoutError
from trueness.model import Dump

__all__ = ["LAYOUTS", "Layout", "layouts_of", "refusals"]


class Layout(Protocol):
    """One way dumps are laid out on disk."""

    name: str

    def refusal(self, root: Path) -> str | None:
        """None when this folder is laid out so, else why not. Looks at few names only. Asked about
        a single file only if it is of TAKE_FILES."""

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """Every tensor of the folder; where there are ranks and tokens, `rank` and `token` keep
        only that one and `skipped` of the dump counts the rest."""


LAYOUTS: Sequence[Layout] = (
    TorchairGe(),
    TorchairFx(),
    Msprobe(),
    Atb(),
    TorchModules(),
    OnnxDump(),
    Onnx(),
    Manual(),
    Checkpoint(),
    Flat(),
)
"""The most special first: `flat` takes any folder with files."""

TAKE_FILES = frozenset(("manual", "checkpoint", "flat"))
"""Layouts of which one file may be given in the place of the folder."""

PLAIN = frozenset(("checkpoint", "flat"))
"""Layouts that know a dump by nothing but names of files: asked for, they take any."""


def refusals(root: Path) -> dict[str, str | None]:
    """What each layout says of the folder, or of the file."""
    asked = [layout for layout in LAYOUTS if root.is_dir() or layout.name in TAKE_FILES]
    with tree.listing_once():
        said = {layout.name: layout.refusal(root) for layout in asked}
    return {layout.name: said.get(layout.name, "not a folder") for layout in LAYOUTS}


def layouts_of(root: Path, said: Mapping[str, str | None] | None = None) -> list[Layout]:
    """The layouts that recognise the folder; `said` is what `refusals` gave, if it was asked.
    Raises LayoutError, with each reason, when none do."""
    said = refusals(root) if said is None else said
    found = [layout for layout in LAYOUTS if said[layout.name] is None]
    if not found:
        reasons = "; ".join(f"not {name}: {reason}" for name, reason in said.items())
        raise LayoutError(f"{root}: no known dump layout ({reasons})")
    return found
