"""`trueness replay` on the demo's dumps, of which one operator is wrong by itself."""

import json

import pytest

from trueness import compare_dumps
from trueness.cli.app import main
from trueness.demo import fx_dump, ge_dump, transformer

pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    model = transformer.run()
    return str(fx_dump.write(model, root / "golden")), str(ge_dump.write(model, root / "my"))


def test_only_the_planted_operator_is_off_by_itself(dumps, capsys):
    assert main(["replay", *dumps, "--op", "*", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    replayed = [row for row in rows if not row["problem"]]
    assert len(replayed) > 20
    assert [row["op_name"] for row in replayed if not row["cleared"]] == [transformer.PLANTED]


def test_one_operator_as_a_table(dumps, capsys):
    assert main(["replay", *dumps, "--op", "SoftmaxV2_1"]) == 0
    assert "cleared: alone it is off by" in capsys.readouterr().out


def test_a_name_that_nothing_has(dumps, capsys):
    assert main(["replay", *dumps, "--op", "Nothing"]) == 2
    assert "no operator of my dump is called Nothing" in capsys.readouterr().err


def test_a_comparison_runs_its_suspects_again_by_itself(dumps):
    first = compare_dumps(*dumps).findings[0]
    assert first.op_name == transformer.PLANTED
    assert "alone it is off by" in first.evidence[-1]


def test_a_comparison_does_not_when_told_so(dumps):
    results = compare_dumps(*dumps)
    for _ in results:
        pass
    assert all(
        "alone" not in e for f in results.diagnosis(replay=False).findings for e in f.evidence
    )
