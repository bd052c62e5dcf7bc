"""The dump of an exported torch program, operator by operator, in torchair's layout."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.benchmark.acl_json import Request
from trueness.benchmark.options import Options
from trueness.benchmark.settle import model_name

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LOGGER = logging.getLogger("trueness.benchmark")


class TorchDumps:
    """Below `{dump_path}/{time}/{device}/{model_name}/` what `trueness.dump.fx` writes, where each
    run is a token; warm-up is not dumped, so the first is 0."""

    def __init__(self, options: Options, request: Request, device: int) -> None:
        import torch

        from trueness.dump import fx

        self._torch = torch
        self.problems = 0
        stamp = time.strftime("%Y%m%d%H%M%S")
        self.folder = (request.dump_path or Path()) / stamp / str(device) / model_name(options)
        self._dump = fx(
            torch.export.load(options.om_model),
            path=self.folder,
            layers=request.layers or None,
            tokens=request.steps,
            statistics=request.statistics,
            strict=True,
        )

    def dump(self, feeds: Mapping[str, Array], run: int) -> None:
        """Called once for each run, in order: fx counts the calls."""
        with self._torch.no_grad():
            self._dump(*(self._torch.from_numpy(array) for array in feeds.values()))

    def close(self) -> None:
        self._dump.close()
        LOGGER.info("dump: %s", self.folder)
