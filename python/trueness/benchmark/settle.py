"""Which options go together, and which wins."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from trueness.benchmark import paths
from trueness.benchmark.options import Options
from trueness.benchmark.support import supported
from trueness.errors import UsageError

LOGGER = logging.getLogger("trueness.benchmark")
SUFFIXES = {".onnx": "onnxruntime", ".pt2": "torch", ".om": "aclruntime"}
"""What runs a model of this suffix."""
_ACL_JSON = 1 << 20
_AIPP = 12_800


def settled(options: Options) -> Options:
    """The options with what follows from others. Raises UsageError for those that exclude each
    other, and for paths that will not do."""
    _check_paths(options)
    if options.output_dirname and options.output_dirname.startswith("/"):
        raise UsageError("--output-dirname is a name below --output; it must not begin with /")
    if options.output_dirname and not options.output:
        raise UsageError("--output-dirname needs --output")
    if options.acl_json_path:
        if options.dump or options.profiler:
            LOGGER.info("--acl-json-path decides what is collected; --dump, --profiler are ignored")
        options = replace(options, dump=False, profiler=False)
    if options.profiler and options.dump:
        raise UsageError("--profiler and --dump cannot be used together: give one of them")
    if (options.profiler or options.dump) and not options.output:
        raise UsageError(f"--{'dump' if options.dump else 'profiler'} needs --output")
    if options.dump_npy and not (options.dump or options.acl_json_path):
        raise UsageError("--dump-npy needs --dump or --acl-json-path: there is nothing to convert")
    if options.profiler and options.input and options.warmup_count:
        LOGGER.info("with --profiler and --input nothing is run before what counts")
        options = replace(options, warmup_count=0)
    if options.threads > 1 and not options.pipeline:
        LOGGER.info("--threads is for --pipeline; one thread is used")
        options = replace(options, threads=1)
    if options.backend == "trtexec" and not options.perf:
        raise UsageError("--backend trtexec only measures: give --perf 1 with it")
    if not options.input:
        without = ("auto_set_dymshape_mode", "auto_set_dymdims_mode", "divide_input")
        for name in (name for name in without if getattr(options, name)):
            LOGGER.info("--%s has no effect without --input", name.replace("_", "-"))
    if options.layers and not (options.dump or options.acl_json_path):
        LOGGER.info("--layers has no effect without --dump")
    return supported(options, backend_of(options))


def backend_of(options: Options) -> str:
    """What runs the model, by name. Raises UsageError for a suffix that nothing runs."""
    if options.backend:
        return options.backend
    if options.perf:
        return "trtexec"
    return SUFFIXES["".join(Path(options.om_model).suffixes[-1:]).lower()]


def model_name(options: Options) -> str:
    """The name that dumps and profiles carry: the file's without its suffix."""
    return Path(options.om_model).stem


def _check_paths(options: Options) -> None:
    if not options.om_model:
        raise UsageError("--om-model is missing: give the model to run")
    paths.check_readable("om-model", options.om_model, (*SUFFIXES,))
    for path in options.input:
        paths.check_readable("input", path)
    if options.output:
        paths.check_writable("output", options.output)
    if options.output_dirname:
        paths.check_text("output-dirname", options.output_dirname)
    if options.acl_json_path:
        paths.check_readable("acl-json-path", options.acl_json_path, (".json",), _ACL_JSON)
    if options.aipp_config:
        paths.check_readable("aipp-config", options.aipp_config, (".config",), _AIPP)
