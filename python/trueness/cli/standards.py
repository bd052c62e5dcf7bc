"""`trueness standards`: what `--standard` can be, and what each demands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from trueness.compare.standards import Standard

_Name = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it while Python 3.10 is running
    typer.Argument(help="A name, or a profile of your own: JSON, TOML or YAML."),
]
_Json = Annotated[
    bool, typer.Option("--json", help="Print JSON: of one standard the profile as it is written.")
]

NONFINITE = {
    "equal": "at the same places, NaN equal to NaN",
    "infinite_equal": "infinities at the same places, NaN never passes",
    "never": "never pass",
    "not_added": "pass where golden has some too",
    "equal_to_any": "at the places of golden or of the reference, NaN equal to NaN",
}
ZERO_GOLDEN = {"exact": "my has to be all zero too", "demands": "judged like any other"}
EMPTY = {"pass": "passes", "fail": "fails"}


def standards(name: _Name = None, json_output: _Json = False) -> None:
    """List the standards, or show one: its demands by dtype, its rules, its source.

    \b
    trueness standards
    trueness standards torch
    trueness standards torch --json > mine.json
    trueness compare golden my --standard mine.json"""
    from trueness.compare.standards import profile_content, standard_names, standard_of

    if name is not None and json_output:
        print(json.dumps(profile_content(name), indent=2))
    elif name is not None:
        _print_table(standard_of(name))
    else:
        known = [(each, standard_of(each)) for each in standard_names()]
        if json_output:
            rows = [
                {"name": each, "version": found.version, "source": found.source}
                for each, found in known
            ]
            print(json.dumps(rows))
            return
        widths = [max(map(len, (*standard_names(), "name"))), max(len(s.version) for _, s in known)]
        for each, found in known:
            print(f"{each:{widths[0]}}  {found.version:{widths[1]}}  {found.source}")


def _print_table(standard: Standard) -> None:
    from trueness.report.names import clean

    lines = [standard.label, f"source: {standard.source}", ""]
    by_text: dict[str, list[str]] = {}
    for dtype, table in standard.tables.items():
        by_text.setdefault("\n  ".join(d.text for d in table.demands), []).append(dtype)
    other = "\n  ".join(demand.text for demand in standard.otherwise.demands)
    by_text.setdefault(other, []).append("other dtypes" if standard.tables else "every dtype")
    lines += [f"{', '.join(dtypes)}:\n  {text}" for text, dtypes in by_text.items()]
    lines += ["", f"NaN and Inf: {NONFINITE[standard.nonfinite]}"]
    lines.append(f"golden all zero: {ZERO_GOLDEN[standard.zero_golden]}")
    lines.append(f"no elements: {EMPTY[standard.empty]}")
    if standard.noise:
        noise = ", ".join(f"{name} {u:g}" for name, u in standard.noise.rounding.items())
        lines.append(
            "where the execution order is known: relative_euclidean_distance <= "
            f"{standard.noise.room:g} u sqrt(2 + operators before), at most "
            f"{standard.noise.most:g}; u: {noise}"
        )
    lines += [f"note: {note}" for note in standard.notes]
    for line in "\n".join(lines).split("\n"):
        print(clean(line))
