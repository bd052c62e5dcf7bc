"""Rows and summaries for report tests and benches: a model of many layers, one operator of which is
off, and names that mean harm."""

import math
from collections.abc import Iterator

from trueness.model import (
    Diagnosis,
    Finding,
    Metrics,
    Neighbour,
    Result,
    State,
    TensorRef,
)
from trueness.report import Summary

HOSTILE_NAMES = (
    "<img src=x onerror=document.title='pwned'>",
    "</script><script>document.title='pwned'</script>",
    "\"'><svg onload=document.title='pwned'>",
    "=cmd|' /C calc'!A0",
    "http://example.com/a",
    "{{constructor}}${1}`",
    "\u202eevil\u202c",
    "nul\0\x1b[2J\ud800",
    "x" * 10_000,
)
OPERATORS = ("MatMul", "Add", "RMSNorm", "SoftmaxV2", "Mul")
OFF = 17
"""The layer in which the planted operator is."""


def metrics(error: float) -> Metrics:
    return Metrics(
        {
            "cosine_similarity": 1.0 - error * error / 2,
            "relative_euclidean_distance": error,
            "max_relative_error": error * 13,
            "mean_relative_error": error * 1.5,
            "max_absolute_error": error * 7,
            "mean_absolute_error": error / 3,
            "kl_divergence": error * error,
            "rmse": error / 2,
            "norm_ratio": 1 + error,
            "max_ulp_error": math.floor(error * 1e5),
            "error_ratio_1e-4": 1 - error,
            "error_ratio_1e-3": 1 - error / 2,
            "error_ratio_5e-3": 1 - error / 3,
            "error_ratio_1e-2": 1 - error / 4,
            "golden_max_value": 3.25 + error,
            "golden_min_value": -3.25 - error,
            "golden_mean_value": error / 17,
            "my_max_value": 3.5,
            "my_min_value": -3.5 + error,
            "my_mean_value": error / 19,
            "golden_l2norm": 100 / (1 + error),
            "my_l2norm": 101 / (1 + error),
            "golden_nan_count": 0.0,
            "golden_inf_count": 0.0,
            "my_nan_count": 0.0,
            "my_inf_count": 0.0,
            "max_absolute_index": 11.0,
            "max_relative_index": 3.0,
        }
    )


def result(name: str = "Add_1", error: float = 1e-4, **changes: object) -> Result:
    fields: dict[str, object] = {
        "golden": TensorRef(f"golden/{name}.npy", op_name=name, token=0),
        "my": TensorRef(f"my/{name}", ("output", 0), name, "Add", "output", 0, rank=0, token=0),
        "state": State.OK,
        "passed": error < 5e-3,
        "reason": "" if error < 5e-3 else f"relative_euclidean_distance {error:.3g} > 0.005",
        "standard": "auto@2",
        "pairing": "name",
        "golden_dtype": "float32",
        "golden_shape": (2, 8),
        "my_dtype": "float16",
        "my_shape": (2, 8),
        "metrics": metrics(error),
        "nbytes": 96,
    }
    return Result(**(fields | changes))  # type: ignore[arg-type]


def model_rows(count: int, ranks: int = 2, rows_a_layer: int = 50) -> Iterator[Result]:
    """`count` rows of models with 32 layers, which are off from layer OFF of rank 0 on. Every
    thousandth row has no partner."""
    for i in range(count):
        rank, layer = i * ranks // count, i // rows_a_layer % 32
        kind = OPERATORS[i % len(OPERATORS)]
        name = f"model.layers.{layer}.{kind}_{i}"
        wobble = 1 + (i * 2654435761 % 2**32) / 2**32
        error = wobble * (3e-2 if rank == 0 and layer >= OFF else 2e-4)
        token = i // 1600 % 4
        path = f"dump/worldsize{ranks}_global_rank{rank}/graph_1/{token}/{name}.{i}"
        golden = TensorRef(f"{path}.npy", op_name=name, op_type=kind, rank=rank, token=token)
        my = TensorRef(path, ("output", i % 3), name, kind, "output", i % 3, rank=rank, token=token)
        if i % 1000 == 999:
            yield Result(
                golden,
                None,
                State.UNMATCHED_GOLDEN,
                "no file of mine has this name",
                passed=False,
                standard="auto@2",
            )
        else:
            yield result(name, error, golden=golden, my=my, introduced_score=wobble)


def diagnosis_of(rows: list[Result]) -> Diagnosis:
    findings = [
        Finding(
            "introduced",
            row.my.op_name if row.my else "",
            row.my.op_type if row.my else "",
            155.0 / number,
            3.1e-2,
            2e-4,
            ("output off by 0.031 while its inputs account for 0.0002", "40 operators inherit it"),
            row,
            rank=row.my.rank if row.my else None,
            token=row.my.token if row.my else None,
            layer=OFF,
            producers=(Neighbour("q_proj", "MatMul", 2e-4), Neighbour("mask", "Data", math.nan)),
            consumers=(Neighbour("o_proj", "MatMul", 3.2e-2),),
        )
        for number, row in enumerate(rows, 1)
    ]
    return Diagnosis(
        f"starts at {findings[0].op_name}" if findings else "clean: nothing above the noise",
        findings,
        order="graph",
        edges="graph",
        noise=4.9e-4,
    )


def summary_of(rows: list[Result], findings: int = 2) -> Summary:
    summary = Summary.of(rows)
    failed = [row for row in rows if row.passed is False and row.my is not None]
    summary.diagnosis = diagnosis_of(failed[:findings])
    summary.recognised = {side: {"root": side, "layout": "flat"} for side in ("golden", "my")}
    return summary


def hostile_rows() -> list[Result]:
    return [
        result(
            name,
            0.1 * (i + 1),
            golden=TensorRef(name, op_name=name),
            my=TensorRef(name, ("output", 0), name, name, "output", rank=0, token=0),
            reason=name,
            pairing=name,
        )
        for i, name in enumerate(HOSTILE_NAMES)
    ]
