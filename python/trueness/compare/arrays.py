"""Two arrays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueness._core import Sums
    from trueness.compare.standards import Standard
    from trueness.model import Metrics, State


@dataclass(frozen=True)
class Comparison:
    """Every metric is also an attribute: `c.cosine_similarity`, `c.error_ratio_1e_3`. Indices and
    counts are integers. Metrics are NaN where undefined; `sums` is None when no elements met."""

    state: State
    reason: str
    passed: bool
    standard: str
    metrics: Metrics
    sums: Sums | None

    def __getattr__(self, attribute: str) -> float:
        name = attribute.replace("_1e_", "_1e-")
        if name.startswith("__"):
            raise AttributeError(name)
        from trueness._core import METRIC_NAMES

        metrics = self.__dict__.get("metrics", {})
        if name in metrics:
            value = metrics[name]
            whole = name.endswith(("_index", "count")) and value == value
            return int(value) if whole else value
        if name in METRIC_NAMES:
            return float("nan")
        raise AttributeError(f"no metric is called {name!r}")


def compare(
    golden: object,
    my: object,
    *,
    standard: str | Standard | None = None,
    threads: int | None = None,
    metrics: str | Sequence[str] = "all",
    reference: object = None,
) -> Comparison:
    """Two arrays of any dtype: numpy, CPU torch, DLPack or buffer protocol, taken where they lie,
    without a copy. Shapes have to be equal but for dimensions of 1. `threads` None is
    TRUENESS_THREADS, else all cores. `reference` is the array of a third implementation, for a
    standard that asks for one. Raises UsageError for what is no array, an unknown standard or
    metric, and for a standard without the reference it needs."""
    from trueness.compare.metrics import Choice
    from trueness.compare.standards import check_reference, standard_of
    from trueness.compare.tensors import compare_tensors, thread_count
    from trueness.read.array import tensor_from_array

    chosen = standard_of(standard)
    check_reference(chosen, reference is not None)
    outcome = compare_tensors(
        tensor_from_array(golden),
        tensor_from_array(my),
        chosen,
        Choice(metrics),
        thread_count(threads),
        None if reference is None else tensor_from_array(reference),
    )
    return Comparison(
        outcome.state,
        outcome.reason,
        outcome.passed,
        chosen.label,
        outcome.metrics,
        outcome.sums,
    )
