"""Report files: named by time, never written over, and only there when they are complete."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path


def stamped(now: datetime, suffix: str) -> str:
    return f"trueness_report_{now:%Y%m%d_%H%M%S}_{now.microsecond // 1000:03d}.{suffix}"


def publish(partial: Path, folder: Path, suffix: str, now: datetime) -> Path:
    """Gives the finished file its name: that of `now`, or of a later millisecond when taken."""
    while True:
        final = folder / stamped(now, suffix)
        try:
            os.link(partial, final)
        except FileExistsError:
            now += timedelta(milliseconds=1)
            continue
        except OSError:
            # Some file systems have no links; then only a race of two writers can lose a report.
            if final.exists():
                now += timedelta(milliseconds=1)
                continue
            partial.rename(final)
            return final
        partial.unlink()
        return final
