"""Objects that are compiled once per ISA may offer the linker one strong symbol and no weak ones.

A weak symbol (any template or inline function) exists in every such object under one name; the
linker keeps one copy for all callers, and the copy may use instructions the caller's CPU lacks.
"""

import subprocess
import sys
from pathlib import Path

STRONG = frozenset("TDBRGS")


def offered_symbols(path: Path) -> list[tuple[str, str]]:
    """(kind letter of nm, demangled name) of each symbol that other objects can see."""
    listing = subprocess.run(
        ["nm", "--extern-only", "--defined-only", "--demangle", str(path)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [(row[1], row[2]) for row in rows if len(row) == 3]


def complaint(path: Path) -> str | None:
    symbols = offered_symbols(path)
    strong = [name for kind, name in symbols if kind in STRONG]
    other = [f"{kind} {name}" for kind, name in symbols if kind not in STRONG]
    if len(strong) == 1 and not other:
        return None
    return f"{path.parent}: strong {strong}, weak {other}"


def main(build: Path) -> int:
    objects = sorted(build.rglob("metrics_*.dir/**/*.o"))
    complaints = [text for path in objects if (text := complaint(path))]
    print(f"{len(objects)} kernel objects", *complaints, sep="\n  ")
    return 1 if complaints or not objects else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
