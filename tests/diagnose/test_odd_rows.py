"""Whatever numbers rows have, there is a diagnosis and no warning."""

from __future__ import annotations

from math import inf, isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from trueness.diagnose import Localiser
from trueness.diagnose.trace import COLUMNS, ERROR
from trueness.model import Graph, GraphOp, Metrics, Result, State, TensorRef

NUMBERS = st.sampled_from([0.0, 1e-320, 1e-9, 1e-3, 0.5, 3.0, 1e9, 1e300, inf, nan, -1.0, -inf])
NAMES = st.sampled_from(["MatMul", "MatMul_1", "Add", "TopK", "", "x" * 300])


@st.composite
def rows(draw: st.DrawFn) -> Result:
    ref = TensorRef(
        "file",
        op_name=draw(NAMES),
        op_type=draw(st.sampled_from(["MatMul", "Add", "TopK", ""])),
        io=draw(st.sampled_from(["input", "output", ""])),
        index=draw(st.integers(0, 2)),
        token=draw(st.sampled_from([None, 0, 1])),
    )
    metrics = {name: draw(NUMBERS) for name in COLUMNS if draw(st.booleans())}
    # A distance is not negative, whatever else is odd.
    metrics = {name: abs(x) if name == COLUMNS[ERROR] else x for name, x in metrics.items()}
    dtypes = st.sampled_from(["float32", "bfloat16", "int8", "bool", ""])
    return Result(
        ref if draw(st.booleans()) else None,
        ref,
        draw(st.sampled_from(list(State))),
        metrics=Metrics(metrics),
        passed=draw(st.sampled_from([True, False, None])),
        pairing=draw(st.sampled_from(["", "FX name, fused from MatMul + Add"])),
        golden_dtype=draw(dtypes),
        my_dtype=draw(dtypes),
    )


@given(st.lists(rows(), max_size=12), st.booleans())
def test_odd_numbers(found: list[Result], with_graph: bool) -> None:
    ops = [GraphOp("MatMul", "MatMul", ("Add:0", ":", "x"), ("",))]
    ops.append(GraphOp("Add", "Add", ("MatMul:0", "MatMul_1:9"), ("",)))
    graph = Graph("graph.txt", "g", 1, 0, {op.name: op for op in ops})
    localiser = Localiser([graph] if with_graph else [])
    assert len(list(localiser.follow(found))) == len(found)
    diagnosis = localiser.diagnosis()
    assert diagnosis.conclusion
    assert all(not isnan(finding.score) and finding.evidence for finding in diagnosis.findings)
    said = " ".join(line for finding in diagnosis.findings for line in finding.evidence)
    assert not any(number in said for number in ("+nan", "-nan", "+inf", "-inf"))
