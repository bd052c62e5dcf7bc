"""Rows in, the broken operator out."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pytest

from trueness.diagnose import Localiser
from trueness.model import Diagnosis, Graph, GraphOp, Metrics, Result, State, TensorRef

COUNTS = dict.fromkeys(
    ("golden_nan_count", "golden_inf_count", "my_nan_count", "my_inf_count"), 0.0
)


def row(op: str, io: str, error: float, *, index: int = 0, odd: float = 0.0) -> Result:
    ref = TensorRef("file", op_name=op, op_type=op.rstrip("0123456789_"), io=io, index=index)
    metrics = {"relative_euclidean_distance": error, **COUNTS, "my_nan_count": odd}
    state = State.NONFINITE_MY if odd else State.OK
    return Result(
        ref, ref, state, metrics=Metrics(metrics), golden_dtype="float32", my_dtype="bfloat16"
    )


def chain(errors: list[float], *, inputs: bool) -> Iterator[Result]:
    before = 0.0
    for place, error in enumerate(errors):
        if inputs:
            yield row(f"MatMul_{place}", "input", before)
        yield row(f"MatMul_{place}", "output", error)
        before = error


def diagnose(rows: Iterator[Result], graphs: tuple[Graph, ...] = ()) -> Diagnosis:
    localiser = Localiser(graphs)
    for _ in localiser.follow(rows):
        pass
    return localiser.diagnosis()


@pytest.mark.parametrize("inputs", [True, False])
def test_the_operator_that_adds_error_is_named_and_those_behind_it_are_not(inputs: bool) -> None:
    found = diagnose(chain([0.002, 0.003, 0.2, 0.21, 0.22], inputs=inputs))
    assert [finding.op_name for finding in found.findings] == ["MatMul_2"]
    assert "0.2 relative L2" in found.findings[0].evidence[0]


def test_rounding_alone_is_clean() -> None:
    found = diagnose(chain([0.002, 0.003, 0.004, 0.005], inputs=True))
    assert not found.findings
    assert found.conclusion.startswith("clean")


def test_nonfinite_from_finite_goes_before_everything() -> None:
    rows = [row("A", "output", 0.9), row("B", "input", 0.9), row("B", "output", 0.9, odd=3)]
    rows += [row("C", "input", 0.9, odd=3), row("C", "output", 0.9, odd=9)]
    found = diagnose(iter(rows))
    assert [(f.kind, f.op_name) for f in found.findings] == [
        ("nonfinite", "B"),
        ("introduced", "A"),
    ]


def test_a_graph_tells_whose_error_an_operator_inherits() -> None:
    ops = [GraphOp("A", "A", (), ("",)), GraphOp("B", "B", (), ("",))]
    ops.append(GraphOp("C", "C", ("A:0",), ("",)))
    graph = Graph("graph.txt", "g", 1, 0, {op.name: op for op in ops})
    rows = [row("A", "output", 0.5), row("B", "output", 0.001), row("C", "output", 0.5)]
    localiser = Localiser([graph])
    scores = [r.introduced_score for r in localiser.follow(iter(rows))]
    assert scores[0] > 100
    assert scores[2] < 1.1
    assert [f.op_name for f in localiser.diagnosis().findings] == ["A"]


def test_inputs_have_no_score() -> None:
    localiser = Localiser()
    first, second = localiser.follow(chain([0.002], inputs=True))
    assert isnan(first.introduced_score)
    assert 0.9 < second.introduced_score < 1.1
