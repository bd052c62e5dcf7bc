"""Report files: whole or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueness.errors import UsageError

EXTRA = 'pip install "trueness[service]"'


def report_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{path} is no folder; give another --output-path") from None
    return path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when nothing went wrong."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o640)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
