"""Tensors compared while a model produces them, with a golden dump on disk: no second dump."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any

from trueness._core import Sums, Tensor
from trueness.compare.metrics import Choice as MetricChoice
from trueness.compare.open_files import OpenFiles, pick
from trueness.compare.standards import Standard, check_reference, standard_of
from trueness.compare.statistics import compare_statistics, statistics_of
from trueness.compare.tensors import Outcome, compare_tensors, judged
from trueness.diagnose import Localiser
from trueness.discover.torch_modules import TorchModules
from trueness.discover.torchair_fx import TorchairFx
from trueness.dump import files as dump_files
from trueness.dump.fx_run import FxDump
from trueness.dump.module_hooks import ModulesDump
from trueness.dump.place import Place, choice_of
from trueness.dump.tensor_statistics import dtype_of, measured
from trueness.errors import FormatError, LayoutError, UsageError
from trueness.model import Dump, Finding, Result, State, Statistics, TensorRef
from trueness.read.array import tensor_from_array
from trueness.report import Summary, write_report

CHUNK_BYTES = 64 << 20
"""Of a tensor on a device, how much is brought to the host at once."""

_LAYOUTS = (TorchairFx(), TorchModules())
_NARROW = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0")
_Sides = tuple[str, tuple[int, ...] | None, str, tuple[int, ...] | None]
"""Dtype and shape of golden and of my tensor."""
_Key = tuple[str, int | None, str, str, int, tuple[int, ...]]


class Against:
    """A context manager, and the sink of the tensors of the models that run in it. `results` grow
    while they run; at the end they also tell golden tensors that never came."""

    def __init__(
        self,
        golden_dir: str | os.PathLike[str],
        *,
        standard: str | Standard | None = None,
        metrics: str | Sequence[str] = "all",
        rank: int | None = None,
        layers: str | Sequence[str] | None = None,
        tokens: int | Collection[int] | None = None,
        inputs: bool = True,
        outputs: bool = True,
        strict: bool = False,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        """Options as of `dump.fx` and `compare_dumps`. Raises UsageError for options that do not
        fit, LayoutError when the folder is no dump of `dump.fx`, torchair or `dump.modules`."""
        self._dump = _discover(Path(golden_dir), rank)
        self._golden = {_key(ref): ref for ref in self._dump.tensors}
        self._left = dict(self._golden)
        self._choice = choice_of(layers, tokens, inputs, outputs)
        self._strict = strict
        self._standard = standard_of(standard)
        check_reference(self._standard, False)
        self._metrics = MetricChoice(metrics)
        self._files = OpenFiles()
        self._chunk = chunk_bytes
        self._running: list[ModulesDump] = []
        self._localiser = Localiser(self._dump.graphs)
        self.results: list[Result] = []

    def fx(self, model: Any, **options: Any) -> FxDump:
        """The model to call in place of `model`, as `dump.fx` gives it; `check` and `dynamic` are
        its options. Raises UsageError when golden is a dump of modules."""
        self._check_layout("torchair_fx", "modules")
        return FxDump(model, self, self._choice, strict=self._strict, **options)

    def modules(self, model: Any) -> ModulesDump:
        """From now to the end of the session compares what the modules of `model` take and give.
        Raises UsageError when golden is a dump of an FX graph."""
        self._check_layout("torch_modules", "fx")
        found = ModulesDump(model, self, self._choice, strict=self._strict)
        self._running.append(found.__enter__())
        return found

    def __enter__(self) -> Against:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._running:
            self._running.pop().__exit__(None, None, None)
        missing = [self._missing(ref) for ref in self._left.values()]
        self._left.clear()
        self.results = [*self._localiser.follow([*self.results, *missing])]
        self._files.close()

    def take(self, place: Place, tensor: dump_files.Tensor) -> None:
        """Compares one tensor; it is not kept."""
        key = place.graph, place.token, place.op, place.io, place.index, place.nested
        golden = self._golden.get(key)
        my = _in_memory(place, tensor, golden)
        self._left.pop(key, None)
        if golden is None:
            reason = "the golden dump has no such tensor"
            row = Result(None, my, State.UNMATCHED_MY, reason, passed=False)
            self.results.append(replace(row, standard=self._standard.label))
            return
        try:
            self.results.append(self._compared(golden, my, tensor))
        except (FormatError, OSError, UsageError) as error:
            row = Result(golden, my, State.UNREADABLE, str(error), passed=False)
            self.results.append(replace(row, standard=self._standard.label))

    def close(self) -> None:
        """As a sink: nothing waits, since each tensor is compared when it comes."""

    def summary(self) -> Summary:
        """Counts, and where values part, of the rows so far; complete when the session is over."""
        summary = Summary.of(self.results)
        summary.diagnosis = self._localiser.diagnosis()
        return summary

    @property
    def findings(self) -> Sequence[Finding]:
        """The operators where values part, the likeliest first; known when the session is over."""
        return self._localiser.diagnosis().findings

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes every row to `path`, in the place of what was there."""
        return write_report("csv", self.results, path, self.summary)

    def _check_layout(self, wanted: str, other: str) -> None:
        if self._dump.layout != wanted:
            raise UsageError(f"{self._dump.root} is {self._dump.layout}: use session.{other}")

    def _missing(self, ref: TensorRef) -> Result:
        chosen = self._choice.takes_token(ref.token or 0) and self._choice.takes_layer(
            ref.op_name, ref.op_type, ref.scope, ref.op_name.removeprefix("root.")
        )
        asked = chosen and (self._choice.inputs if ref.io == "input" else self._choice.outputs)
        reason = "my model did not produce it" if asked else "it was not asked for"
        row = Result(ref, None, State.UNMATCHED_GOLDEN, reason, passed=False if asked else None)
        return replace(row, standard=self._standard.label)

    def _compared(self, ref: TensorRef, my: TensorRef, tensor: dump_files.Tensor) -> Result:
        if ref.statistics is not None:
            return self._by_statistics(ref, my, tensor)
        golden = pick(self._files.tensors(ref.path), ref)
        shape = tuple(tensor.shape)
        streamed = tensor.nbytes > self._chunk and golden.readable
        if streamed and _plain(golden.logical_shape) == _plain(shape):
            outcome, dtype = self._in_chunks(golden, tensor)
        else:
            mine = tensor_from_array(dump_files.on_host(tensor))
            dtype = mine.dtype
            outcome = compare_tensors(golden, mine, self._standard, self._metrics, 0)
        sides = golden.dtype, tuple(golden.logical_shape), dtype, shape
        return self._row(ref, my, outcome, sides, golden.nbytes + int(tensor.nbytes))

    def _by_statistics(self, ref: TensorRef, my: TensorRef, tensor: dump_files.Tensor) -> Result:
        """Those of the tensor are computed where it lies."""
        found = measured(tensor)
        infinite = (found.negative_inf_count, found.positive_inf_count)
        mine = Statistics(
            found.max_value,
            found.min_value,
            found.mean_value,
            found.l2norm,
            found.nan_count,
            None if None in infinite else sum(count or 0 for count in infinite),
            dtype=dtype_of(tensor),
            shape=tuple(tensor.shape),
        )
        golden = statistics_of(ref, self._files)
        outcome = compare_statistics(golden, mine, self._standard)
        sides = golden.dtype, golden.shape, mine.dtype, mine.shape
        return self._row(ref, my, outcome, sides)

    def _row(
        self, ref: TensorRef, my: TensorRef, outcome: Outcome, sides: _Sides, nbytes: int = 0
    ) -> Result:
        return Result(
            ref,
            my,
            outcome.state,
            outcome.reason,
            outcome.metrics,
            outcome.passed,
            self._standard.label,
            "while running",
            *sides,
            nbytes,
        )

    def _in_chunks(self, golden: Tensor, tensor: dump_files.Tensor) -> tuple[Outcome, str]:
        """Never more than a chunk of each side is in the memory of the host."""
        flat = tensor.detach().reshape(-1)
        # A multiple of what the core reads at once.
        step = max(self._chunk // flat.element_size() // 4096, 1) * 4096
        total: Sums | None = None
        dtype = ""
        for first in range(0, flat.numel(), step):
            mine = tensor_from_array(dump_files.on_host(flat[first : first + step]))
            part = tensor_from_array(_stored(golden, first, prod(mine.logical_shape)))
            found = compare_tensors(part, mine, self._standard, self._metrics, 0)
            if found.sums is None:
                return found, mine.dtype
            total = Sums.merge(total, found.sums) if total else found.sums
            dtype = mine.dtype
        assert total is not None
        return judged(total, golden.dtype, dtype, self._standard, self._metrics), dtype


def _discover(root: Path, rank: int | None) -> Dump:
    for layout in _LAYOUTS:
        if layout.refusal(root) is None:
            dump = layout.discover(root, rank=rank, token=None)
            ranks = {ref.rank for ref in dump.tensors}
            if len(ranks) > 1:
                raise UsageError(f"{root} has ranks {sorted(ranks, key=str)}: give the own as rank")
            return dump
    reasons = "; ".join(f"not {layout.name}: {layout.refusal(root)}" for layout in _LAYOUTS)
    raise LayoutError(
        f"{root}: no dump that a model can be compared with while running ({reasons})"
    )


def _key(ref: TensorRef) -> _Key:
    return ref.graph, ref.token, ref.op_name, ref.io, ref.index, ref.nested


def _in_memory(place: Place, tensor: dump_files.Tensor, golden: TensorRef | None) -> TensorRef:
    where = f"(memory of {tensor.device})"
    if golden is not None:
        return replace(golden, path=where, order=place.time or golden.order)
    return TensorRef(
        where,
        op_name=place.op,
        op_type=place.op.partition("-")[2],
        io=place.io,
        index=place.index,
        nested=place.nested,
        graph=place.graph,
        token=place.token,
        order=place.time,
    )


def _plain(shape: Sequence[int]) -> list[int]:
    return [extent for extent in shape if extent != 1]


def _stored(golden: Tensor, first: int, count: int) -> Any:
    """Elements in the dtype they were stored in, so that errors are measured in its steps."""
    values = golden.flat_numpy(first, count)
    if golden.dtype not in _NARROW:
        return values
    import torch

    name = "float8_e8m0fnu" if golden.dtype == "float8_e8m0" else golden.dtype
    return torch.from_numpy(values).to(getattr(torch, name))
