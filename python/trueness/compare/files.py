"""A pair, or two files of several tensors, to rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from threading import Lock

from trueness import _core
from trueness.compare.metrics import Choice
from trueness.compare.open_files import NoSuchTensor, OpenFiles, member_of, pick
from trueness.compare.standards import Standard, check_reference, standard_of
from trueness.compare.statistics import compare_statistics, statistics_of
from trueness.compare.tensors import (
    Outcome,
    Reference,
    compare_tensors,
    judged,
    thread_count,
)
from trueness.errors import FormatError, UsageError
from trueness.model import Pair, Result, State, TensorRef, Unmatched, tensor_in
from trueness.read.statistics import is_statistics_file

HUGE = 4 << 20
"""Bytes of a pair from which on it is worth waking all threads for it."""


def compare_files(
    golden_path: str | PathLike[str],
    my_path: str | PathLike[str],
    *,
    standard: str | Standard | None = None,
    threads: int | None = None,
    metrics: str | Sequence[str] = "all",
    reference: str | PathLike[str] | None = None,
) -> list[Result]:
    """Two files of any supported format, tensor by tensor: two files of one tensor each are a pair;
    else tensors of the same place (io and index) or name are. What is wrong with a file or a tensor
    is in the results. `reference` is the file of a third implementation, for a standard that asks
    for one. Raises UsageError for an unknown standard or metric, and for a standard without the
    reference it needs."""
    chosen = standard_of(standard)
    check_reference(chosen, reference is not None)
    worker = Worker(OpenFiles(), chosen, Choice(metrics), thread_count(threads))
    pair = Pair(TensorRef(os.fspath(golden_path)), TensorRef(os.fspath(my_path)), "two files")
    if reference is not None:
        pair = replace(pair, reference=TensorRef(os.fspath(reference)))
    return list(worker.results(pair))


_DtypeShape = tuple[str, tuple[int, ...] | None]
"""Of one side; None for a shape nobody told."""


@dataclass(slots=True, frozen=True)
class _Meeting:
    """Two tensors about to be compared and where they come from."""

    pair: Pair
    golden: _core.Tensor
    my: _core.Tensor


class Worker:
    """What all threads of a comparison share."""

    def __init__(self, files: OpenFiles, standard: Standard, choice: Choice, threads: int) -> None:
        self._files = files
        self._standard = standard
        self._label = standard.label
        self._choice = choice
        self._threads = threads
        self._huge = Lock()
        self._copying = Lock()
        self._asked: dict[tuple[str, str], tuple[int, _core.Tolerances | None]] = {}

    def batch(self, items: Sequence[Pair | Unmatched]) -> Iterator[Result]:
        """The rows of all, in order. Files of one tensor are opened and compared in a single call,
        since of small ones the way there costs most; any pair about which more is to be said than
        numbers is left to `results`."""
        paths = [_whole_paths(item) for item in items]
        answers = _core.compare_files(paths, asked=dict(self._asked), below=HUGE)
        for item, answer in zip(items, answers, strict=True):
            if answer is None or isinstance(item, Unmatched):
                yield from self.results(item)
            else:
                yield self._answered(item, *answer)

    def results(self, item: Pair | Unmatched) -> Iterator[Result]:
        """One row, or one a tensor for two whole files."""
        if isinstance(item, Unmatched):
            yield self._unmatched(item)
            return
        try:
            if item.golden.statistics or item.my.statistics:
                yield self._statistics(item)
                return
            if item.my.quantised:
                yield self._dequantised(item)
                return
            meeting = self._arranged(item)
            if meeting:
                yield self._compare(meeting)
                return
            golden = self._files.tensors(item.golden.path)
            my = self._files.tensors(item.my.path)
            sides = (golden, item.golden), (my, item.my)
            if any(not tensors and is_statistics_file(ref.path) for tensors, ref in sides):
                yield self._statistics(item)
                return
            both_whole = item.golden.member is None and item.my.member is None
            if both_whole and not len(golden) == len(my) == 1:
                yield from self._whole_files(item, golden, my)
                return
            meeting = _Meeting(item, pick(golden, item.golden), pick(my, item.my))
        except (FormatError, NoSuchTensor, OSError, MemoryError) as error:
            yield self._failure(item, str(error) or type(error).__name__)
            return
        yield self._compare(meeting)

    def _arranged(self, pair: Pair) -> _Meeting | None:
        """None where both tensors are compared as they are."""
        if not (pair.golden.shards or pair.my.shards or pair.golden.length):
            return None
        # With numpy they take longer to import than most comparisons do without.
        from trueness.compare.positions import cut
        from trueness.compare.shards import joined

        try:
            if pair.golden.shards or pair.my.shards:
                return _Meeting(*joined(pair, self._files))
            return _Meeting(*cut(pair, self._files))
        except UsageError as error:
            raise NoSuchTensor(f"{pair.my.path}: {error}") from None

    def _compare(self, meeting: _Meeting) -> Result:
        golden, my, pair = meeting.golden, meeting.my, meeting.pair
        nbytes = golden.nbytes + my.nbytes
        how = self._standard, self._choice
        beside = self._standard.needs_reference or pair.reference is not None
        reference = self._reference(pair) if beside else None
        if nbytes < HUGE:
            outcome = compare_tensors(golden, my, *how, 1, reference)
        else:
            # One at a time: it takes every core, and the others go on with small pairs.
            with self._huge:
                outcome = compare_tensors(golden, my, *how, self._threads, reference)
        if outcome.sums is not None and not self._standard.needs_reference:
            table = self._standard.table_of(golden.dtype, my.dtype)
            mask = self._choice.mask | table.mask
            self._asked[golden.dtype, my.dtype] = mask, table.tolerances
        sides = (golden.dtype, golden.logical_shape), (my.dtype, my.logical_shape)
        return self._row(pair, outcome, *sides, nbytes)

    def _dequantised(self, pair: Pair) -> Result:
        """Metrics in the unit of the values; the verdict is that on the steps, since how far a step
        reaches differs from row to row."""
        from trueness.compare.dequantised import dequantised

        # One at a time: the copies take many times the memory of the weight.
        with self._copying:
            # The third has steps of a unit of its own.
            pair = replace(pair, reference=None)
            found = dequantised(pair, self._files)
            result = self._compare(_Meeting(pair, found.golden, found.my))
            if not result.state.compared:
                return result
            steps = self._compare(_Meeting(pair, found.golden_steps, found.my_steps))
        reason = f"in steps of the quantisation: {steps.reason}" if steps.reason else ""
        return replace(result, passed=steps.passed, reason=reason)

    def _reference(self, pair: Pair) -> Reference:
        ref = pair.reference
        if ref is None:
            return "none has this tensor"
        try:
            tensors = self._files.tensors(ref.path)
            member = ref.member if ref.member or len(tensors) == 1 else pair.golden.member
            return pick(tensors, replace(ref, member=member))
        except (FormatError, NoSuchTensor, OSError, MemoryError) as error:
            return str(error) or type(error).__name__

    def _answered(
        self,
        pair: Pair,
        golden_dtype: str,
        my_dtype: str,
        shape: tuple[int, ...],
        nbytes: int,
        sums: _core.Sums,
    ) -> Result:
        outcome = judged(sums, golden_dtype, my_dtype, self._standard, self._choice)
        return self._row(pair, outcome, (golden_dtype, shape), (my_dtype, shape), nbytes)

    def _statistics(self, pair: Pair) -> Result:
        golden = statistics_of(pair.golden, self._files)
        my = statistics_of(pair.my, self._files)
        outcome = compare_statistics(golden, my, self._standard)
        return self._row(pair, outcome, (golden.dtype, golden.shape), (my.dtype, my.shape))

    def _row(
        self, pair: Pair, outcome: Outcome, golden: _DtypeShape, my: _DtypeShape, nbytes: int = 0
    ) -> Result:
        return Result(
            pair.golden,
            pair.my,
            outcome.state,
            outcome.reason,
            outcome.metrics,
            outcome.passed,
            self._label,
            _pairing(pair),
            *golden,
            *my,
            nbytes,
        )

    def _whole_files(
        self, pair: Pair, golden: list[_core.Tensor], my: list[_core.Tensor]
    ) -> Iterator[Result]:
        mine = {member_of(tensor): tensor for tensor in my}
        theirs = {member_of(tensor): tensor for tensor in golden}
        if not golden and not my:
            yield self._failure(pair, "no tensors in either file", State.EMPTY)
        for key, tensor in theirs.items():
            if key in mine:
                both = replace(
                    pair, golden=_part(pair.golden, tensor), my=_part(pair.my, mine[key])
                )
                yield self._compare(_Meeting(both, tensor, mine[key]))
            else:
                reason = f"not in {pair.my.path}"
                yield self._unmatched(Unmatched(_part(pair.golden, tensor), None, reason))
        for key, tensor in mine.items():
            if key not in theirs:
                reason = f"not in {pair.golden.path}"
                yield self._unmatched(Unmatched(None, _part(pair.my, tensor), reason))

    def _unmatched(self, item: Unmatched) -> Result:
        lone = State.UNMATCHED_GOLDEN if item.my is None else State.UNMATCHED_MY
        state = item.state or lone
        passed = None if item.expected else False
        return Result(item.golden, item.my, state, item.reason, passed=passed, standard=self._label)

    def _failure(self, pair: Pair, reason: str, state: State = State.UNREADABLE) -> Result:
        return Result(
            pair.golden,
            pair.my,
            state,
            reason,
            passed=False,
            standard=self._label,
            pairing=_pairing(pair),
        )


def _whole_paths(item: Pair | Unmatched) -> tuple[str, str] | None:
    """Of a pair of whole files that hold values and are compared as they are, with no third."""
    if isinstance(item, Unmatched) or item.reference is not None:
        return None
    if not (_is_whole(item.golden) and _is_whole(item.my)):
        return None
    return item.golden.path, item.my.path


def _is_whole(ref: TensorRef) -> bool:
    special = ref.statistics or ref.shards or ref.length or ref.quantised
    return ref.member is None and not special


def _pairing(pair: Pair) -> str:
    return f"{pair.pairing} (doubtful: {pair.doubt})" if pair.doubt else pair.pairing


def _part(ref: TensorRef, tensor: _core.Tensor) -> TensorRef:
    return tensor_in(ref, member_of(tensor), tensor.io, tensor.index)
