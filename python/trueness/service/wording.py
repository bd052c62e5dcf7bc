"""Numbers as the documented sheets say them."""

from __future__ import annotations

import math

from trueness.service.verdict import Row, is_relative

SOURCES = ("input_data", "golden_data", "Difference")
COLUMN_OF = {
    "mean": "Average",
    "max": "Max",
    "min": "Min",
    "p50": "P50",
    "p90": "P90",
    "p99": "P99",
    "p95": "P95",
    "std": "Std",
    "count": "Count",
    "value": "Value",
}


def number(value: float) -> str:
    """Six significant digits, so that small values stay values."""
    return "n/a" if math.isnan(value) else f"{value:.6g}"


def difference(row: Row) -> str:
    """`absolute|relative%`: the size of the difference, and with its sign what share of golden it
    is. Where golden is 0 there is no share, and the text says so."""
    if math.isnan(row.difference):
        return "n/a|n/a"
    return f"{number(abs(row.difference))}|{share(_of_golden(row))}"


def _of_golden(row: Row) -> float:
    if row.golden == row.input:
        return 0.0
    return row.difference / abs(row.golden) if row.golden else math.nan


def share(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value * 100:.4g}%"


def change(row: Row) -> str:
    """With its sign, as a reader wants it: `+3.2 %`, or points for what is a percentage."""
    if math.isnan(row.relative):
        return "n/a"
    return f"{row.relative * 100:+.1f} " + ("%" if is_relative(row.metric) else "pt")


def interval(row: Row) -> str:
    if math.isnan(row.low):
        return ""
    return f"{row.low * 100:+.1f} .. {row.high * 100:+.1f}"
