"""Names of report files: by time, the same for all reports of a run, and never written over."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path


def stamped(now: datetime, suffix: str) -> str:
    return f"trueness_report_{now:%Y%m%d_%H%M%S}_{now.microsecond // 1000:03d}.{suffix}"


def publish(partials: Mapping[str, Path], folder: Path, now: datetime) -> Sequence[Path]:
    """Gives finished files, by suffix, their names: those of `now`, or of a later millisecond when
    one is taken."""
    while True:
        finals = [folder / stamped(now, suffix) for suffix in partials]
        if _linked(list(partials.values()), finals):
            for partial in partials.values():
                partial.unlink(missing_ok=True)
            return finals
        now += timedelta(milliseconds=1)


def _linked(partials: Sequence[Path], finals: Sequence[Path]) -> bool:
    """All or none: whether no name was taken."""
    for done, (partial, final) in enumerate(zip(partials, finals, strict=True)):
        if not _link(partial, final):
            for given, back in zip(finals[:done], partials, strict=False):
                given.replace(back)
                given.unlink(missing_ok=True)  # to rename one of two links does nothing
            return False
    return True


def _link(partial: Path, final: Path) -> bool:
    try:
        os.link(partial, final)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no links; then only a race of two writers can lose a report.
        if final.exists():
            return False
        partial.rename(final)
    return True
