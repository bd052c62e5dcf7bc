"""What CANN has dumped, converted: `--dump-npy` without a tool of CANN."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from trueness.benchmark.paths import make_folder
from trueness.errors import TruenessError

LOGGER = logging.getLogger("trueness.benchmark")
_CONVERTED = "_npy"


def stamps(root: Path | None) -> frozenset[str]:
    """The folders of dumps that are there."""
    if root is None or not root.is_dir():
        return frozenset()
    return frozenset(path.name for path in root.iterdir() if path.is_dir())


def convert_new(root: Path, before: Collection[str]) -> int:
    """Every tensor of the dumps that came since `before`, as .npy below `{time}_npy`, the same
    folders below; the dump stays. Returns how many files could not be converted, each of which is
    logged; to find none is a failure too."""
    new = sorted(stamps(root) - set(before))
    files = [path for name in new for path in sorted((root / name).rglob("*")) if path.is_file()]
    if not files:
        LOGGER.error("%s: no dump was written, so there is nothing to convert", root)
        return 1
    return sum(_converted(root, path) for path in files)


def _converted(root: Path, path: Path) -> bool:
    """Whether something went wrong."""
    from trueness.read import open_file
    from trueness.read.export import Exporter

    stamp, *rest = path.parent.relative_to(root).parts
    target = root.joinpath(f"{stamp}{_CONVERTED}", *rest)
    if path.name == "mapping.csv":
        return False
    try:
        problems = Exporter("npy", force=True).export(open_file(path), make_folder(target))
    except (TruenessError, OSError) as error:
        problems = [str(error)]
    for problem in problems:
        LOGGER.error("%s", problem)
    return bool(problems)
