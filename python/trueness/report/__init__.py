"""Results as text: the only room where numbers become words."""

from __future__ import annotations

from trueness.report.files import REPORTS, Reports, write_report
from trueness.report.summary import Summary
from trueness.report.to_json import print_json
from trueness.report.to_terminal import print_metrics, print_summary

__all__ = [
    "REPORTS",
    "Reports",
    "Summary",
    "print_json",
    "print_metrics",
    "print_summary",
    "write_report",
]
