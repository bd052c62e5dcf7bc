"""Tensors of an FX graph as files, laid out as torchair does since PTA 7.2."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from trueness.dump import files
from trueness.dump.place import Place
from trueness.dump.tensor_statistics import statistics_csv
from trueness.dump.writer import Writer
from trueness.errors import UsageError

GRAPH_FILE = "graph.json"
GRAPH_VERSION = 1
_WIDENED = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")


class FxFiles:
    """Below `{path}/worldsize{W}_global_rank{R}/graph_{N}/` a `graph.json` and for each token a
    folder of `{node}-{target}.INPUT|OUTPUT.{i}[.{j}].{time}.npy`, or `_statistics.csv`."""

    def __init__(self, path: str, *, statistics: bool, widen: bool, writer: Writer) -> None:
        """Raises UsageError when the folder of this rank holds a dump already."""
        self.folder = os.path.abspath(os.path.join(path, _rank_folder()))
        if os.path.isdir(self.folder) and os.listdir(self.folder):
            raise UsageError(f"{self.folder} is not empty; dump into a new folder")
        self._statistics = statistics
        self._widen = widen
        self._writer = writer
        self._made: set[str] = set()

    def begin_graph(self, graph: str, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Keeps which operator feeds which."""
        os.makedirs(os.path.join(self.folder, graph), mode=0o750, exist_ok=True)
        content = {"version": GRAPH_VERSION, "name": graph, "nodes": nodes}
        files.write_text(os.path.join(self.folder, graph, GRAPH_FILE), json.dumps(content))

    def take(self, place: Place, tensor: files.Tensor) -> None:
        folder = os.path.join(self.folder, place.graph, str(place.token))
        if folder not in self._made:
            os.makedirs(folder, mode=0o750, exist_ok=True)
            self._made.add(folder)
        where = ".".join(map(str, (place.index, *place.nested)))
        path = os.path.join(folder, f"{place.op}.{place.io.upper()}.{where}.{place.time}")
        if self._statistics:
            text = statistics_csv(tensor, place.io, place.index)
            self._writer.submit(lambda: files.write_text(f"{path}_statistics.csv", text), len(text))
            return
        host = files.on_host(tensor, copy=True)
        if self._widen and str(host.dtype).removeprefix("torch.") in _WIDENED:
            host = host.float()
        self._writer.submit(lambda: files.write_npy(f"{path}.npy", host), host.nbytes)

    def close(self) -> None:
        self._writer.close()


def _rank_folder() -> str:
    import torch

    distributed = torch.distributed
    size, rank = 1, 0
    if distributed.is_available() and distributed.is_initialized():
        size, rank = distributed.get_world_size(), distributed.get_rank()
    return f"worldsize{size}_global_rank{rank}"
