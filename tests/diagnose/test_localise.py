"""Rows in, the broken operator out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf, isnan, nan

import pytest

from trueness.diagnose import Localiser
from trueness.model import (
    REFERENCE_ERROR,
    Diagnosis,
    Graph,
    GraphOp,
    Metrics,
    Result,
    State,
    TensorRef,
)

COUNTS = dict.fromkeys(
    ("golden_nan_count", "golden_inf_count", "my_nan_count", "my_inf_count"), 0.0
)


def row(
    op: str,
    io: str,
    error: float,
    *,
    index: int = 0,
    odd: float = 0.0,
    tensor: float = 0.0,
    my: float = 0.0,
    token: int | None = None,
    pairing: str = "",
    passed: bool = True,
) -> Result:
    """`tensor` stands for the golden values, `my` for what the other side has of them."""
    kind = op.rstrip("0123456789_")
    ref = TensorRef("file", op_name=op, op_type=kind, io=io, index=index, token=token)
    metrics = {"relative_euclidean_distance": error, **COUNTS, "my_nan_count": odd}
    metrics |= {"finite_count": 512.0, "golden_l2norm": 20.0 + tensor, "golden_mean_value": tensor}
    metrics |= {"golden_max_value": 3.0, "golden_min_value": -3.0, "norm_ratio": 1.0}
    metrics |= {"my_l2norm": 20.0 + tensor + my, "my_mean_value": tensor}
    state = State.NONFINITE_MY if odd else State.OK
    return Result(
        ref,
        ref,
        state,
        metrics=Metrics(metrics),
        passed=passed,
        golden_dtype="float32",
        my_dtype="bfloat16",
        pairing=pairing,
    )


def chain(errors: list[float], *, inputs: bool, token: int | None = None) -> Iterator[Result]:
    before = 0.0
    for place, error in enumerate(errors):
        if inputs:
            yield row(f"MatMul_{place}", "input", before, tensor=place, token=token)
        yield row(f"MatMul_{place}", "output", error, tensor=place + 1, token=token)
        before = error


def diagnose(rows: Iterable[Result], graphs: tuple[Graph, ...] = ()) -> Diagnosis:
    localiser = Localiser(graphs)
    for _ in localiser.follow(rows):
        pass
    return localiser.diagnosis()


def names(found: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.kind, finding.op_name) for finding in found.findings]


def graph_of(*ops: GraphOp) -> Graph:
    return Graph("graph.txt", "g", 1, 0, {op.name: op for op in ops})


@pytest.mark.parametrize("inputs", [True, False])
def test_the_operator_that_adds_error_is_named_and_those_behind_it_are_not(inputs: bool) -> None:
    found = diagnose(chain([0.002, 0.003, 0.2, 0.21, 0.22], inputs=inputs))
    assert names(found) == [("introduced", "MatMul_2")]
    assert "0.2 relative L2" in found.findings[0].evidence[0]
    assert found.conclusion.startswith("MatMul_2 (MatMul) is where")
    assert "inputs as dumped" in found.edges if inputs else "operator before" in found.edges


@pytest.mark.parametrize("inputs", [True, False])
def test_rounding_alone_is_clean(inputs: bool) -> None:
    found = diagnose(chain([0.002, 0.003, 0.004, 0.005, 0.0055, 0.006], inputs=inputs))
    assert names(found) == []
    assert found.conclusion.startswith("clean")
    assert 0.001 < found.noise < 0.01


def test_nothing_is_not_called_clean() -> None:
    assert diagnose([]).conclusion.startswith("nothing was compared")


def test_rows_that_fail_without_a_suspect_are_not_called_clean() -> None:
    rows = [row("A", "output", 0.002, passed=False), row("B", "output", 0.003, passed=False)]
    assert "2 outputs fail the standard" in diagnose(rows).conclusion


def test_nonfinite_from_finite_goes_before_everything() -> None:
    rows = [row("A", "output", 0.9, tensor=1), row("B", "input", 0.9, tensor=1)]
    rows += [row("B", "output", 0.9, tensor=2, odd=3), row("C", "input", 0.9, tensor=2, odd=3)]
    found = diagnose([*rows, row("C", "output", 0.9, tensor=3, odd=9)])
    assert names(found) == [("nonfinite", "B"), ("introduced", "A")]
    assert "NaN or Inf" in found.findings[0].evidence[0]


@pytest.mark.parametrize("error", [nan, 0.01])
def test_nan_everywhere_is_nonfinite_and_what_follows_inherits_it(error: float) -> None:
    rows = [row("A", "output", 0.001, tensor=1)]
    rows += [row(op, "output", error, tensor=2, odd=512, passed=False) for op in "BCD"]
    found = diagnose(rows)
    assert names(found) == [("nonfinite", "B")]
    assert isnan(found.findings[0].error)
    assert not any("runs" in sentence for sentence in found.findings[0].evidence)


def test_what_cannot_be_followed_is_not_called_clean() -> None:
    mismatch = replace(row("B", "output", 0.0), state=State.SHAPE_MISMATCH, metrics=Metrics({}))
    rows = [row("A", "output", 0.001), replace(mismatch, passed=False)]
    assert "1 row that does not pass" in diagnose(rows).conclusion
    assert diagnose([rows[0], mismatch]).conclusion.startswith("clean")


def test_evidence_states_the_norm_of_the_row_and_counts_peers() -> None:
    rows = [row("Mul_1", "output", 0.001, tensor=1), row("Mul_2", "output", 0.875, tensor=2)]
    scaled = Metrics({**dict(rows[1].metrics.items()), "norm_ratio": 0.125})
    evidence = diagnose([rows[0], replace(rows[1], metrics=scaled)]).findings[0].evidence
    assert "its norm is off by -87.5 %, which noise does not do" in evidence
    assert "the only other operator of type Mul is off by 0.001" in evidence


def test_files_that_tell_no_type_leave_no_gap_in_the_words() -> None:
    found = diagnose([row("1", "output", 0.5, passed=False), row("2", "output", 0.5)])
    assert found.conclusion == "1 is where the values part"
    assert "the only other operator is off by 0.5" in found.findings[0].evidence


def test_what_should_be_zero_is_off_by_no_number() -> None:
    wrong = row("Add_3", "output", inf, tensor=3)
    zero = Metrics({**dict(wrong.metrics.items()), "golden_l2norm": 0.0, "golden_mean_value": 0.0})
    rows = [row("Add_1", "output", 0.001), replace(wrong, metrics=zero)]
    finding = diagnose(rows).findings[0]
    assert isnan(finding.error)
    assert finding.evidence == (
        "its output is zero everywhere on the golden side, and mine is not",
    )


def test_peers_without_an_error_are_exact() -> None:
    rows = [row(f"Add_{place}", "output", 0.0, tensor=place) for place in range(3)]
    evidence = diagnose([*rows, row("Add_3", "output", 0.5, tensor=3)]).findings[0].evidence
    assert "half of the 3 others of type Add are exact" in evidence


def test_a_graph_tells_whose_error_an_operator_inherits() -> None:
    ops = [GraphOp("A", "A", (), ("",)), GraphOp("B", "B", (), ("",))]
    graph = graph_of(*ops, GraphOp("C", "C", ("A:0",), ("",)))
    rows = [row("A", "output", 0.5), row("B", "output", 0.001), row("C", "output", 0.5)]
    localiser = Localiser([graph])
    scores = [r.introduced_score for r in localiser.follow(iter(rows))]
    assert scores[0] > 100
    assert scores[2] < 1.1
    found = localiser.diagnosis()
    assert names(found) == [("introduced", "A")]
    assert [neighbour.op_name for neighbour in found.findings[0].consumers] == ["C"]
    assert found.edges == "graph"


def test_what_was_not_dumped_or_is_fused_is_looked_through() -> None:
    graph = graph_of(
        GraphOp("A", "A", (), ("",)),
        GraphOp("Lost", "Cast", ("A:0",), ("",)),
        GraphOp("Mul", "Mul", ("Lost:0",), ("",)),
        GraphOp("Add", "Add", ("Mul:0", "A:0"), ("",)),
        GraphOp("D", "D", ("Add:0",), ("",)),
    )
    fused = row("MulAdd", "output", 0.5, pairing="FX name, fused from Mul + Add")
    found = diagnose([row("A", "output", 0.5), fused, row("D", "output", 0.5)], (graph,))
    assert names(found) == [("introduced", "A")]
    assert [n.op_name for n in found.findings[0].consumers] == ["MulAdd"]


def test_an_input_that_is_not_what_its_producer_wrote_was_overwritten() -> None:
    rows = [row("A", "output", 0.002, tensor=1), row("B", "input", 0.7, tensor=1, my=5)]
    rows += [row("B", "output", 0.7, tensor=2), row("C", "input", 0.7, tensor=2)]
    found = diagnose([*rows, row("C", "output", 0.7, tensor=3)])
    assert names(found) == [("overwritten", "B")]
    assert "not what its producer wrote" in found.findings[0].evidence[0]


def test_an_input_overwritten_after_it_was_read_is_no_fault_of_the_operator() -> None:
    rows = [row("A", "output", 0.002, tensor=1), row("B", "input", 0.7, tensor=1, my=5)]
    assert names(diagnose([*rows, row("B", "output", 0.002, tensor=2)])) == []


def test_a_wrong_weight_is_an_input_that_differs() -> None:
    rows = [row("A", "output", 0.002, tensor=1), row("B", "input", 0.002, tensor=1)]
    rows += [row("B", "input", 1.4, index=1, tensor=9, my=1), row("B", "output", 1.3, tensor=2)]
    found = diagnose([*rows, row("C", "input", 1.3, tensor=2), row("C", "output", 1.3, tensor=3)])
    assert names(found) == [("inputs differ", "B")]


def test_an_operator_with_two_outputs_hands_on_each() -> None:
    """The error of the one that is worse is not that of the other."""
    rows = [row("Split", "output", 0.002, tensor=1)]
    rows += [row("Split", "output", 0.002, index=1, tensor=2, my=1)]
    rows += [row("B", "input", 0.002, tensor=1), row("B", "output", 0.002, tensor=3)]
    rows += [row("C", "input", 0.002, tensor=2, my=1), row("C", "output", 0.002, tensor=4)]
    assert names(diagnose(rows)) == []


def test_what_is_broken_in_every_token_is_one_finding() -> None:
    rows = [
        result
        for token in range(4)
        for result in chain([0.002, 0.003, 0.2, 0.2], inputs=True, token=token)
    ]
    found = diagnose(rows)
    assert names(found) == [("introduced", "MatMul_2")]
    assert "4 runs" in found.findings[0].evidence[-1]


def test_inputs_have_no_score() -> None:
    localiser = Localiser()
    first, second = localiser.follow(chain([0.002], inputs=True))
    assert isnan(first.introduced_score)
    assert 0.9 < second.introduced_score < 1.1


def test_statistics_are_enough_to_see_a_large_error() -> None:
    def told(op: str, off: float) -> Result:
        ref = TensorRef("file", op_name=op, op_type="MatMul", io="output")
        values = {"golden_max_value": 2.0, "golden_min_value": -1.0, "golden_mean_value": 0.1}
        mine = {name.replace("golden", "my"): value + off for name, value in values.items()}
        return Result(ref, ref, State.OK, metrics=Metrics(values | mine), my_dtype="float16")

    rows = [told("A", 0.0005), told("B", 0.0005), told("C", 0.5), told("D", 0.5)]
    assert names(diagnose(rows)) == [("introduced", "C")]


def test_the_layer_is_read_from_the_name() -> None:
    (finding,) = diagnose([row("model.layers.17.mlp.down", "output", 0.5)]).findings
    assert finding.layer == 17


@pytest.mark.parametrize("before", [0.0, 0.002])
def test_a_choice_may_fall_otherwise_where_its_input_is_off(before: float) -> None:
    rows = [row("A", "output", before, tensor=1), row("MoeGatingTopK", "input", before, tensor=1)]
    rows += [row("MoeGatingTopK", "output", 0.4, tensor=2), row("C", "input", 0.4, tensor=2)]
    found = diagnose([*rows, row("C", "output", 0.4, tensor=3)])
    assert names(found) == ([] if before else [("introduced", "MoeGatingTopK")])


@pytest.mark.parametrize(("chosen", "found"), [(0.4, False), (0.003, True)])
def test_only_a_choice_that_fell_otherwise_explains_what_reads_it(
    chosen: float, found: bool
) -> None:
    rows = [row("A", "output", 0.002, tensor=1), row("TopK", "input", 0.002, tensor=1)]
    rows += [row("TopK", "output", chosen, tensor=2), row("Scale", "input", chosen, tensor=2)]
    assert names(diagnose([*rows, row("Scale", "output", 0.6, tensor=3)])) == (
        [("introduced", "Scale")] if found else []
    )


def test_half_a_percent_of_norm_is_seen_beside_inherited_noise() -> None:
    def norm(result: Result, ratio: float) -> Result:
        many = {"norm_ratio": ratio, "finite_count": 2e5}
        return replace(result, metrics=Metrics({**dict(result.metrics.items()), **many}))

    rows: list[Result] = []
    for place in range(8):
        wrong = place == 5
        rows.append(norm(row(f"Add_{place}", "input", 0.015, tensor=place), 1.001))
        out = row(f"Add_{place}", "output", 0.0158 if wrong else 0.0151, tensor=place)
        rows.append(norm(out, 1.006 if wrong else 1.001))
    (finding,) = diagnose(rows).findings
    assert finding.op_name == "Add_5"
    assert any("its norm is off" in sentence for sentence in finding.evidence)


@pytest.mark.parametrize(("kind", "found"), [("Add", ["Add_5"]), ("MatMul", [])])
def test_the_mean_of_a_product_moves_more_than_that_of_a_sum(kind: str, found: list[str]) -> None:
    def many(result: Result, shift: float = 0.0) -> Result:
        metrics = dict(result.metrics.items())
        metrics |= {"finite_count": 2e5}
        metrics["my_mean_value"] += shift * metrics["golden_l2norm"] / 2e5**0.5
        return replace(result, metrics=Metrics(metrics))

    rows: list[Result] = []
    for place in range(8):
        rows.append(many(row(f"{kind}_{place}", "input", 0.015, tensor=place)))
        out = row(f"{kind}_{place}", "output", 0.0151, tensor=place)
        rows.append(many(out, 0.003 if place == 5 else 0.0))
    assert [finding.op_name for finding in diagnose(rows).findings] == found


def beside(op: str, io: str, error: float, third: float, tensor: float) -> Result:
    """A row with the error of a third implementation."""
    plain = row(op, io, error, tensor=tensor, passed=False)
    metrics = Metrics({**plain.metrics, REFERENCE_ERROR: third})
    return replace(plain, metrics=metrics)


def test_what_grows_in_a_third_implementation_too_is_the_operators_nature() -> None:
    errors = [("A", 0.002, 0.002), ("B", 0.1, 0.1), ("C", 0.02, 0.02), ("D", 0.5, 0.02)]
    rows, before = [], (0.0, 0.0)
    for place, (op, mine, third) in enumerate(errors):
        rows += [beside(op, "input", *before, place), beside(op, "output", mine, third, place + 1)]
        before = mine, third
    found = diagnose(rows)
    assert names(found) == [("introduced", "D")]
    assert "the third implementation is off by 0.02 there" in found.findings[0].evidence
    alone = [replace(r, metrics=Metrics({**r.metrics, REFERENCE_ERROR: nan})) for r in rows]
    assert ("introduced", "B") in names(diagnose(alone))
