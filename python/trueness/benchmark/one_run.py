"""The inputs of a single run of an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueness.benchmark import shapes
from trueness.benchmark.backends import Setup, opener
from trueness.benchmark.inputs import groups
from trueness.benchmark.options import Options, listed
from trueness.benchmark.settle import settled

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def feeds_of(model: str, given: str | None, dym_shape: str | None, seed: int) -> dict[str, Array]:
    """Arrays by input: of the first files, or random ones. Raises UsageError as `benchmark`."""
    options = settled(
        Options(
            om_model=model,
            input=listed(given or ""),
            dym_shape=dym_shape,
            seed=seed,
            pure_data_type="random",
            fusion="off",
        )
    )
    session = opener("onnxruntime")(options, Setup(0))
    ports = session.inputs
    group = next(groups(options, ports, shapes.chosen(options, ports)))
    session.close()
    return {port.name: array for port, array in zip(ports, group.feeds, strict=True)}
