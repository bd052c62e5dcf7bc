"""Nothing that goes wrong here may reach the model of the user."""

from __future__ import annotations

import logging
from threading import Lock
from types import TracebackType

LOGGER = logging.getLogger("trueness.dump")
_said: set[tuple[str, str]] = set()
_lock = Lock()


def say_once(what: str, kind: str, text: str) -> None:
    """A warning, the first time that `what` has a problem of this kind: a model calls thousands of
    times."""
    with _lock:
        if (what, kind) in _said:
            return
        _said.add((what, kind))
    LOGGER.warning("%s: %s (further ones of this kind are not shown)", what, text)


class Forgiving:
    """A context manager: what is raised inside is logged once and goes no further, unless
    `strict`. KeyboardInterrupt and its like always pass."""

    def __init__(self, what: str, strict: bool) -> None:
        self._what = what
        self._strict = strict

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._strict or not isinstance(error, Exception):
            return False
        # Two problems of one type are two: only the same line of code makes them of one kind.
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        name = type(error).__name__
        say_once(self._what, f"{name} {place}", f"{error or name}")
        return True
