"""Which operators brought the error in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import inf, nan

from trueness.diagnose.explain import evidence, layer_of
from trueness.diagnose.trace import Suspect, Trace
from trueness.model import Diagnosis, Finding, Graph, Result

TAU = 1.58
"""A score that clean runs do not reach."""
TOP = 10


class Localiser:
    """Follows the rows of a comparison while they pass, and says at the end where it went wrong.
    Graphs tell which operator an input comes from."""

    def __init__(self, graphs: Sequence[Graph] = ()) -> None:
        self._ops = {name: op for graph in graphs for name, op in graph.ops.items()}
        self._found: list[tuple[Trace, list[Suspect]]] = []
        self._trace: Trace | None = None
        self._key: tuple[object, ...] = ()
        self._timed = False

    def follow(self, results: Iterable[Result]) -> Iterator[Result]:
        """The rows as they come, which has to be in execution order, with `introduced_score`."""
        for result in results:
            ref = result.my or result.golden
            key = (ref.rank, ref.token, ref.graph) if ref else ()
            if self._trace is None or key != self._key:
                self._trace, self._key = Trace(self._ops), key
                self._found.append((self._trace, []))
            score = self._trace.add(result)
            if score == score:
                # The row was made a moment ago and nobody else has it: a copy would cost more
                # than everything else here.
                object.__setattr__(result, "introduced_score", score)
            self._timed = self._timed or bool(ref and ref.order)
            yield result

    def diagnosis(self) -> Diagnosis:
        """What the rows so far come to."""
        traces = [trace for trace, _ in self._found if trace.rows]
        order = "dump timestamps" if self._timed else "names"
        edges = "graph" if self._ops else "inputs as dumped, else neighbours in execution order"
        noise = max((trace.noise for trace in traces), default=nan)
        if not traces:
            return Diagnosis("nothing was compared", order=order, edges=edges)
        findings = self._findings(traces)
        conclusion = (
            f"{findings[0].op_name} is where the values part"
            if findings
            else "clean: no operator adds more error than its inputs and rounding explain"
        )
        return Diagnosis(conclusion, findings, order, edges, noise)

    def _findings(self, traces: Sequence[Trace]) -> list[Finding]:
        best: dict[str, tuple[Suspect, Trace]] = {}
        runs: dict[str, int] = {}
        for trace in traces:
            above = sorted((e[2] for e in trace.suspects if e[0] > TAU), key=lambda s: s.place)
            for place, outputs in groupby(above, key=lambda s: s.place):
                worst = max(outputs, key=lambda s: s.score)
                name = trace.names[place]
                runs[name] = runs.get(name, 0) + 1
                if name not in best or worst.score > best[name][0].score:
                    best[name] = worst, trace
        ranked = sorted(best.values(), key=lambda pair: (-pair[0].score, pair[0].place))
        return [_finding(s, trace, runs[trace.names[s.place]]) for s, trace in ranked[:TOP]]


def _finding(suspect: Suspect, trace: Trace, runs: int) -> Finding:
    ref = suspect.result.my or suspect.result.golden
    name = trace.names[suspect.place]
    error = trace.errors[suspect.place]
    later = sum(e > error / 2 for e in trace.errors[suspect.place + 1 :])
    return Finding(
        kind="nonfinite" if suspect.score == inf else "introduced",
        op_name=name,
        op_type=trace.types[suspect.place],
        score=suspect.score,
        error=error,
        inherited=suspect.inherited,
        evidence=evidence(suspect, later, runs),
        result=suspect.result,
        rank=ref.rank if ref else None,
        token=ref.token if ref else None,
        layer=layer_of(name),
    )
