"""Two tensors of the core against each other: what state they are in, and the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from trueness import _core
from trueness.compare.metrics import Choice
from trueness.compare.standards import Standard, lower_precision
from trueness.compare.standards.demands import Measured
from trueness.compare.standards.standard import Table
from trueness.errors import FormatError, UsageError
from trueness.model import NO_METRICS, REFERENCE_ERROR, Metrics, State
from trueness.quickly_made import quickly_made

Shape = tuple[int, ...]
Reference = _core.Tensor | str | None
"""A third tensor, of another implementation, or why there is none."""

_BASE = _core.METRIC_GROUPS["rmse"]

MAX_THREADS = 4096
"""More do not fit what the core takes, and no machine has them."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Outcome:
    """`metrics` and `sums` only where elements met. What was not compared has not passed."""

    state: State
    reason: str
    passed: bool
    metrics: Metrics = NO_METRICS
    sums: _core.Sums | None = None


def compare_tensors(
    golden: _core.Tensor,
    my: _core.Tensor,
    standard: Standard,
    choice: Choice,
    threads: int,
    reference: Reference = None,
) -> Outcome:
    """Never raises for what is wrong with a tensor: the outcome says it. Raises UsageError for a
    wrong TRUENESS_ISA or TRUENESS_THREADS, which is no tensor's fault."""
    shapes = golden.logical_shape, my.logical_shape
    obstacle = _obstacle(golden, my, *shapes)
    if obstacle:
        return obstacle
    note = _notes(golden, my, *shapes)
    if not prod(shapes[0]):
        return Outcome(State.EMPTY, _join("no elements", note), passed=standard.empty == "pass")
    table = standard.table_of(golden.dtype, my.dtype)
    mask = choice.mask | table.mask
    dtypes = golden.dtype, my.dtype
    try:
        sums = _sums(golden, my, table, mask, threads)
        if reference is None and not table.needs.reference:
            return judged(sums, *dtypes, standard, choice, note)
        theirs = _of_reference(golden, reference, table, threads)
        if not table.needs.reference:
            outcome = judged(sums, *dtypes, standard, choice, note)
        else:
            measured = table.measured(sums, lower_precision(*dtypes))
            breach = _breach_beside(my, standard, table, measured, threads, reference, theirs)
            reason = _join(breach, note)
            outcome = _outcome(sums, table, measured, choice, reason, not breach)
    except (FormatError, OSError, MemoryError) as error:
        return Outcome(State.UNREADABLE, str(error) or type(error).__name__, passed=False)
    if isinstance(theirs, str):
        return outcome
    error_of_reference = {REFERENCE_ERROR: theirs.metrics["relative_euclidean_distance"]}
    return replace(outcome, metrics=Metrics({**outcome.metrics, **error_of_reference}))


def judged(
    sums: _core.Sums,
    golden_dtype: str,
    my_dtype: str,
    standard: Standard,
    choice: Choice,
    note: str = "",
) -> Outcome:
    """What elements that met come to, by a standard that asks for no reference."""
    table = standard.table_of(golden_dtype, my_dtype)
    measured = table.measured(sums, lower_precision(golden_dtype, my_dtype))
    breach = standard.breach(table, measured)
    reason = _join(breach, note) if note else breach
    return _outcome(sums, table, measured, choice, reason, not breach)


def _outcome(
    sums: _core.Sums, table: Table, measured: Measured, choice: Choice, reason: str, passed: bool
) -> Outcome:
    kept = choice.keep(measured.shown, table.evidence)
    state = State.OK if measured.ordinary else _state(measured.metrics)
    return Outcome(state, reason, passed, kept, sums)


def _sums(
    golden: _core.Tensor, my: _core.Tensor, table: Table, mask: int, threads: int
) -> _core.Sums:
    return _core.compare(golden, my, threads=threads, metrics=mask, tolerances=table.tolerances)


def _of_reference(
    golden: _core.Tensor, reference: Reference, table: Table, threads: int
) -> Measured | str:
    """How far a third implementation is off golden, or why that is not known."""
    if reference is None or isinstance(reference, str):
        return reference or "none was given"
    expected, found = golden.logical_shape, reference.logical_shape
    if not reference.readable or not _alike(expected, found):
        return reference.problem or f"its shape is {list(found)}, that of golden {list(expected)}"
    sums = _sums(golden, reference, table, _BASE, threads)
    return table.measured(sums, lower_precision(golden.dtype, reference.dtype))


def _breach_beside(
    my: _core.Tensor,
    standard: Standard,
    table: Table,
    measured: Measured,
    threads: int,
    reference: Reference,
    theirs: Measured | str,
) -> str:
    """The breach of a standard that sets errors against those of a third implementation."""
    if isinstance(theirs, str) or not isinstance(reference, _core.Tensor):
        return f"no reference: {theirs}"
    both = replace(measured, reference=theirs)
    placed = False
    if standard.nonfinite == "equal_to_any" and standard.nonfinite_breach(both):
        beside = _core.compare(reference, my, threads=threads, metrics=_BASE).finish()
        placed = not standard.nonfinite_breach(Measured(beside))
    return standard.breach(table, both, placed=placed)


def thread_count(threads: int | None) -> int:
    """As the core wants it: 0, its own choice, for None. Raises UsageError below 1."""
    if threads is None:
        return 0
    if threads < 1:
        raise UsageError(f"threads is {threads}; give at least 1")
    return min(threads, MAX_THREADS)


def _obstacle(
    golden: _core.Tensor, my: _core.Tensor, expected: Shape, found: Shape
) -> Outcome | None:
    for side, tensor in (("golden", golden), ("my", my)):
        if not tensor.dumped:
            return Outcome(State.NOT_DUMPED, f"{side}: {tensor.problem or 'no data'}", passed=False)
        if not tensor.readable:
            return Outcome(State.UNREADABLE, f"{side}: {tensor.problem}", passed=False)
    if expected != found and not _alike(expected, found):
        reason = f"golden shape {list(expected)}, my shape {list(found)}"
        return Outcome(State.SHAPE_MISMATCH, reason, passed=False)
    return None


def _alike(golden: tuple[int, ...], my: tuple[int, ...]) -> bool:
    """Equal but for dimensions of 1, so that the elements are in the same order."""
    return [dim for dim in golden if dim != 1] == [dim for dim in my if dim != 1]


def _notes(golden: _core.Tensor, my: _core.Tensor, expected: Shape, found: Shape) -> str:
    notes = []
    if expected != found:
        notes.append(f"shapes {list(expected)} and {list(found)} differ by dimensions of 1")
    for side, tensor in (("golden", golden), ("my", my)):
        if tensor.problem:
            notes.append(f"{side}: {tensor.problem}")
    return "; ".join(notes)


def _state(metrics: Mapping[str, float]) -> State:
    golden = metrics["golden_nan_count"] + metrics["golden_inf_count"] > 0
    my = metrics["my_nan_count"] + metrics["my_inf_count"] > 0
    if golden and my:
        return State.NONFINITE_BOTH
    if golden:
        return State.NONFINITE_GOLDEN
    if my:
        return State.NONFINITE_MY
    if metrics["golden_max_value"] == metrics["golden_min_value"] == 0:
        return State.ZERO_GOLDEN
    return State.OK


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
