"""`trueness demo`: the main job, on dumps it writes itself."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

_Output = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it while Python 3.10 is running
    typer.Option("--output", "-o", help="Folder for the dumps. [a new temporary one]"),
]


def demo(output: _Output = None) -> None:
    """Write two small dumps of one model, one operator of which is wrong, and find it.

    Exit codes: 0 the planted operator was found, 1 it was not."""
    import sys
    import tempfile
    from pathlib import Path

    from trueness.demo import fx_dump, ge_dump, transformer
    from trueness.dumps import compare_dumps
    from trueness.errors import UsageError
    from trueness.report import Reports, Summary, print_summary

    root = Path(output or tempfile.mkdtemp(prefix="trueness_demo_"))
    for side in ("golden", "my"):
        if (root / side).exists():
            raise UsageError(f"{root / side} is there already: choose another --output")
    model = transformer.run()
    golden = fx_dump.write(model, root / "golden")
    my = ge_dump.write(model, root / "my")
    print(f"golden: {golden}  (FX dump, computed in float32)")
    print(f"my:     {my}  (GE dump, float16 and bfloat16, device layouts)")
    print(f"$ trueness compare {golden} {my} -o {root}\n")
    summary = Summary()
    comparison = compare_dumps(golden, my)
    with Reports(root) as reports:
        for result in comparison:
            reports.write(result)
            summary.add(result)
        reports.finish(comparison.complete(summary))
    print_summary(summary, 5, reports.paths, sys.stdout)
    findings = summary.diagnosis.findings if summary.diagnosis else ()
    found = bool(findings) and findings[0].op_name == transformer.PLANTED
    print(f"\nplanted: {transformer.PLANTED} scales the attention scores of layer 1 twice", end="")
    print("; found" if found else "; NOT found")
    if found:
        print("the comparison would exit with 1; the demo exits with 0, since that is as planned")
    raise typer.Exit(0 if found else 1)
