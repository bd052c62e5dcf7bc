"""The golden side on disk, as torchair's FX dump lays it out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trueness.demo.recorder import Op, Recorder, Value

_FIRST_TIME = 20260101000000000000
_STEP = 250


def write(model: Recorder, root: Path) -> Path:
    """Returns the folder to compare."""
    folder = root / "worldsize1_global_rank0" / "graph_1" / "0"
    folder.mkdir(parents=True)
    ops = [op for kernel in model.kernels for op in kernel]
    for place, op in enumerate(ops):
        _write_op(op, folder, _FIRST_TIME + place * _STEP)
    return root


def _write_op(op: Op, folder: Path, time: int) -> None:
    for place, argument in enumerate(op.arguments):
        values = argument.golden if isinstance(argument, Value) else np.asarray(argument)
        np.save(folder / f"{op.fx_name}.INPUT.{place}.{time}.npy", values)
    np.save(folder / f"{op.fx_name}.OUTPUT.0.{time}.npy", op.result.golden)
