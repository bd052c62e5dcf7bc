"""The answer as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trueness.service.comparison import Comparison
from trueness.service.crosscheck import Check
from trueness.service.distributions import Distributions
from trueness.service.files import whole
from trueness.service.to_terminal import deciding
from trueness.service.verdict import VERDICTS
from trueness.service.wording import change, interval, number

MOST_NOTES = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@!])")


def to_markdown(
    comparison: Comparison, drawn: Distributions, checks: Sequence[Check], path: Path
) -> None:
    with whole(path) as partial:
        text = "\n".join(_lines(comparison)) + "\n"
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def escaped(text: str) -> str:
    """Text of others: no link, no tag, no mention, no new line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))[:500]


def _lines(comparison: Comparison) -> Iterator[str]:
    counts = ", ".join(f"{comparison.count(verdict)} {verdict}" for verdict in VERDICTS)
    yield f"### Serving performance: {counts}"
    yield ""
    yield f"{len(comparison.input)} input against {len(comparison.golden)} golden runs."
    yield ""
    yield "| verdict | metric | change | golden | input | unit | 99 % interval | why |"
    yield "|---|---|--:|--:|--:|---|---|---|"
    for verdict in VERDICTS:
        for key, (found, _) in comparison.verdicts.items():
            for row in deciding(comparison, key) if found == verdict else []:
                name = row.metric.label + ("" if row.statistic == "value" else f" {row.statistic}")
                cells = [
                    f"**{verdict}**" if verdict == "worse" else verdict,
                    escaped(name),
                    change(row),
                    number(row.golden),
                    number(row.input),
                    row.metric.unit,
                    interval(row),
                    row.reason,
                ]
                yield "| " + " | ".join(cells) + " |"
    serious = [note for note in comparison.notes if note.level != "info"]
    if serious:
        yield ""
    for note in serious[:MOST_NOTES]:
        yield f"- {note.level}: {escaped(note.where)}: {escaped(note.message)}"
    if len(serious) > MOST_NOTES:
        yield f"- and {len(serious) - MOST_NOTES} more"
