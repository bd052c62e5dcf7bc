"""The dump of each run, in the tree that CANN makes."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.benchmark.acl_json import Request
from trueness.benchmark.backends.onnxruntime import level_of, providers_of
from trueness.benchmark.options import Options
from trueness.benchmark.settle import model_name

if TYPE_CHECKING:
    import numpy as np

    from trueness.dump.onnx import OnnxDumper

    Array = np.ndarray[Any, Any]

LOGGER = logging.getLogger("trueness.benchmark")
MODEL_ID = "0"


class OnnxDumps:
    """`{dump_path}/{time}/{device}/{model_name}/{model_id}/{run}/`; warm-up is not dumped, so the
    first run is 0."""

    def __init__(self, options: Options, request: Request, device: int) -> None:
        self._options = options
        self._request = request
        self._device = device
        self.problems = 0
        self._dumper: OnnxDumper | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}
        stamp = time.strftime("%Y%m%d%H%M%S")
        base = (request.dump_path or Path()) / stamp / str(device)
        self.folder = base / model_name(options) / MODEL_ID

    def dump(self, feeds: Mapping[str, Array], run: int) -> None:
        if not self._request.dumps(run):
            return
        dumper = self._dumper_for(feeds)
        folder = self.folder / str(run)
        found = dumper.dump(feeds, str(folder))
        LOGGER.info("%s: %d tensors, %s bytes", folder, found.tensors, f"{found.nbytes:,}")
        if found.faithful is False:
            LOGGER.warning("%s: the dump changed the outputs of the model", folder)
        for name, reason in found.skipped.items():
            LOGGER.warning("%s is not dumped: %s", name, reason)
        if self._options.dump_npy and not self._request.statistics:
            self._convert(folder)

    def close(self) -> None:
        """Each run is whole when `dump` returns."""

    def _dumper_for(self, feeds: Mapping[str, Array]) -> OnnxDumper:
        """Made anew when the shapes change: places in the file follow from them."""
        from trueness.dump.onnx import Choice, OnnxDumper

        shapes = {name: array.shape for name, array in feeds.items()}
        if self._dumper is None or shapes != self._shapes:
            options, request = self._options, self._request
            choice = Choice(
                level_of(options),
                options.fusion_disable,
                request.layers,
                request.statistics,
                options.dump_format,
            )
            self._shapes = shapes
            self._dumper = OnnxDumper(
                options.om_model, feeds, choice, providers=providers_of(options, self._device)
            )
            size = f"{self._dumper.nbytes:,}"
            LOGGER.info("a dump of one run takes about %s bytes", size)
            for glob in self._dumper.unknown_layers:
                LOGGER.warning("no node of the graph that runs is called %s", glob)
        return self._dumper

    def _convert(self, folder: Path) -> None:
        """To `{time}_npy` beside the dump, the same folders below."""
        from trueness.dump.ge_bin import MAPPING
        from trueness.dump.onnx import DATA
        from trueness.dump.packed import FILLING
        from trueness.read import open_file
        from trueness.read.export import Exporter
        from trueness.read.file import TensorFile

        stamp = self.folder.parents[2]
        target = stamp.with_name(f"{stamp.name}_npy") / folder.relative_to(stamp)
        target.mkdir(parents=True, exist_ok=True)
        packed = folder / DATA
        ge = (path for path in sorted(folder.iterdir()) if path.name != MAPPING)
        for path in [packed] if packed.exists() else ge:
            file = open_file(path)
            tensors = [tensor for tensor in file.tensors if not tensor.name.startswith(FILLING)]
            whole = TensorFile(file.path, file.kind, tensors, file.warnings)
            for problem in Exporter("npy", force=False).export(whole, target):
                LOGGER.error("%s", problem)
                self.problems += 1
