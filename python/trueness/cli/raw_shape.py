"""The options that say what a headerless binary holds."""

from __future__ import annotations

from trueness.errors import UsageError


def parse_shape(text: str | None) -> list[int] | None:
    """ "2,3,4" or "2x3x4" as dimensions, "" as a scalar; None stays None. Raises UsageError."""
    if text is None:
        return None
    parts = text.replace("x", ",").strip("[]() ").split(",")
    try:
        return [int(part) for part in parts if part.strip()]
    except ValueError as error:
        raise UsageError(f"shape '{text}': write it as 2,3,4") from error
