"""What can run a model. A new backend is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from trueness.benchmark.options import Options
from trueness.benchmark.summary import Times

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Shape = tuple["int | str | None", ...]


@dataclass(frozen=True, slots=True)
class Port:
    """An input of a model: numpy's name of its dtype, and its shape, where a text or None stands
    for a size that is not fixed."""

    name: str
    dtype: str
    shape: Shape


class Session(Protocol):
    """A model that is ready to run."""

    @property
    def inputs(self) -> Sequence[Port]:
        """In the order of the model."""

    def run(self, feeds: Sequence[Array], loop: int) -> tuple[list[Array], Times]:
        """Runs `loop` times on the same inputs; the outputs are those of the last run."""

    def close(self) -> None:
        """Lets go of the device; what was being collected is written by then."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session is opened with beside the options: the device, the acl.json, and how the names
    of a profile should begin."""

    device: int
    acl_json: str = ""
    profile: str = ""


Open = Callable[[Options, Setup], Session]

BACKENDS = {
    "onnxruntime": "trueness.benchmark.backends.onnxruntime",
    "onnxruntime-cann": "trueness.benchmark.backends.onnxruntime",
    "torch": "trueness.benchmark.backends.torch_export",
    "aclruntime": "trueness.benchmark.backends.aclruntime",
}


def opener(name: str) -> Open:
    """Raises UsageError when the session is opened and what it needs is not installed."""
    found: Open = import_module(BACKENDS[name]).open_session
    return found
