"""Suspects put to the proof: each is run again alone, and what is cleared moves to the end. Where
none is wrong by that, the values of the outputs are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

from trueness.diagnose.operators import Read
from trueness.diagnose.plain_operators import ways_of
from trueness.diagnose.pure_operators import ONNX_OPERATORS
from trueness.model import Diagnosis, Finding, Pair, TensorRef

if TYPE_CHECKING:
    from trueness.diagnose.replayed import Replay

Items = Callable[[Sequence[Finding]], Sequence[Read]]
"""What was paired of the operator of each finding."""

_Ranked = tuple[int, Finding]
FAINT_BYTES = 1 << 30
FAINT_RUNS = 8
"""Of operators too faint to be findings, as many are run again as have outputs of so many bytes, of
both sides, and are of so few ranks and tokens: that takes seconds, however large the dump."""

_ITS_OWN, _SIGNED, _UNKNOWN, _CLEARED = range(4)
_WHY = {
    _ITS_OWN: "run alone it is off by itself",
    _SIGNED: "its values show that by themselves",
    _UNKNOWN: "what was likelier is cleared",
}


def can_be_confirmed(diagnosis: Diagnosis) -> bool:
    """Whether any suspect is an operator that replay knows, and what runs it is there."""
    asked = (*diagnosis.findings, *diagnosis.faint)
    return any(_known(finding) and not _lacks(finding) for finding in asked)


def confirmed(diagnosis: Diagnosis, items: Items) -> Diagnosis:
    """The findings with what replay says of them: those with an error of their own first, those it
    has nothing to say of next, those it clears last. What was too faint to be a finding is one if
    it has an error of its own; where all are cleared and there is no such, none is left."""
    ranked = _ranked(diagnosis.findings, items)
    if not _any_wrong(ranked):
        faint = _ranked(_asked(diagnosis.faint), items)
        ranked += [entry for entry in faint if entry[0] == _ITS_OWN]
        if not _any_wrong(ranked):
            ranked = _signed(ranked, faint, items)
    ranked.sort(key=lambda entry: entry[0])
    findings = [finding for _, finding in ranked]
    if findings and all(place == _CLEARED for place, _ in ranked):
        conclusion = _all_cleared(findings)
        cleared = (*findings, *diagnosis.faint)
        return replace(diagnosis, findings=(), faint=cleared, conclusion=conclusion)
    before = [finding.op_name for finding in diagnosis.findings[:1]]
    if [finding.op_name for finding in findings[:1]] == before:
        return replace(diagnosis, findings=findings)
    place, first = ranked[0]
    conclusion = f"{first.op_name} is where the values part: {_WHY[place]}"
    return replace(diagnosis, findings=findings, conclusion=conclusion)


def _any_wrong(ranked: Sequence[_Ranked]) -> bool:
    return any(place == _ITS_OWN for place, _ in ranked)


def _signed(ranked: Sequence[_Ranked], faint: Sequence[_Ranked], items: Items) -> list[_Ranked]:
    """With the operator whose output shows by itself that it is wrong; of several the first that
    ran, whose values the others may have read. What ran behind the likeliest that is not cleared
    may have it from there, what is cleared has it from what it read."""
    from trueness.diagnose.signature import first_sign

    likeliest = next((finding for place, finding in ranked if place == _UNKNOWN), None)
    last = _when(likeliest) if likeliest else inf
    asked = [finding for place, finding in (*ranked, *faint) if place != _CLEARED]
    asked = sorted((finding for finding in asked if _when(finding) <= last), key=_when)
    found = first_sign(group for group, _ in items(asked))
    if found is None:
        return list(ranked)
    place, sentence = found
    wrong = asked[place]
    rest = [entry for entry in ranked if entry[1] is not wrong]
    kind = "introduced" if wrong.kind == "faint" else wrong.kind
    signed = replace(wrong, kind=kind, evidence=(*wrong.evidence, sentence))
    return [(_SIGNED, signed), *rest]


def _when(finding: Finding) -> int:
    return finding.result.my.order if finding.result.my else 0


def _asked(faint: Sequence[Finding]) -> Sequence[Finding]:
    runs = [*dict.fromkeys((finding.rank, finding.token) for finding in faint)][:FAINT_RUNS]
    near = [finding for finding in faint if (finding.rank, finding.token) in runs]
    sizes = accumulate(finding.result.nbytes for finding in near)
    return [finding for finding, total in zip(near, sizes, strict=True) if total <= FAINT_BYTES]


def _all_cleared(findings: Sequence[Finding]) -> str:
    names = ", ".join(finding.op_name for finding in findings[:3])
    more = f" and {len(findings) - 3} more" if len(findings) > 3 else ""
    verb = "is" if len(findings) == 1 else "are"
    return (
        f"no operator is wrong by itself: run alone, {names}{more} {verb} as exact as rounding lets"
    )


def _ranked(findings: Sequence[Finding], items: Items) -> list[_Ranked]:
    known = [finding for finding in findings if _known(finding)]
    replays = dict(zip(map(id, known), map(_replayed, known, items(known)), strict=True))
    ranked = []
    for finding in findings:
        found = replays.get(id(finding))
        place = _place(found)
        # An operator that was given a wrong input is right alone, and still the place to look at.
        if finding.kind in ("overwritten", "inputs differ"):
            place = _UNKNOWN
        elif finding.kind == "faint" and place == _ITS_OWN:
            finding = replace(finding, kind="introduced")
        ranked.append((place, _with_evidence(finding, found)))
    return ranked


def _known(finding: Finding) -> bool:
    refs = _refs(finding)
    if len(refs) != 2:
        return False
    return _runs_in(refs) != "" or any(ways_of(ref.op_type) for ref in refs)


def _runs_in(refs: Sequence[TensorRef]) -> str:
    """The package that knows the operator."""
    if any(ref.op_type.startswith("aten.") for ref in refs):
        return "torch"
    if all(ref.op_type in ONNX_OPERATORS for ref in refs):
        from trueness.diagnose.replay_onnx import is_onnx

        return "onnx" if is_onnx([Pair(refs[0], refs[1], "")]) else ""
    return ""


def _lacks(finding: Finding) -> bool:
    """Whether only a package that is not installed could run it."""
    refs = _refs(finding)
    package = _runs_in(refs)
    if any(ways_of(ref.op_type) for ref in refs):
        return False
    return bool(package) and not find_spec(package)


def _refs(finding: Finding) -> Sequence[TensorRef]:
    return [ref for ref in (finding.result.golden, finding.result.my) if ref]


def _replayed(finding: Finding, read: Read) -> Replay | None:
    from trueness.diagnose.replay import replay

    group, producers = read
    return replay(group, taken_from=producers) if group else None


def _place(found: Replay | None) -> int:
    if found is None or found.problem:
        return _UNKNOWN
    return _CLEARED if found.cleared else _ITS_OWN


def _with_evidence(finding: Finding, found: Replay | None) -> Finding:
    if found is None:
        return finding
    return replace(finding, evidence=(*finding.evidence, found.sentence))
