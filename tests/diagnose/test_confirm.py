"""Suspects are run again where something can run them, and else say what is missing."""

from pathlib import Path

import pytest

from trueness.demo import fx_dump, ge_dump, transformer
from trueness.diagnose import confirm
from trueness.diagnose.confirm import can_be_confirmed
from trueness.dumps import compare_dumps


def test_a_replay_that_was_asked_for_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirm, "find_spec", lambda name: None)
    model = transformer.run()
    sides = fx_dump.write(model, tmp_path / "golden"), ge_dump.write(model, tmp_path / "my")
    results = compare_dumps(*sides)
    list(results)
    found = results.diagnosis(replay=True)
    assert not can_be_confirmed(found)
    assert found.findings[0].op_name == transformer.PLANTED
    said = 'not replayable because torch is not installed: pip install "trueness[torch]"'
    assert found.findings[0].evidence[-1] == said
