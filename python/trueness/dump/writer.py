"""Files written beside the model, by a thread that holds no more than it was told to."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable

from trueness.dump.guard import LOGGER, say_once

BUFFER_BYTES = 256 << 20


class Writer:
    """`submit` hands work over and waits only while more than `buffer_bytes` are waiting. Whoever
    forgets `close` gets it at the end of the process."""

    def __init__(self, buffer_bytes: int = BUFFER_BYTES) -> None:
        self._limit = buffer_bytes
        self._waiting: deque[tuple[Callable[[], object], int]] = deque()
        self._held = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.failed = 0
        self.error: Exception | None = None

    def submit(self, work: Callable[[], object], nbytes: int) -> None:
        with self._changed:
            # After a fork the thread is only that of the parent.
            if self._thread is None or not self._thread.is_alive():
                self._start()
            # One that is larger than the limit goes alone.
            while self._held and self._held + nbytes > self._limit:
                self._changed.wait()
            self._held += nbytes
            self._waiting.append((work, nbytes))
            self._changed.notify_all()

    def flush(self) -> None:
        """Waits until all is written that was handed over before."""
        with self._changed:
            while self._held or self._waiting:
                self._changed.wait()

    def close(self) -> None:
        """Writes what is left. Raises OSError when anything could not be written. Can be used again
        afterwards."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._closing = True
            self._changed.notify_all()
        if thread is not None:
            thread.join()
        failed, self.failed = self.failed, 0
        if failed:
            raise OSError(f"{failed} files could not be written: {self.error}") from self.error

    def _start(self) -> None:
        self._closing = False
        # A thread that the interpreter waits for would never end: nobody closes at that time.
        self._thread = threading.Thread(target=self._run, name="trueness-dump", daemon=True)
        self._thread.start()
        _open.add(self)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                work, nbytes = self._waiting.popleft()
            try:
                work()
            except Exception as error:
                self.failed += 1
                self.error = self.error or error
                say_once("dump", type(error).__name__, str(error))
            del work
            with self._changed:
                self._held -= nbytes
                self._changed.notify_all()


_open: weakref.WeakSet[Writer] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for writer in list(_open):
        try:
            writer.close()
        except OSError as error:
            LOGGER.warning("dump: %s", error)
