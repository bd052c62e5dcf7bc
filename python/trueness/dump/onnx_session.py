"""Sessions of ONNX Runtime as dumping needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trueness.errors import UsageError

LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
"""How much of the graph is rewritten before it runs, by the name the user gives."""

_DTYPES = {
    "float": "F32",
    "float16": "F16",
    "double": "F64",
    "bfloat16": "BF16",
    "float8e4m3fn": "F8_E4M3",
    "float8e5m2": "F8_E5M2",
    "bool": "BOOL",
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
}
_CODES = "F32 1, U8 2, I8 3, U16 4, I16 5, I32 6, I64 7, BOOL 9, F16 10, F64 11, U32 12, U64 13"
_LATER_CODES = "BF16 16, F8_E4M3 17, F8_E5M2 19"
ONNX_CODES = {
    name: int(code)
    for name, code in (pair.split() for pair in f"{_CODES}, {_LATER_CODES}".split(", "))
}
"""TensorProto.DataType by the name that safetensors gives the type."""


Provider = str | tuple[str, Mapping[str, int]]
"""Its name, or that and its options."""


def runtime() -> Any:
    """The module. Raises UsageError when it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(
            'running an ONNX model needs ONNX Runtime: pip install "trueness[onnx]"'
        ) from None
    return onnxruntime


def dtype_of(type_text: str) -> str | None:
    """`tensor(float)` to F32; None for what is no tensor of numbers that a file could hold."""
    if not type_text.startswith("tensor("):
        return None
    return _DTYPES.get(type_text[len("tensor(") : -1])


@dataclass(frozen=True)
class Sessions:
    """Makes sessions of one model, which lies in `folder`: its weights may be files there. Threads
    do not spin while they wait, which would take the cores from whoever writes. `threads` 0 leaves
    their number to ONNX Runtime. `arena`: memory that was used once is kept for the next run.
    `verbosity`: from what on ONNX Runtime talks; 1 all, 3 errors."""

    folder: str
    providers: Sequence[Provider]
    threads: int = 0
    arena: bool = True
    verbosity: int = 3

    def open(
        self,
        model: str | bytes,
        level: str,
        *,
        optimised: str | None = None,
        disabled: Sequence[str] = (),
        free: Mapping[str, int] | None = None,
        profile: str | None = None,
    ) -> Any:
        """A session of a file or of the bytes of one. `optimised`: where to write the graph that
        runs; `free`: sizes of symbolic dimensions; `profile`: the start of the name of a trace.
        Raises UsageError for a model that cannot be loaded and for a provider that is not there."""
        ort = runtime()
        options = ort.SessionOptions()
        options.log_severity_level = self.verbosity
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[level])
        options.intra_op_num_threads = self.threads
        options.enable_cpu_mem_arena = self.arena
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if isinstance(model, bytes):
            entry = "session.model_external_initializers_file_folder_path"
            options.add_session_config_entry(entry, self.folder)
        if optimised:
            options.optimized_model_filepath = optimised
        if profile:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        for name, extent in (free or {}).items():
            options.add_free_dimension_override_by_name(name, extent)
        try:
            session = ort.InferenceSession(
                model, options, providers=list(self.providers), disabled_optimizers=[*disabled]
            )
        except Exception as error:
            what = (
                model
                if isinstance(model, str)
                else f"the model with its inner tensors ({self.folder})"
            )
            raise UsageError(
                f"{what}: ONNX Runtime cannot load it: {_first_line(error)}"
            ) from error
        self._check_provider(session)
        return session

    def _check_provider(self, session: Any) -> None:
        """A provider whose libraries are missing is left out without an error."""
        first = self.providers[0]
        wanted = first if isinstance(first, str) else first[0]
        if wanted not in session.get_providers():
            raise UsageError(
                f"{wanted} does not work here; ONNX Runtime would silently use "
                f"{session.get_providers()[0]}"
            )


def free_dimensions(session: Any, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The sizes that symbolic dimensions have when inputs are of these shapes. Raises UsageError
    for a shape that does not fit."""
    found: dict[str, int] = {}
    for port in session.get_inputs():
        if port.name not in shapes:
            continue
        given = tuple(shapes[port.name])
        if len(given) != len(port.shape):
            raise UsageError(f"input {port.name} has shape {port.shape}, not {list(given)}")
        for extent, size in zip(port.shape, given, strict=True):
            if isinstance(extent, int) and extent != size:
                raise UsageError(f"input {port.name} has shape {port.shape}, not {list(given)}")
            if isinstance(extent, str) and found.setdefault(extent, size) != size:
                raise UsageError(f"dimension {extent} is {found[extent]} and {size} at once")
    return found


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
