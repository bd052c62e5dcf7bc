"""One HTML file that opens anywhere: nothing is fetched, and no name in it can become markup.

All that comes from dumps is inside a compressed block, is only ever shown as text, and a
Content-Security-Policy lets no script run but the two of the page, by their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import repeat
from math import inf
from pathlib import Path
from string import Template

from trueness.model import Finding, Result, layer_of
from trueness.offline_page import bokeh_scripts, packed, script_hash
from trueness.report.columns import location, shape_text
from trueness.report.kept import Kept
from trueness.report.names import clean, cut, name_of, operator, tensor, title
from trueness.report.summary import Summary
from trueness.report.to_json import finding_as_dict

WORST = 25_000
THINNED = 25_000
"""Rows in the file: of more than both together, the worst and an even choice of the rest."""
FINDINGS = 20
METRICS = (
    "relative_euclidean_distance",
    "cosine_similarity",
    "max_relative_error",
    "mean_relative_error",
    "max_absolute_error",
    "mean_absolute_error",
    "rmse",
    "norm_ratio",
    "kl_divergence",
    "max_ulp_error",
)
_ALL_METRICS = (*METRICS, "introduced_score")
_INFINITE = {inf: "1e999", -inf: "-1e999"}
_DIGITS = {"cosine_similarity": 9, "norm_ratio": 7}
_LENGTHS = (200, 80, 40)
"""Texts of rows are cut to the first of these with which the rows take no more than _MOST bytes."""
_MOST = 4_000_000
_SENTENCE = 2000
_PARTS = ("data.js", "plots.js", "sentences.js", "findings.js", "table.js", "app.js")
_LIBRARY = ("bokeh.min.js", "bokeh-api.min.js")
_HERE = Path(__file__).parent / "html"


class HtmlWriter:
    def __init__(self, path: Path) -> None:
        self._library = bokeh_scripts(
            _LIBRARY, 'an HTML report needs bokeh: pip install "trueness[report]"'
        )
        self._path = path
        self._kept = Kept(WORST, THINNED)

    def write(self, result: Result) -> None:
        self._kept.add(result)

    def finish(self, summary: Summary) -> None:
        program = "\n".join(_read(name) for name in _PARTS)
        hashes = " ".join(f"'sha256-{script_hash(script)}'" for script in (program, self._library))
        policy = (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        page = Template(_read("page.html")).substitute(
            policy=policy,
            style=_read("style.css"),
            data=_packed_rows(summary, self._kept),
            library=packed(self._library),
            program=program,
        )
        self._path.write_text(page, encoding="utf-8")

    def abandon(self) -> bool:
        return False


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _packed_rows(summary: Summary, kept: Kept) -> str:
    block = ""
    for longest in _LENGTHS:
        block = packed(_data(summary, kept, longest))
        if len(block) <= _MOST:
            break
    return block


def _data(summary: Summary, kept: Kept, longest: int) -> str:
    rows = kept.rows()
    diagnosis = summary.diagnosis
    found = {
        "words": json.loads(_read("words.json")),
        "sentences": json.loads(_read("sentences.json")),
        "verdict": "NOTHING" if not summary.total else "FAIL" if summary.exit_code else "PASS",
        "standard": _text(summary.standard),
        "recognised": {
            side: _text(f"{found.get('root', '')} ({found.get('layout', '')})")
            for side, found in summary.recognised.items()
        },
        "compared": {
            "pass": summary.passed,
            "differ": summary.failed,
            "not compared": summary.not_compared,
            "not needed": summary.not_needed,
        },
        "coverage": summary.coverage,
        "first": operator(summary.first_failed) if summary.first_failed else "",
        "diagnosis": diagnosis
        and {
            "conclusion": _text(diagnosis.conclusion, _SENTENCE),
            "order": diagnosis.order,
            "edges": diagnosis.edges,
            "findings": [_finding(finding) for finding in diagnosis.findings[:FINDINGS]],
        },
        "total": kept.total,
        "worst": WORST,
        "step": kept.step if len(rows) < kept.total else 0,
        "metrics": _ALL_METRICS,
    }
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)
    return f'{text[:-1]}, "columns": {_columns(rows, longest)}}}'


def _finding(finding: Finding) -> object:
    found = finding_as_dict(finding)
    del found["row"]
    return _cleaned(found | {"title": title(finding)})


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _text(value, _SENTENCE)
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    if isinstance(value, dict):
        return {key: _cleaned(part) for key, part in value.items()}
    return value


def _columns(rows: Sequence[tuple[int, Result]], longest: int) -> str:
    """JSON text, made by hand where it holds numbers: shorter ones than json would write."""
    results = [result for _, result in rows]
    refs = [result.my or result.golden for result in results]
    texts: dict[str, Iterable[str]] = {
        "name": (name_of(result) for result in results),
        "type": (ref.op_type if ref else "" for ref in refs),
        "tensor": (tensor(ref) for ref in refs),
        "dtype": (f"{r.golden_dtype} / {r.my_dtype}" for r in results),
        "shape": (shape_text(r.my_shape or r.golden_shape) for r in results),
        "state": (r.state.value for r in results),
        "verdict": (r.verdict for r in results),
        "reason": (r.reason for r in results),
        "path": (location(ref) for ref in refs),
    }
    whole: dict[str, Iterable[int | None]] = {
        "row": (number for number, _ in rows),
        "rank": (ref.rank if ref else None for ref in refs),
        "token": (ref.token if ref else None for ref in refs),
        "layer": (layer_of(ref.op_name) if ref else None for ref in refs),
    }
    picked = [(*r.metrics.pick(METRICS), r.introduced_score) for r in results]
    metrics = zip(_ALL_METRICS, zip(*picked, strict=True) if picked else repeat(()), strict=False)
    parts = [f'"{name}": {_words(column, longest)}' for name, column in texts.items()]
    parts += [f'"{name}": {json.dumps(list(column))}' for name, column in whole.items()]
    numbers = [f'"{name}": {_numbers(column, name)}' for name, column in metrics]
    parts.append(f'"metrics": {{{", ".join(numbers)}}}')
    return f"{{{', '.join(parts)}}}"


def _words(texts: Iterable[str], longest: int) -> str:
    cleaned = [_text(text, longest) for text in texts]
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in cleaned]
    found = {"words": list(places), "index": index} if len(places) < len(index) / 2 else cleaned
    return json.dumps(found, ensure_ascii=False)


def _numbers(values: Iterable[float], name: str) -> str:
    """What is no number becomes null, and an infinity a number that JSON readers take for one."""
    form = f".{_DIGITS.get(name, 4)}g"
    shown = (
        "null" if x != x else format(x, form) if abs(x) != inf else _INFINITE[x] for x in values
    )
    return f"[{','.join(shown)}]"


def _text(text: str, longest: int = _LENGTHS[0]) -> str:
    return cut(text if text.isprintable() else clean(text), longest)
