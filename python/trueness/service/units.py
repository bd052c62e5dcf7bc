"""Times whose column says milliseconds and that are something else, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trueness.service.run import Floats, Note

FACTORS = {"seconds": 1e3, "micro-seconds": 1e-3, "nano-seconds": 1e-6}
SAME_SCALE = 10.0
"""Two means of the same times differ by less than this; wrong units by a thousand."""


def unit_of(values: Floats, expected_ms: float) -> str:
    """What the unit of `values` must be for their mean to be near `expected_ms`."""
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
    if not (mean > 0 and expected_ms > 0):
        return "milliseconds"
    for unit, factor in FACTORS.items():
        if 1 / SAME_SCALE < mean * factor / expected_ms < SAME_SCALE:
            return unit
    return "milliseconds"


def in_milliseconds(
    columns: Mapping[str, Floats],
    stated: Mapping[tuple[str, str], float],
    measured_ttft: Floats,
    where: str,
) -> tuple[dict[str, Floats], list[Note]]:
    """TTFT and queue wait in ms, whatever they were in, and a note for each that was not.

    The reference is what was measured from the steps; else the mean that the source's own summary
    states; else that a first token takes no less than a ten thousandth of the request."""
    fixed, notes = dict(columns), []
    reference, witness = _reference(columns, stated, measured_ttft)
    unit = unit_of(columns["ttft"], reference) if "ttft" in columns else "milliseconds"
    units = {"ttft": unit, "queue_wait": _unit_of_wait(columns, stated, unit)}
    for name, unit in units.items():
        if name in columns and unit != "milliseconds":
            fixed[name] = columns[name] * FACTORS[unit]
            message = (
                f"{name} is in {unit} under a name that says ms, as {witness} shows; converted"
            )
            notes.append(Note("warning", where, message))
    return fixed, notes


def _reference(
    columns: Mapping[str, Floats], stated: Mapping[tuple[str, str], float], measured: Floats
) -> tuple[float, str]:
    if np.isfinite(measured).any():
        return float(np.nanmean(measured)), "the end of the first step of each request"
    if ("ttft", "mean") in stated:
        return stated["ttft", "mean"], "the summary of the same folder"
    # Without either: no server answers in less than a ten thousandth of the whole request.
    ttft, e2e = columns.get("ttft"), columns.get("e2e")
    if ttft is not None and e2e is not None and np.isfinite(ttft + e2e).any():
        typical, whole = float(np.nanmedian(ttft)), float(np.nanmedian(e2e))
        if 0 < typical < whole * 1e-4 and typical < 5:
            return float(np.nanmean(ttft)) * FACTORS["seconds"], "its size beside execution_time"
    return np.nan, ""


def _unit_of_wait(
    columns: Mapping[str, Floats], stated: Mapping[tuple[str, str], float], unit_of_ttft: str
) -> str:
    wait, e2e = columns.get("queue_wait"), columns.get("e2e")
    if wait is None or not np.isfinite(wait).any():
        return "milliseconds"
    if stated.get(("queue_wait", "mean"), 0) > 0:
        return unit_of(wait, stated["queue_wait", "mean"])
    if unit_of_ttft == "milliseconds" and e2e is not None:
        longer = np.nanmean(wait > e2e)
        return "micro-seconds" if longer > 0.5 else "milliseconds"
    return unit_of_ttft
