"""What a page in Chinese says of the diagnosis, whose sentences are made in English."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import inf
from pathlib import Path

import numpy as np
import pytest

from builders.reports import result
from trueness.diagnose import confirm
from trueness.diagnose.explain import finding_of
from trueness.diagnose.localise import _conclusion
from trueness.diagnose.rank import Suspect
from trueness.diagnose.replayed import Replay
from trueness.diagnose.signature import _clipped, _coarse, _Values
from trueness.dumps import compare_dumps
from trueness.model import Finding, Metrics
from trueness.report import to_html

SENTENCES = json.loads((to_html._HERE / "sentences.json").read_text("utf-8"))
MARKS = r"(\{\d\}|\[\d\])"
TREES = Path(__file__).parents[1] / "data" / "torchair"
KINDS = ("nonfinite", "introduced", "overwritten", "inputs differ")


def test_a_translation_says_as_much_as_the_sentence() -> None:
    for english, other in SENTENCES.items():
        assert sorted(re.findall(MARKS, english)) == sorted(re.findall(MARKS, other))


def untold(sentence: str) -> list[str]:
    """The parts that have no translation, found as sentences.js finds them."""
    parts = sentence.split("; ")
    if len(parts) > 1:
        return [part for one in parts for part in untold(one)]
    for english in SENTENCES:
        pieces = re.split(MARKS, english)
        found = re.fullmatch("(.*?)".join(map(re.escape, pieces[::2])), sentence, re.DOTALL)
        if found:
            said = zip(pieces[1::2], found.groups(), strict=True)
            return [part for mark, text in said if mark[0] == "[" for part in untold(text)]
    return [sentence]


def suspects() -> Iterator[Suspect]:
    rows = [result("op", 0.3), result("zero", metrics=Metrics({"golden_l2norm": 0.0}))]
    plain = Suspect("", "op", "", 9, 9, rows[0], 0.3, 0.1, 0.01, 0, 0, 0, 0, 0, (), ())
    for kind, row in product(KINDS, rows):
        yield replace(plain, kind=kind, result=row)
    for expected, drift, shift in product((0.01, 0.0), (0.0, 0.1), (0.0, 0.1)):
        yield replace(plain, kind="introduced", expected=expected, drift=drift, shift=shift)
    yield replace(plain, kind="introduced", third=0.01)
    for name, peers, error, later in product(("", "MatMul"), (1, 5), (0.0, 0.1), (0, 1, 3)):
        of = replace(plain, kind="introduced", type=name, later=later)
        yield replace(of, peers=peers, peer_error=error)


def test_all_that_is_said_of_a_suspect_has_a_translation() -> None:
    findings = [finding_of(suspect, runs) for suspect in suspects() for runs in (1, 4)]
    said = {sentence for finding in findings for sentence in (*finding.evidence, finding.kind)}
    assert len(said) > 20
    assert [part for sentence in sorted(said) for part in untold(sentence)] == []


@pytest.mark.parametrize("own", [0.0, 0.1, 0.5])
def test_what_replay_says_has_a_translation(own: float) -> None:
    assert untold(Replay("op", "aten.mm", own, 0.1, 0.1, noise=0.2).sentence) == []
    assert untold(Replay("op", "aten.mm", problem="of the weather").sentence) == []


def test_what_was_run_again_has_a_translation() -> None:
    finding = Finding("introduced", "op", "Add", inf, 0.1, 0.1, (), result("op"))
    for own in (0.0, 0.5):
        found = Replay("op", "Add", own, 0.1, 0.1, noise=0.2, taken_from=("a", "b"))
        (said,) = confirm._with_evidence(finding, found).evidence
        assert "outputs of a, b" in said
        assert untold(said) == []
    for count in (1, 2, 5):
        assert untold(confirm._all_cleared([finding] * count)) == []


def test_what_values_tell_has_a_translation() -> None:
    steps = np.linspace(-3, 3, 4096)
    sides = [
        _Values("Odd", steps, my, (), 11) for my in (np.rint(steps * 8) / 8, steps.clip(-2, 2))
    ]
    for said in (_coarse(sides[0]), _clipped(sides[1])):
        assert said
        assert untold(said) == []
    for why in confirm._WHY.values():
        assert untold(f"op is where the values part: {why}") == []


def test_conclusions_have_a_translation() -> None:
    plain = Finding("introduced", "op", "", inf, 0.1, 0.1, (), result("op"))
    findings = [replace(plain, op_type=name, layer=at) for name in ("", "M") for at in (None, 3)]
    for count, failed, lost in product(range(4), (0, 1, 2), (0, 1, 2)):
        for first in findings:
            said = _conclusion([first] * count, failed, lost)
            assert untold(said) == [], said


@pytest.mark.parametrize(
    "sides",
    ["gt710/fx gt710/ge", "eq710/fx eq710/ge", "lt710/fx lt710/ge", "fuse/ge_off fuse/ge_on"],
)
def test_why_rows_of_real_dumps_fail_has_a_translation(sides: str) -> None:
    rows = compare_dumps(*(TREES / side for side in sides.split()))
    reasons = {row.reason for row in rows if row.reason}
    assert reasons
    assert [part for reason in sorted(reasons) for part in untold(reason)] == []
