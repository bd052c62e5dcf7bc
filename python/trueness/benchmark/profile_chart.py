"""Where the time of a model goes, as one HTML file that opens anywhere: bars made of plain
elements, no script, and a Content-Security-Policy that lets nothing in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

MOST = 200
"""Nodes that get a bar of their own; the rest is one."""
_LONGEST = 160
_STYLE = """
:root { color-scheme: light dark; --soft: #59636e; --line: #d1d9e0; --bar: #0969da; }
@media (prefers-color-scheme: dark) { :root { --soft: #9198a1; --line: #3d444d; --bar: #4493f8; } }
body { margin: 0 1.2em 3em; font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.25em; overflow-wrap: anywhere; }
h2 { font-size: 1.1em; margin: 1.2em 0 .4em; }
p, th { color: var(--soft); font-weight: normal; text-align: left; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
td, th { border-top: 1px solid var(--line); padding: .15em .8em .15em 0; white-space: nowrap; }
td:first-child { white-space: normal; overflow-wrap: anywhere; }
td.number { text-align: right; }
td.share { width: 35%; }
i { display: inline-block; height: .8em; background: var(--bar); margin-right: .5em; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class OpTime:
    """Time spent in a node, or in all nodes of a type: microseconds, and the share of the whole."""

    name: str
    op_type: str
    calls: int
    total: float
    share: float

    @property
    def mean(self) -> float:
        return self.total / self.calls


def page(model: str, nodes: Sequence[OpTime], types: Sequence[OpTime], runs: int) -> str:
    """The file, ready to be written. Names are shown as text, whatever they hold."""
    total = sum(one.total for one in nodes) / 1000
    each = f", {total / runs:.3f} ms a run" if runs else ""
    shown = list(nodes[:MOST])
    rest = nodes[MOST:]
    if rest:
        calls, spent = sum(one.calls for one in rest), sum(one.total for one in rest)
        name = f"{len(rest)} more nodes"
        shown.append(OpTime(name, "", calls, spent, sum(one.share for one in rest)))
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{_text(model)}: time by operator</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(model)}</h1>",
            f"<p>CPU kernels of the graph as ONNX Runtime optimised it: {total:.3f} ms in {runs} "
            f"runs{each}; warm-up is left out.</p>",
            "<h2>By type of operator</h2>",
            _table(types),
            "<h2>By node, the slowest first</h2>",
            _table(shown),
            "</body></html>",
            "",
        )
    )


def _table(rows: Sequence[OpTime]) -> str:
    heads = ("operator", "type", "calls", "total ms", "mean us", "share")
    lines = [f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"]
    widest = max((row.share for row in rows), default=0.0) or 1.0
    for row in rows:
        numbers = (str(row.calls), f"{row.total / 1000:.3f}", f"{row.mean:.2f}")
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
        bar = f'<i style="width: {70 * row.share / widest:.2f}%"></i>{100 * row.share:.2f}%'
        lines.append(
            f"<tr><td>{_text(row.name)}</td><td>{_text(row.op_type)}</td>{cells}"
            f'<td class="share">{bar}</td></tr>'
        )
    return "\n".join([*lines, "</table>"])


def _text(name: str) -> str:
    """Marks that turn writing around or cannot be seen are shown by their number."""
    seen = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)
    return escape(seen if len(seen) <= _LONGEST else f"{seen[:_LONGEST]}...")
