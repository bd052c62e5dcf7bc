"""Suspects put to the proof: each is run again alone, and what is cleared moves to the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trueness.diagnose.pure_operators import ONNX_OPERATORS
from trueness.model import Diagnosis, Finding, Pair, TensorRef, Unmatched

if TYPE_CHECKING:
    from trueness.diagnose.replay import Replay

Items = Callable[[Finding], Iterable[Pair | Unmatched]]
"""What was paired of the operator of a finding."""


def can_be_confirmed(diagnosis: Diagnosis) -> bool:
    """Whether any suspect is an operator that replay knows, and what runs it is there."""
    asked = (*diagnosis.findings, *diagnosis.faint)
    return any(_known(finding) and not _lacks(finding) for finding in asked)


def confirmed(diagnosis: Diagnosis, items: Items) -> Diagnosis:
    """The findings with what replay says of them: those with an error of their own first, those it
    has nothing to say of next, those it clears last. What was too faint to be a finding is one if
    it has an error of its own."""
    ranked: list[tuple[int, Finding]] = []
    for finding in diagnosis.findings:
        found = _replayed(finding, items) if _known(finding) else None
        # An operator that was given a wrong input is right alone, and still the place to look at.
        misled = finding.kind in ("overwritten", "inputs differ")
        ranked.append((1 if misled else _class(found), _with_evidence(finding, found)))
    if not ranked or min(ranked, key=lambda entry: entry[0])[0] > 0:
        ranked += _of_faint(diagnosis.faint, items)
    findings = [finding for _, finding in sorted(ranked, key=lambda entry: entry[0])]
    before = [finding.op_name for finding in diagnosis.findings[:1]]
    if [finding.op_name for finding in findings[:1]] == before:
        return replace(diagnosis, findings=findings)
    first = findings[0]
    conclusion = f"{first.op_name} is where the values part: run alone it is off by itself"
    return replace(diagnosis, findings=findings, conclusion=conclusion)


def _of_faint(faint: Sequence[Finding], items: Items) -> list[tuple[int, Finding]]:
    found = []
    for finding in faint:
        own = _replayed(finding, items) if _known(finding) else None
        if own and _class(own) == 0:
            found.append((0, _with_evidence(replace(finding, kind="introduced"), own)))
    return found


def glob_of(name: str) -> str:
    """A filter that only this name passes."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _known(finding: Finding) -> bool:
    refs = _refs(finding)
    if len(refs) != 2:
        return False
    if _is_aten(refs):
        return True
    if not all(ref.op_type in ONNX_OPERATORS for ref in refs):
        return False
    from trueness.diagnose.replay_onnx import is_onnx

    return is_onnx([Pair(refs[0], refs[1], "")])


def _is_aten(refs: Sequence[TensorRef]) -> bool:
    return any(ref.op_type.startswith("aten.") for ref in refs)


def _lacks(finding: Finding) -> str:
    """The package that would run it and is not installed, or ""."""
    package = "torch" if _is_aten(_refs(finding)) else "onnx"
    return "" if find_spec(package) else package


def _refs(finding: Finding) -> Sequence[TensorRef]:
    return [ref for ref in (finding.result.golden, finding.result.my) if ref]


def _replayed(finding: Finding, items: Items) -> Replay | None:
    from trueness.diagnose.replay import Replay, by_operator, key_of, replay

    own = finding.result.my
    if package := _lacks(finding):
        problem = f'{package} is not installed: pip install "trueness[{package}]"'
        return Replay(finding.op_name, "", problem=problem)
    groups = by_operator(items(finding))
    group = groups.get(key_of(own)) if own else None
    return replay(group) if group else None


def _class(found: Replay | None) -> int:
    if found is None or found.problem:
        return 1
    return 2 if found.cleared else 0


def _with_evidence(finding: Finding, found: Replay | None) -> Finding:
    if found is None:
        return finding
    return replace(finding, evidence=(*finding.evidence, found.sentence))
