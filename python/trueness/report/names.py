"""What rows, operators and findings are called where there is little room for it."""

from __future__ import annotations

from pathlib import Path

from trueness.model import Finding, Result, TensorRef

LONGEST_NAME = 60
"""Names of tensors can have thousands of characters; the CSV has them whole."""


def clean(text: str) -> str:
    """Names come from files: control characters must not reach a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def cut(name: str, longest: int = LONGEST_NAME) -> str:
    """Without its middle when it is too long: what tells names apart is at either end."""
    if len(name) <= longest:
        return name
    half = (longest - 3) // 2
    return f"{name[:half]}...{name[-half:]}"


def name_of(result: Result) -> str:
    """The operator, or the file where that is not known."""
    ref = result.my or result.golden
    return "" if ref is None else ref.op_name or Path(ref.path).name


def operator(result: Result) -> str:
    ref = result.my or result.golden
    if ref is None:
        return ""
    name = name_of(result)
    where = _places(ref.rank, ref.token)
    return cut(clean(f"{name} ({where})" if where else name))


def tensor(ref: TensorRef | None) -> str:
    """Which one of its file: `input 0`, or its name; "" where a file holds just one."""
    if ref is None:
        return ""
    if isinstance(ref.member, str):
        return cut(clean(ref.member))
    return f"{ref.io} {'.'.join(map(str, (ref.index, *ref.nested)))}" if ref.io else ""


def title(finding: Finding) -> str:
    """`MatMul_213 (MatMul, layer 17, rank 0)`."""
    name = finding.op_name or operator(finding.result)
    where = _places(finding.rank, finding.token, finding.layer)
    inside = ", ".join(filter(None, (cut(clean(finding.op_type)), where)))
    return cut(clean(name)) + (f" ({inside})" if inside else "")


def numbers(finding: Finding) -> str:
    """`introduced, off by 0.031, of which 0.0002 inherited`."""
    parts = [clean(finding.kind)]
    if finding.error == finding.error:
        parts.append(f"off by {short(finding.error)}")
    if finding.inherited == finding.inherited:
        parts.append(f"of which {short(finding.inherited)} inherited")
    return ", ".join(parts)


def short(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"


def _places(rank: int | None, token: int | None, layer: int | None = None) -> str:
    places = (("layer", layer), ("rank", rank), ("token", token))
    return ", ".join(f"{name} {number}" for name, number in places if number is not None)
