"""The table that aclcmp writes."""

from collections.abc import Iterator
from pathlib import Path

from builders.reports import result
from trueness.model import Result
from trueness.report.to_aclcmp import COLUMNS, to_aclcmp


def test_rows_are_written_while_they_come(tmp_path: Path) -> None:
    written = []

    def rows() -> Iterator[Result]:
        for _ in range(2000):
            yield result("op", 0.1)
        written.extend(path.stat().st_size for path in tmp_path.iterdir())

    lines = to_aclcmp(rows(), tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and len(lines) == 2001
    assert written[0] > 10_000
