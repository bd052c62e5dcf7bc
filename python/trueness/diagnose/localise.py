"""Which operators brought the error in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import nan

from trueness.diagnose.edges import GraphEdges
from trueness.diagnose.explain import finding_of
from trueness.diagnose.rank import KEPT, LOOKED, Suspect, Verdict, judge
from trueness.diagnose.trace import Trace
from trueness.model import Diagnosis, Finding, Graph, Result

TOP = 10
JUDGED = 4000
"""Runs that are looked into; beyond, nothing new is to be expected of what all of them show."""


class Localiser:
    """Follows the rows of a comparison while they pass, and says at the end where it went wrong.
    Graphs tell which operator an input comes from. A run is what has one rank and token: of each
    only what is suspect is kept when the next one begins. `ops` are the operators of the graphs."""

    def __init__(self, graphs: Sequence[Graph] = ()) -> None:
        self.ops = {name: op for graph in graphs for name, op in graph.ops.items()}
        self._graph = GraphEdges(self.ops)
        self._trace = Trace(self._graph)
        self._key: tuple[object, ...] | None = None
        self._done: list[Verdict] = []
        self._lost = 0
        self._loud = 0
        self._left_out = 0

    def follow(self, results: Iterable[Result]) -> Iterator[Result]:
        """The rows as they come, which has to be in execution order, with `introduced_score`."""
        for result in results:
            ref = result.my or result.golden
            key = (ref.rank, ref.token, ref.graph) if ref else ()
            if key != self._key:
                self._close()
                self._key = key
            score = self._trace.add(result)
            if score == score:
                # The row was made a moment ago and nobody else has it: a copy would cost more
                # than everything else here.
                object.__setattr__(result, "introduced_score", score)
            yield result

    def diagnosis(self) -> Diagnosis:
        """What the rows so far come to."""
        verdicts = [*self._done, *([judge(self._trace)] if self._trace.names else [])]
        if not verdicts:
            return Diagnosis("nothing was compared that could be followed")
        merged, fainter = _Merged(), _Merged()
        for verdict in verdicts:
            for suspect in verdict.suspects:
                merged.add(suspect)
            for suspect in verdict.faint:
                fainter.add(suspect)
        findings = merged.findings(TOP)
        known = {finding.op_name for finding in findings}
        faint = [finding for finding in fainter.findings(LOOKED) if finding.op_name not in known]
        failed = sum(verdict.failed for verdict in verdicts)
        lost = self._lost + self._trace.lost
        return Diagnosis(
            _conclusion(findings, failed, lost) + self._limits(),
            findings,
            "; ".join(dict.fromkeys(verdict.order for verdict in verdicts)),
            "; ".join(dict.fromkeys(filter(None, (verdict.edges for verdict in verdicts))))
            or "not asked for: rounding explains every error",
            max((verdict.noise for verdict in verdicts), default=nan),
            faint,
        )

    def _close(self) -> None:
        if not self._trace.names:
            return
        if self._loud >= JUDGED and self._trace.loud:
            self._left_out += 1
        else:
            # What is broken in one run is broken in all: after the first, fewer have to be kept.
            self._done.append(judge(self._trace, KEPT if self._done else LOOKED))
            self._loud += self._trace.loud
        self._lost += self._trace.lost
        self._trace = Trace(self._graph)

    def _limits(self) -> str:
        if not self._left_out:
            return ""
        return f"; {self._left_out} runs beyond the first {JUDGED} with errors were not looked into"


@dataclass
class _Merged:
    """The suspects of all runs by operator: what is broken is broken in every token."""

    best: dict[str, Suspect] = field(default_factory=dict)
    total: dict[str, float] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)

    def add(self, suspect: Suspect) -> None:
        name = suspect.name
        self.runs[name] = self.runs.get(name, 0) + 1
        self.total[name] = self.total.get(name, 0.0) + suspect.weight
        if name not in self.best or suspect.score > self.best[name].score:
            self.best[name] = suspect

    def findings(self, most: int) -> list[Finding]:
        ranked = sorted(self.best, key=lambda name: -self.total[name])
        return [finding_of(self.best[name], self.runs[name]) for name in ranked[:most]]


def _conclusion(findings: Sequence[Finding], failed: int, lost: int) -> str:
    """`failed` outputs fail the standard; `lost` rows that do not pass have no error to follow."""
    if not findings and failed:
        outputs = "1 output fails" if failed == 1 else f"{failed} outputs fail"
        return (
            f"no operator stands out, though {outputs} the standard: the error grows "
            "with depth as rounding does, or what brings it in was not dumped"
        )
    if not findings and lost:
        rows = "1 row that does not pass has" if lost == 1 else f"{lost} rows that do not pass have"
        return f"nothing above the noise where errors could be followed; {rows} none to follow"
    if not findings:
        return "clean: no operator adds more error than its inputs and rounding explain"
    first, more = findings[0], len(findings) - 1
    kind = f" ({first.op_type})" if first.op_type else ""
    where = "" if first.layer is None else f" of layer {first.layer}"
    count = f"; {more} more {'is' if more == 1 else 'are'} suspect" if more else ""
    passing = "" if failed else ", though every output passes the standard"
    return f"{first.op_name}{kind}{where} is where the values part{count}{passing}"
