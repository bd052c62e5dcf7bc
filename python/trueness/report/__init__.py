"""Results as text: the only room where numbers become words."""

from __future__ import annotations

from trueness.report.summary import Summary
from trueness.report.to_csv import CsvReport, to_csv
from trueness.report.to_json import print_json
from trueness.report.to_terminal import print_metrics, print_summary

__all__ = [
    "REPORTS",
    "CsvReport",
    "Summary",
    "print_json",
    "print_metrics",
    "print_summary",
    "to_csv",
]

REPORTS = ("csv",)
"""What `--report` can write."""
