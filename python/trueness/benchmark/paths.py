"""What msit demands of paths: nobody else may change what is read, nor see what is written."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from trueness.errors import UsageError

_ALLOWED = re.compile(r"[A-Za-z0-9_./-]+")
LONGEST = 4096
LONGEST_PART = 255
FOLDER_MODE = 0o750
FILE_MODE = 0o640


def check_text(name: str, path: str) -> None:
    """Raises UsageError for a path of other characters, or too long a one."""
    if not _ALLOWED.fullmatch(path):
        raise UsageError(f"--{name} {path!r}: give a path of letters, digits, _ . / and - only")
    if len(path) > LONGEST or any(len(part) > LONGEST_PART for part in path.split("/")):
        raise UsageError(f"--{name} {path[:80]}...: the path is too long")


def check_readable(name: str, path: str, suffixes: Sequence[str] = (), largest: int = 0) -> Path:
    """The path, when it may be read and only its owner may change it. Raises UsageError."""
    check_text(name, path)
    found = Path(path)
    if not found.exists():
        raise UsageError(f"--{name} {path} does not exist")
    if suffixes and found.is_file() and found.suffix.lower() not in suffixes:
        raise UsageError(f"--{name} {path}: give a file of {' or '.join(suffixes)}")
    if found.is_symlink():
        raise UsageError(f"--{name} {path} is a link; give {found.resolve()}")
    mode = found.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"--{name} {path} can be changed by others; chmod go-w {path}")
    if not os.access(found, os.R_OK):
        raise UsageError(f"--{name} {path} cannot be read")
    if largest and found.is_file() and found.stat().st_size > largest:
        raise UsageError(f"--{name} {path} has more than {largest:,} bytes")
    return found


def check_writable(name: str, path: str) -> None:
    """Raises UsageError for a folder that is there and cannot be written, or that others can."""
    check_text(name, path)
    found = Path(path)
    if not found.exists():
        return
    if not found.is_dir():
        raise UsageError(f"--{name} {path} is no folder")
    if found.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"--{name} {path} can be changed by others; chmod go-w {path}")
    if not os.access(found, os.W_OK):
        raise UsageError(f"--{name} {path} cannot be written")


def make_folder(path: Path) -> Path:
    """With those above it, for the owner and the group."""
    if not path.exists():
        make_folder(path.parent)
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return path
