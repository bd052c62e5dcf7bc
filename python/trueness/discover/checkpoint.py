"""Files that hold many named tensors: the shards of a checkpoint, or one such file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from trueness.discover import tree
from trueness.discover.flat import files_below
from trueness.model import Dump, Leftover, TensorRef

CONTAINERS = (".safetensors", ".npz", ".pt", ".pth", ".bin", ".ckpt")
_SHARD = re.compile(
    r".+\.safetensors|pytorch_model.*\.bin|.+-\d+-of-\d+\.(?:bin|pt|pth)"
    r"|consolidated\.\d+\.pth|mp_rank_\d+_model_states\.pt"
)


class Checkpoint:
    name = "checkpoint"

    def refusal(self, root: Path) -> str | None:
        """A folder of other `.pt` or `.npz` files is refused: each may be one dumped tensor."""
        if not root.is_dir():
            listed = ", ".join(CONTAINERS)
            return None if root.suffix in CONTAINERS else f"its name ends in none of {listed}"
        if any(_SHARD.fullmatch(entry.name) for entry in _near(str(root))):
            return None
        return "no *.safetensors, pytorch_model*.bin, *-{i}-of-{n}.pt or the like in it"

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """The files; which tensors they hold is for the pairing to ask. `rank` and `token` are
        ignored."""
        top = str(root)
        if not root.is_dir():
            return Dump(self.name, top, [TensorRef(top, op_name=root.name)], evidence="one file")
        tensors: list[TensorRef] = []
        leftover: list[Leftover] = []
        for path in sorted(files_below(top, leftover)):
            ref = TensorRef(path, op_name=os.path.relpath(path, top))
            if path.endswith(CONTAINERS):
                tensors.append(ref)
            else:
                reason = "no file of tensors by the end of its name"
                leftover.append(Leftover(ref, reason, expected=True))
        names = ", ".join(ref.op_name for ref in tensors[:2])
        evidence = f"{len(tensors)} shards such as {names}"
        return Dump(self.name, top, tensors, (), leftover, evidence=evidence)


def _near(top: str) -> Iterator[os.DirEntry[str]]:
    """Files of the folder and of those in it: another layout may have millions of them below."""
    yield from tree.files(top)
    for folder in tree.folders(top):
        yield from tree.files(folder.path)
