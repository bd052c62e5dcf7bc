"""A summary to be put under a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trueness.model import Result
from trueness.report.names import clean, numbers, operator, short, tensor, title
from trueness.report.summary import Summary
from trueness.report.to_terminal import headline

ROWS = 10
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]#|~@"} | {"&": "&amp;", "<": "&lt;"})
_METRICS = (
    "cosine_similarity",
    "relative_euclidean_distance",
    "max_relative_error",
    "max_absolute_error",
)


class MarkdownWriter:
    """Verdict, counts, findings and the worst rows, in the Markdown of code hosts."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace")

    def write(self, result: Result) -> None:
        """The summary has all that is shown."""

    def finish(self, summary: Summary) -> None:
        self._file.writelines(f"{line}\n" for line in _lines(summary))
        self._file.close()

    def abandon(self) -> bool:
        self._file.close()
        return False


def _lines(summary: Summary) -> Iterator[str]:
    yield f"## {escaped(headline(summary))}"
    yield ""
    counts = {
        "pass": summary.passed,
        "differ": summary.failed,
        "not compared": summary.not_compared,
        **{name.replace("_", " "): count for name, count in summary.coverage.items()},
    }
    yield from table(list(counts), [[str(count) for count in counts.values()]])
    yield from _diagnosis(summary)
    worst = summary.worst(ROWS)
    if worst:
        yield ""
        yield f"### Worst {len(worst)} of {summary.failed} that differ"
        yield ""
        yield from table(["operator", "tensor", *_METRICS, "why"], [_cells(row) for row in worst])


def _diagnosis(summary: Summary) -> Iterator[str]:
    diagnosis = summary.diagnosis
    if diagnosis is None:
        return
    yield ""
    yield "### Diagnosis"
    yield ""
    yield escaped(clean(diagnosis.conclusion))
    yield ""
    for number, finding in enumerate(diagnosis.findings[:ROWS], 1):
        yield f"{number}. **{escaped(title(finding))}**: {escaped(numbers(finding))}"
        yield from (f"   - {escaped(clean(sentence))}" for sentence in finding.evidence)


def _cells(result: Result) -> list[str]:
    metrics = [short(result.metrics.get(name)) for name in _METRICS]
    ref = result.my or result.golden
    return [operator(result), tensor(ref), *metrics, clean(result.reason)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _table_row(head)
    yield _table_row(["---"] * len(head), escape=False)
    for row in rows:
        yield _table_row(row)


def _table_row(cells: Sequence[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(escaped(cell) if escape else cell for cell in cells)} |"


def escaped(text: str) -> str:
    """Names come from files: none of them is markup, a link or a mention."""
    return text.translate(_SPECIAL).replace("://", "\\://")
