"""ONNX Runtime: any machine, and an NPU through its CANN provider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trueness.benchmark.backends import Port, Session, Setup
from trueness.benchmark.options import Options
from trueness.benchmark.settle import backend_of
from trueness.benchmark.summary import Times
from trueness.dump.onnx_session import Provider, Sessions
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_DTYPES = {
    "float": "float32",
    "double": "float64",
    "bool": "bool",
    **{name: name for name in ("float16", "bfloat16", "uint8", "uint16", "uint32", "uint64")},
    **{name: name for name in ("int8", "int16", "int32", "int64")},
}


def providers_of(options: Options, device: int) -> Sequence[Provider]:
    """The first is the one that has to work."""
    if backend_of(options) == "onnxruntime-cann":
        return (("CANNExecutionProvider", {"device_id": device}), "CPUExecutionProvider")
    return ("CPUExecutionProvider",)


def level_of(options: Options) -> str:
    return "disable" if options.fusion == "off" else options.fusion


def open_session(options: Options, setup: Setup) -> Session:
    """Raises UsageError without ONNX Runtime and for a model it cannot load."""
    folder = str(Path(options.om_model).absolute().parent)
    verbosity = 1 if options.debug else 3
    sessions = Sessions(folder, providers_of(options, setup.device), verbosity=verbosity)
    session = sessions.open(
        options.om_model,
        level_of(options),
        disabled=options.fusion_disable,
        profile=setup.profile or None,
    )
    return _Session(session, bool(setup.profile))


class _Session:
    def __init__(self, session: Any, profiling: bool) -> None:
        self._session = session
        self._profiling = profiling
        self.inputs = [_port(given) for given in session.get_inputs()]
        self._outputs = [output.name for output in session.get_outputs()]

    def run(self, feeds: Sequence[Array], loop: int) -> tuple[list[Array], Times]:
        times = Times()
        begin = perf_counter()
        binding = self._session.io_binding()
        for port, array in zip(self.inputs, feeds, strict=True):
            binding.bind_cpu_input(port.name, array)
        for name in self._outputs:
            binding.bind_output(name, "cpu")
        times.copies_in.append((perf_counter() - begin) * 1000)
        for _ in range(loop):
            begin = perf_counter()
            self._session.run_with_iobinding(binding)
            times.compute.append((begin * 1000, perf_counter() * 1000))
        begin = perf_counter()
        outputs = [value.numpy() for value in binding.get_outputs()]
        times.copies_out.append((perf_counter() - begin) * 1000)
        return outputs, times

    def close(self) -> None:
        if self._profiling:
            self._session.end_profiling()


def _port(given: Any) -> Port:
    inner = given.type.removeprefix("tensor(").removesuffix(")")
    if inner not in _DTYPES:
        raise UsageError(f"input {given.name} is {given.type}, which cannot be given")
    return Port(given.name, _DTYPES[inner], tuple(given.shape))
