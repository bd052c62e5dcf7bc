"""A model run as the options say."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from trueness.benchmark import (
    acl_json,
    cann_dumps,
    devices,
    energy,
    msprof,
    onnx_profile,
    shapes,
    trtexec,
)
from trueness.benchmark.acl_json import Request
from trueness.benchmark.backends import Session, Setup, opener
from trueness.benchmark.inputs import Group, groups
from trueness.benchmark.onnx_dumps import OnnxDumps
from trueness.benchmark.options import Options
from trueness.benchmark.outputs import Outputs
from trueness.benchmark.paths import make_folder
from trueness.benchmark.pipeline import run_at_once
from trueness.benchmark.settle import backend_of, model_name, settled
from trueness.benchmark.summary import Times, lines, summary, write
from trueness.benchmark.torch_dumps import TorchDumps
from trueness.errors import TruenessError, UsageError

LOGGER = logging.getLogger("trueness.benchmark")
Say = Callable[[str], object]


@dataclass(frozen=True)
class Run:
    """One process on one device. `folder` is where results go, None for nowhere; `part` which of
    how many shares of the inputs it takes."""

    options: Options
    arguments: Sequence[str]
    request: Request
    acl_json: str
    device: int
    folder: Path | None
    summary_path: Path | None
    part: tuple[int, int] = (0, 1)


@dataclass(frozen=True, slots=True)
class Done:
    """`values` are what the summary file has; `problems` how many results are missing, each of
    which was logged."""

    values: Mapping[str, Any]
    problems: int = 0

    @property
    def throughput(self) -> float:
        return float(self.values["throughput"])


class Dumps(Protocol):
    """What dumps the runs of a backend that does not do it by itself."""

    problems: int

    def dump(self, feeds: Mapping[str, Any], run: int) -> None: ...

    def close(self) -> None: ...


def benchmark(options: Options, arguments: Sequence[str] = (), say: Say = print) -> int:
    """Runs what the options ask for and prints the numbers with `say`; `arguments` are for the
    summary. Returns the exit code: 0, or 1 where a part failed. Raises TruenessError for what
    cannot be run at all."""
    options = settled(options)
    given = acl_json.read(options.acl_json_path) if options.acl_json_path else None
    if backend_of(options) == "trtexec":
        return trtexec.run(options, say)
    if backend_of(options) == "aclruntime":
        profiler = given.get("profiler") if given and "dump" not in given else None
        on = isinstance(profiler, dict) and profiler.get("switch") == "on"
        if (options.profiler or on) and msprof.wanted():
            return msprof.run(options, profiler if on else None)
    if options.dym_shape_range and not options.dym_shape:
        return _ranges(options, arguments, given, say)
    if len(options.device) > 1:
        return devices.run(options, arguments, say)
    run = prepared(options, arguments, given, options.device[0])
    done = execute(run)
    for line in lines(done.values, options.display_all_summary):
        say(line)
    if run.summary_path:
        say(f"summary: {run.summary_path}")
    return 1 if done.problems else 0


def prepared(
    options: Options,
    arguments: Sequence[str],
    given: Mapping[str, Any] | None,
    device: int,
    place: Path | None = None,
) -> Run:
    """`place` is the folder of this device where there are several."""
    for problem in acl_json.problems(given or {}, options):
        LOGGER.warning("dump failed: %s (%s)", problem, options.acl_json_path)
    request = acl_json.requested(options, given)
    path = options.acl_json_path or ""
    if given is None and (options.dump or options.profiler):
        path = str(acl_json.write(options))
    if not options.output:
        return Run(options, arguments, request, path, device, None, None)
    folder = place or new_folder(options)
    make_folder(folder)
    target = folder.with_name(f"{folder.name}_summary.json")
    return Run(options, arguments, request, path, device, folder, target)


def new_folder(options: Options) -> Path:
    """Named by the time, or as the user says; two runs in a second do not share one."""
    output = Path(options.output or ".")
    if options.output_dirname:
        return output / options.output_dirname
    stamp = time.strftime("%Y_%m_%d-%H_%M_%S")
    found, number = output / stamp, 1
    while found.exists():
        number += 1
        found = output / f"{stamp}-{number}"
    return found


def execute(run: Run) -> Done:
    """Runs everything on one device, and writes the summary."""
    options = run.options
    backend = backend_of(options)
    profile = _profile_of(run, backend)
    before = cann_dumps.stamps(run.request.dump_path)
    began = energy.power(options.npu_id[0]) if options.energy_consumption else None
    clock = time.perf_counter()
    with ExitStack() as stack:
        session = opener(backend)(options, Setup(run.device, run.acl_json, profile))
        stack.callback(session.close)
        outputs = None
        if run.folder:
            outputs = Outputs(run.folder, options.outfmt, options.output_batchsize_axis)
        dumps = _dumps_of(run, backend)
        times, batches = _all(session, run, outputs, dumps)
    if began is not None:
        energy.report(began, options.npu_id[0], time.perf_counter() - clock)
    problems = dumps.problems if dumps else 0
    if options.dump_npy and backend == "aclruntime" and run.request.dump_path:
        problems += cann_dumps.convert_new(run.request.dump_path, before)
    if profile:
        name, rename = model_name(options), options.profiler_rename
        onnx_profile.write(profile, name, options.warmup_count, rename=rename)
    if outputs:
        outputs.close()
    values = summary(
        times,
        outputs.files if outputs else {},
        run.arguments,
        sum(batches) / len(batches),
        at_once=options.pipeline and options.threads > 1,
        settings=_settings(options),
    )
    if run.summary_path:
        write(values, run.summary_path)
    return Done(values, problems)


def _profile_of(run: Run, backend: str) -> str:
    """How the names of ONNX Runtime's trace begin, "" when there is to be none. Raises UsageError
    where an acl.json asks for a profile that the backend cannot make."""
    if not run.request.profile_path:
        return ""
    if backend == "torch":
        raise UsageError("a .pt2 cannot be profiled; export it to .onnx")
    return onnx_profile.prefix(run.request.profile_path) if backend != "aclruntime" else ""


def _dumps_of(run: Run, backend: str) -> Dumps | None:
    """None where nothing is to be dumped, and where the backend does it."""
    if run.request.dump_path is None or backend == "aclruntime":
        return None
    made: Dumps
    if backend == "torch":
        made = TorchDumps(run.options, run.request, run.device)
    else:
        made = OnnxDumps(run.options, run.request, run.device)
    return made


def _all(
    session: Session, run: Run, outputs: Outputs | None, dumps: Dumps | None
) -> tuple[Times, list[int]]:
    """Times, and the samples of each execution."""
    options = run.options
    times = Times()
    batches: list[int] = []
    chosen = shapes.chosen(options, session.inputs)
    stream = groups(options, session.inputs, chosen, run.part)
    first = next(stream, None)
    if first is None:
        raise UsageError("there is nothing to run: no input files for this device")
    for port in session.inputs:
        LOGGER.debug("input %s: %s %s", port.name, port.dtype, port.shape)
    if options.warmup_count:
        _run(session, first, options.warmup_count)

    def one(group: Group) -> tuple[Group, list[Any], Times]:
        return group, *_run(session, group, options.loop)

    executed = run_at_once(one, chain([first], stream), options)
    for number, (group, found, spent) in enumerate(executed):
        times.add(spent)
        LOGGER.debug("run %d: %s ms", number, [round(end - at, 3) for at, end in spent.compute])
        batches.append(shapes.batch_of(options, [array.shape for array in group.feeds]))
        if outputs:
            outputs.save(group, found)
        if dumps:
            names = [port.name for port in session.inputs]
            dumps.dump(dict(zip(names, group.feeds, strict=True)), number)
    if dumps:
        dumps.close()
    return times, batches


def _run(session: Session, group: Group, loop: int) -> tuple[list[Any], Times]:
    try:
        return session.run(group.feeds, loop)
    except (RuntimeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        shown = ", ".join(str(list(array.shape)) for array in group.feeds)
        raise UsageError(f"the model does not run on inputs of shape {shown}: {reason}") from error


def _settings(options: Options) -> dict[str, Any]:
    """What a later run needs to repeat this one."""
    return {
        "backend": backend_of(options),
        "fusion": options.fusion,
        "fusion_disable": list(options.fusion_disable),
        "seed": options.seed if options.pure_data_type == "random" and not options.input else None,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
    }


def _ranges(
    options: Options, arguments: Sequence[str], given: Mapping[str, Any] | None, say: Say
) -> int:
    """Each shape by itself; a shape that does not run does not end the others. Results lie in a
    folder for each, named by its number."""
    if len(options.device) > 1:
        LOGGER.warning("--dym-shape-range runs on the first device, %d", options.device[0])
    folder = new_folder(options) if options.output else None
    texts = shapes.ranges(options.dym_shape_range or "")
    found: list[tuple[float, str]] = []
    failed: list[str] = []
    for number, text in enumerate(texts):
        place = folder / str(number) if folder else None
        one = replace(options, dym_shape=text, dym_shape_range=None)
        try:
            done = execute(prepared(one, arguments, given, options.device[0], place))
        except TruenessError as error:
            failed.append(f"{text}: {error}")
        else:
            found.append((done.throughput, text))
    for throughput, text in sorted(found, reverse=True):
        say(f"{text} throughput: {throughput}")
    for line in failed:
        say(f"failed: {line}")
    average = sum(throughput for throughput, _ in found) / len(found) if found else 0.0
    say(f"run_count: {len(texts)} success_count: {len(found)} avg_throughput: {average}")
    return 1 if failed else 0
