"""Tensors of modules as files: one folder a module, and the tree of modules beside the tokens."""

from __future__ import annotations

import json
import os
from typing import Any

from trueness.dump import files
from trueness.dump.place import Place
from trueness.dump.tensor_statistics import statistics_csv
from trueness.dump.writer import Writer
from trueness.errors import UsageError

TREE = "model_tree.json"


class ModuleFiles:
    """Below `{path}/torch_tensors/{card}_{pid}/` a `model_tree.json` and for each token
    `{module}/{input,output}[_{i}[_{j}]].pth`, or `_statistics.csv`."""

    def __init__(self, path: str, model: Any, *, statistics: bool, writer: Writer) -> None:
        """Raises UsageError when `path` holds a dump of this card already."""
        card = _card(model)
        above = os.path.abspath(os.path.join(path, "torch_tensors"))
        self.folder = os.path.join(above, f"{card}_{os.getpid()}")
        if os.path.isdir(above) and any(
            name.rpartition("_")[0] == card for name in os.listdir(above)
        ):
            raise UsageError(f"{above} has a dump of {card} already; dump into a new folder")
        self._tree = json.dumps(_tree("root", model))
        self._statistics = statistics
        self._writer = writer
        self._made: set[str] = set()

    def take(self, place: Place, tensor: files.Tensor) -> None:
        folder = os.path.join(self.folder, str(place.token), place.op)
        if folder not in self._made:
            os.makedirs(folder, mode=0o750, exist_ok=True)
            if not self._made:
                files.write_text(os.path.join(self.folder, TREE), self._tree)
            self._made.add(folder)
        where = () if place.single else (place.index, *place.nested)
        path = os.path.join(folder, "_".join(map(str, (place.io, *where))))
        if self._statistics:
            text = statistics_csv(tensor, place.io, place.index)
            self._writer.submit(lambda: files.write_text(f"{path}_statistics.csv", text), len(text))
        else:
            host = files.on_host(tensor, copy=True)
            self._writer.submit(lambda: files.write_pth(f"{path}.pth", host), host.nbytes)

    def close(self) -> None:
        self._writer.close()


def _card(model: Any) -> str:
    """`cpu`, or the kind and number of the device that the model lies on."""
    first: Any = next(iter((*model.parameters(), *model.buffers())), None)
    device = getattr(first, "device", None)
    return "cpu" if device is None or device.type == "cpu" else f"{device.type}{device.index or 0}"


def _tree(name: str, module: Any) -> dict[str, Any]:
    children = [_tree(f"{name}.{child}", inner) for child, inner in module.named_children()]
    return {"name": name, "type": type(module).__name__, "children": children}
