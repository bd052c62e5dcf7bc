"""The options of `trueness benchmark`: the names, spellings and defaults of msit's command and of
ais_bench, of which this is the table, and ours behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trueness.errors import UsageError

_TRUE = frozenset(("yes", "true", "t", "y", "1"))
_FALSE = frozenset(("no", "false", "f", "n", "0"))
Parse = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field of Options is given on the command line. `ours`: no other tool knows it."""

    spellings: Sequence[str]
    parse: Parse
    help: str
    ours: bool = False


def boolean(text: str) -> bool:
    """As the old tools: yes, true, t, y, 1 or no, false, f, n, 0 in any case."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise UsageError(f"{text!r} is neither yes nor no; give 1 or 0")


def at_least(lowest: int) -> Parse:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,9}", text) or int(text) < lowest:
            raise UsageError(f"{text!r} is no whole number from {lowest} on")
        return int(text)

    return parse


def numbers(highest: int) -> Parse:
    """One number or several with commas."""

    def parse(text: str) -> tuple[int, ...]:
        parts = text.split(",")
        if not all(re.fullmatch(r"\d{1,9}", part) and int(part) <= highest for part in parts):
            raise UsageError(f"{text!r} is no list of numbers from 0 to {highest}, with commas")
        return tuple(map(int, parts))

    return parse


def one_of(*names: str) -> Parse:
    def parse(text: str) -> str:
        if text not in names:
            raise UsageError(f"{text!r} is not one of {', '.join(names)}")
        return text

    return parse


def characters(allowed: str) -> Parse:
    def parse(text: str) -> str:
        if not re.fullmatch(f"[{allowed}]+", text):
            raise UsageError(f"{text!r} has characters other than {allowed}")
        return text

    return parse


def listed(text: str) -> tuple[str, ...]:
    """Names with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flag(spellings: str, parse: Parse, text: str, default: Any = None, ours: bool = False) -> Any:
    return field(default=default, metadata={"flag": Flag(spellings.split(), parse, text, ours)})


_SHAPES = characters(r"_A-Za-z0-9,;:/.\-")
_RANGES = characters(r"_A-Za-z0-9,;:/.\-~")


@dataclass(frozen=True)
class Options:
    """None, 0 or False where nothing was asked for. Shapes are texts such as `name:1,600;x:8`."""

    om_model: str = _flag("--om-model -om --model -m", str, "The model: .onnx, .pt2 or .om.", "")
    input: tuple[str, ...] = _flag(
        "--input -i", listed, "Files, or a folder for each input, with commas.", ()
    )
    output: str | None = _flag("--output -o", str, "Folder for results, dump and profile.")
    output_dirname: str | None = _flag(
        "--output-dirname -od --output_dirname", str, "Name of the folder of results. [the time]"
    )
    outfmt: str = _flag("--outfmt", one_of("NPY", "BIN", "TXT"), "NPY, BIN or TXT.", "BIN")
    loop: int = _flag("--loop -l", at_least(1), "Runs of each input.", 1)
    debug: bool = _flag("--debug", boolean, "Show more.", False)
    device: tuple[int, ...] = _flag(
        "--device -d", numbers(255), "Device, or several with commas: a process each.", (0,)
    )
    dym_batch: int = _flag("--dym-batch -db --dymBatch", at_least(1), "Size of the batch.", 0)
    dym_hw: str | None = _flag("--dym-hw -dhw --dymHW", _SHAPES, "Height and width: 224,224.")
    dym_dims: str | None = _flag(
        "--dym-dims -dd --dymDims", _SHAPES, "Shapes of inputs: name:1,600;other:1,600."
    )
    dym_shape: str | None = _flag(
        "--dym-shape -ds --dymShape", _SHAPES, "Shapes of inputs: name:1,600;other:1,600."
    )
    output_size: str | None = _flag(
        "--output-size -outsize --outputSize", characters(r"0-9,;"), "Bytes of each output (.om)."
    )
    auto_set_dymshape_mode: bool = _flag(
        "--auto-set-dymshape-mode -asdsm --auto_set_dymshape_mode",
        boolean,
        "Shapes from the .npy files.",
        False,
    )
    auto_set_dymdims_mode: bool = _flag(
        "--auto-set-dymdims-mode -asddm --auto_set_dymdims_mode",
        boolean,
        "Shapes from the .npy files.",
        False,
    )
    batch_size: int = _flag(
        "--batch-size --batchsize", at_least(1), "For the throughput. [from the shapes]", 0
    )
    pure_data_type: str = _flag(
        "--pure-data-type -pdt --pure_data_type",
        one_of("zero", "random"),
        "Inputs when no files are given.",
        "zero",
    )
    profiler: bool = _flag("--profiler -pf", boolean, "Collect a profile.", False)
    dump: bool = _flag("--dump", boolean, "Dump every tensor.", False)
    acl_json_path: str | None = _flag(
        "--acl-json-path -acl --acl_json_path", str, "acl.json, which says what to collect."
    )
    output_batchsize_axis: int = _flag(
        "--output-batchsize-axis -oba --output_batchsize_axis",
        at_least(0),
        "Axis of outputs that is cut into samples.",
        0,
    )
    run_mode: str = _flag(
        "--run-mode -rm --run_mode",
        one_of("array", "files", "tensor", "full"),
        "How inputs reach the device.",
        "array",
    )
    display_all_summary: bool = _flag(
        "--display-all-summary -das --display_all_summary", boolean, "Also times of copies.", False
    )
    warmup_count: int = _flag(
        "--warmup-count -wcount --warmup_count", at_least(0), "Runs before those that count.", 1
    )
    dym_shape_range: str | None = _flag(
        "--dym-shape-range -dr --dymShape_range",
        _RANGES,
        "Ranges of shapes: name:1~4,3,224-448; or a file of them.",
    )
    aipp_config: str | None = _flag(
        "--aipp-config -aipp --aipp_config", str, "Preprocessing of images (.om)."
    )
    energy_consumption: bool = _flag(
        "--energy-consumption -ec --energy_consumption", boolean, "Measure energy.", False
    )
    npu_id: tuple[int, ...] = _flag(
        "--npu-id --npu_id", numbers(2048), "Which NPU to measure.", (0,)
    )
    backend: str | None = _flag(
        "--backend",
        one_of("trtexec", "onnxruntime", "onnxruntime-cann", "torch", "aclruntime"),
        "What runs the model. [by its suffix]",
    )
    perf: bool = _flag("--perf", boolean, "Only measure, with trtexec.", False)
    pipeline: bool = _flag("--pipeline", boolean, "Several inputs at once.", False)
    profiler_rename: bool = _flag(
        "--profiler-rename --profiler_rename", boolean, "Put the model's name into files.", True
    )
    dump_npy: bool = _flag("--dump-npy --dump_npy", boolean, "The dump as .npy as well.", False)
    divide_input: bool = _flag(
        "--divide-input --divide_input", boolean, "A share of the inputs for each device.", False
    )
    threads: int = _flag("--threads", at_least(1), "Inputs at once in a pipeline.", 1)
    seed: int = _flag("--seed", at_least(0), "For random inputs.", 0, True)
    random_range: str | None = _flag(
        "--random-range",
        characters(r"0-9.,\-"),
        "LOW,HIGH of random inputs. [0,1 for floats, 0 or 1 for integers]",
        None,
        True,
    )
    fusion: str = _flag(
        "--fusion",
        one_of("off", "basic", "extended", "all"),
        "How much ONNX Runtime rewrites the graph.",
        "all",
        True,
    )
    fusion_disable: tuple[str, ...] = _flag(
        "--fusion-disable", listed, "Optimiser rules to leave out, with commas.", (), True
    )
    layers: tuple[str, ...] = _flag(
        "--layers", listed, "Dump only nodes of these names; globs, with commas.", (), True
    )
    dump_data: str = _flag(
        "--dump-data", one_of("tensor", "stats"), "Values or statistics.", "tensor", True
    )
    dump_format: str = _flag(
        "--dump-format",
        one_of("packed", "ge"),
        "One file for a run, or files as an NPU leaves them (.onnx).",
        "packed",
        True,
    )
