"""Settings of torchair that make it dump: a GE run on the NPU, and an FX run to compare it with."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from trueness.dump.guard import LOGGER
from trueness.errors import UsageError

GE_FOLDER = "msit_ge_dump"
FX_FOLDER = "msit_fx_dump"
DUMP_MODES = ("input", "output", "all")
_STEP = re.compile(r"\d+(-\d+)?")
_LAYER = re.compile(r"[0-9a-zA-Z_/\\.]+")

CompilerConfig = Any
"""torchair.CompilerConfig"""


def get_ge_dump_config(
    dump_path: str = "",
    dump_mode: str = "all",
    fusion_switch_file: str | None = None,
    dump_token: Sequence[int | str] | None = None,
    dump_layer: Sequence[str] | None = None,
    compiler_config: CompilerConfig | None = None,
) -> CompilerConfig:
    """A config, `compiler_config` or a new one, with which a compiled model dumps what the NPU
    computes, and its graph, to `{dump_path}/msit_ge_dump`.

    `dump_mode` is input, output or all; `dump_token` has steps from 0 or ranges such as "2-5",
    `dump_layer` the names of operators; None is all of them. `fusion_switch_file` says which
    fusions are off. Raises UsageError for an argument that does not fit or when torchair is not
    installed, TypeError for a path that is no text."""
    if dump_mode not in DUMP_MODES:
        raise UsageError(f"dump_mode is {dump_mode!r}; give one of {', '.join(DUMP_MODES)}")
    steps, layers = _steps(dump_token), _layers(dump_layer)
    fusion = _existing_file(fusion_switch_file)
    config = _new_config() if compiler_config is None else compiler_config
    folder = _folder(dump_path, GE_FOLDER)
    config.debug.graph_dump.type = "txt"
    _set_path(config.debug.graph_dump, folder)
    if fusion is not None:
        config.fusion_config.fusion_switch_file = fusion
    config.dump_config.enable_dump = True
    config.dump_config.dump_mode = dump_mode
    config.dump_config.dump_path = folder
    if steps:
        config.dump_config.dump_step = steps
    if layers:
        config.dump_config.dump_layer = layers
    return config


def get_fx_dump_config(
    dump_path: str = "", compiler_config: CompilerConfig | None = None
) -> CompilerConfig:
    """A config with which a compiled model is run operator by operator, without a graph on the NPU,
    and dumps each to `{dump_path}/msit_fx_dump`; before PTA 7.1.0, which cannot be told where, to
    `data_dump` in the working folder. Errors as of `get_ge_dump_config`."""
    config = _new_config() if compiler_config is None else compiler_config
    folder = _folder(dump_path, FX_FOLDER)
    config.debug.data_dump.type = "npy"
    if hasattr(config.debug.data_dump, "path"):
        config.debug.data_dump.path = folder
    else:
        LOGGER.warning("this torchair dumps to ./data_dump, not to %s", folder)
    return config


def _new_config() -> CompilerConfig:
    try:
        import torch_npu  # noqa: F401 - torchair needs it to have been imported
        import torchair
    except ImportError as error:
        raise UsageError(
            f"torchair is needed ({error}): install torch_npu, which brings it, on a machine with "
            "CANN; without an NPU, trueness.dump.fx makes the golden dump"
        ) from error
    return torchair.CompilerConfig()


def _folder(dump_path: str, name: str) -> str:
    if not isinstance(dump_path, str):
        raise TypeError(f"dump_path is a {type(dump_path).__name__}; give a str")
    folder = os.path.realpath(os.path.join(dump_path, name))
    os.makedirs(folder, mode=0o750, exist_ok=True)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"{folder} must be readable and writable")
    with os.scandir(folder) as entries:
        if next(entries, None) is not None:
            LOGGER.warning("%s is not empty: two dumps will be mixed", folder)
    return folder


def _set_path(graph_dump: Any, folder: str) -> None:
    """Newer ones have a public `path`."""
    setattr(graph_dump, "path" if hasattr(graph_dump, "path") else "_path", folder)


def _existing_file(path: str | None) -> str | None:
    if path is None:
        return None
    if not os.path.isfile(path):
        raise UsageError(f"fusion_switch_file {path} is no file")
    return os.path.realpath(path)


def _steps(tokens: Sequence[int | str] | None) -> str:
    steps = [str(token) for token in _several(tokens, "dump_token")]
    wrong = [step for step in steps if not _STEP.fullmatch(step)]
    if wrong:
        raise UsageError(
            f"dump_token has {wrong[0]!r}; give steps such as 0 and ranges such as 2-5"
        )
    return "|".join(steps)


def _layers(layers: Sequence[str] | None) -> str:
    names = [str(layer) for layer in _several(layers, "dump_layer")]
    wrong = [name for name in names if not _LAYER.fullmatch(name)]
    if wrong:
        raise UsageError(f"dump_layer has {wrong[0]!r}; give names of operators, such as Add_1")
    return " ".join(names)


def _several(values: Sequence[Any] | None, name: str) -> Sequence[Any]:
    if isinstance(values, str) or not (values is None or isinstance(values, Sequence)):
        raise UsageError(f"{name} is {values!r}; give a list")
    return values or ()
