"""torch.export programs, `.pt2`."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trueness.benchmark.backends import Port, Session, Setup
from trueness.benchmark.options import Options
from trueness.benchmark.summary import Times
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def open_session(options: Options, setup: Setup) -> Session:
    """Raises UsageError without torch and for a file that is no exported program."""
    try:
        import torch
    except ImportError:
        raise UsageError('running a .pt2 needs torch: pip install "trueness[torch]"') from None
    try:
        program = torch.export.load(options.om_model)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{options.om_model}: torch cannot load it: {reason}") from error
    return _Session(torch, program)


class _Session:
    def __init__(self, torch: Any, program: Any) -> None:
        self._torch = torch
        self._module = program.module()
        names = program.graph_signature.user_inputs
        values = {
            node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"
        }
        self.inputs = [_port(name, values[name]) for name in names]

    def run(self, feeds: Sequence[Array], loop: int) -> tuple[list[Array], Times]:
        times = Times()
        begin = perf_counter()
        given = [self._torch.from_numpy(array) for array in feeds]
        times.copies_in.append((perf_counter() - begin) * 1000)
        found: Any = None
        with self._torch.no_grad():
            for _ in range(loop):
                begin = perf_counter()
                found = self._module(*given)
                times.compute.append((begin * 1000, perf_counter() * 1000))
        begin = perf_counter()
        listed = list(found) if isinstance(found, (tuple, list)) else [found]
        outputs = [_array(self._torch, tensor) for tensor in listed]
        times.copies_out.append((perf_counter() - begin) * 1000)
        return outputs, times

    def close(self) -> None:
        """Nothing is held."""


def _port(name: str, value: Any) -> Port:
    shape = tuple(extent if isinstance(extent, int) else str(extent) for extent in value.shape)
    return Port(name, str(value.dtype).removeprefix("torch."), shape)


def _array(torch: Any, tensor: Any) -> Array:
    """numpy has no bfloat16: those values are given as float32, which holds them."""
    plain = tensor.detach().cpu()
    found: Array = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    return found
