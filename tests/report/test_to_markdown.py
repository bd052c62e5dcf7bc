from pathlib import Path

from builders.reports import hostile_rows, model_rows, summary_of
from trueness.report import Summary, write_report
from trueness.report.to_markdown import escaped


def text_of(tmp_path: Path, summary: Summary) -> str:
    path = write_report("md", [], tmp_path / "report.md", lambda: summary)
    return path.read_text(encoding="utf-8")


def test_verdict_findings_and_worst_rows(tmp_path: Path) -> None:
    text = text_of(tmp_path, summary_of(list(model_rows(2000))))
    assert text.startswith("## FAIL by standard auto\\@2; first to differ: ")
    assert "\n1. **model.layers.17." in text
    assert "   - output off by 0.031 while its inputs account for 0.0002" in text
    assert text.index("### Diagnosis") < text.index("### Worst 10 of ")


def test_a_clean_run(tmp_path: Path) -> None:
    text = text_of(tmp_path, summary_of(list(model_rows(500, ranks=1))[:300]))
    assert text.startswith("## PASS")
    assert "clean: nothing above the noise" in text
    assert "Worst" not in text


def test_hostile_names_are_no_markup(tmp_path: Path) -> None:
    text = text_of(tmp_path, summary_of(hostile_rows(), 9))
    assert "<img" not in text and "</script" not in text and "\x1b" not in text
    assert "](" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    unescaped = {len(line.replace("\\|", "").split("|")) for line in rows[3:]}
    assert len(unescaped) == 1
    assert max(map(len, rows)) < 25_000


def test_escaped() -> None:
    assert escaped("a|b*<d>&@e http://x") == "a\\|b\\*&lt;d>&amp;\\@e http\\://x"
