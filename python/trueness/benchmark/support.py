"""What a backend cannot do with an option: refused where the result would be another one, else said
in the log."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from trueness.benchmark.options import Options
from trueness.errors import UsageError

LOGGER = logging.getLogger("trueness.benchmark")
_ONNX = frozenset(("onnxruntime", "onnxruntime-cann"))
_HOST = _ONNX | {"torch"}


@dataclass(frozen=True, slots=True)
class Limit:
    """For `backends` the option does not do what it says; `why` ends the sentence."""

    option: str
    backends: Collection[str]
    why: str


REFUSED = (
    Limit("aipp_config", _HOST, "AIPP is hardware of Ascend; give images as the model takes them"),
    Limit("dump_npy", {"torch"}, "its dump is made of .npy files already"),
    Limit("profiler", {"torch"}, "export the model to .onnx, which ONNX Runtime can profile"),
    Limit("acl_json_path", {"trtexec"}, "trtexec only measures"),
    Limit("dump", {"trtexec"}, "trtexec only measures"),
    Limit("profiler", {"trtexec"}, "trtexec only measures"),
)
_FUSION = "its graph was fused when it was compiled"
IGNORED = (
    Limit("output_size", _HOST, "results take the memory they need"),
    Limit("run_mode", _HOST, "inputs lie in the memory of this machine in every mode"),
    Limit("fusion", {"aclruntime"}, _FUSION),
    Limit("fusion_disable", {"aclruntime"}, _FUSION),
    Limit("fusion", {"torch"}, "an exported program runs as it is"),
    Limit("fusion_disable", {"torch"}, "an exported program runs as it is"),
    Limit("dump_format", {"torch"}, "torch programs are dumped as torchair does it"),
    Limit("dump_format", {"aclruntime"}, "CANN writes the dump"),
    Limit("pipeline", {"aclruntime"}, "a session of aclruntime takes one input after the other"),
    *(
        Limit(option, {"trtexec"}, "trtexec makes up inputs and keeps no results")
        for option in ("input", "output", "pipeline", "dym_shape", "dym_batch", "dym_dims")
    ),
)
_MODES = "aclruntime: --run-mode %s is done as tensor: each input is copied before it is run"


def supported(options: Options, backend: str) -> Options:
    """The options as the backend takes them. Raises UsageError for what it must not leave out."""
    defaults = {field.name: field.default for field in fields(Options)}
    changed = {name for name, value in defaults.items() if getattr(options, name) != value}
    for limit in REFUSED:
        if limit.option in changed and backend in limit.backends:
            raise UsageError(f"{backend} has no {_flag(limit.option)}: {limit.why}")
    for limit in IGNORED:
        if limit.option in changed and backend in limit.backends:
            LOGGER.warning("%s: %s has no effect: %s", backend, _flag(limit.option), limit.why)
    if backend == "aclruntime":
        if options.run_mode in ("files", "full"):
            LOGGER.info(_MODES, options.run_mode)
        if options.warmup_count and (options.dump or options.acl_json_path):
            LOGGER.info("CANN would dump the warm-up as well: nothing is run before what counts")
            options = replace(options, warmup_count=0)
        return replace(options, pipeline=False, threads=1)
    if backend in ("onnxruntime", "torch") and options.device != (0,):
        LOGGER.info("%s: a device is a share of the cores of this machine", backend)
    return options


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
