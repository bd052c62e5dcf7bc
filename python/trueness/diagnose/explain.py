"""What was found, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite, nan, sqrt

from trueness.diagnose.rank import Suspect
from trueness.model import Finding, Result, layer_of


def finding_of(suspect: Suspect, runs: int) -> Finding:
    """`runs`: in how many tokens and ranks it is suspect."""
    ref = suspect.result.my or suspect.result.golden
    assert ref is not None
    # How far off the finite rest is, or what should be zero, says nothing.
    odd = suspect.kind == "nonfinite" or _of_zero(suspect.result)
    return Finding(
        kind=suspect.kind,
        op_name=suspect.name,
        op_type=suspect.type,
        score=suspect.score,
        error=nan if odd else suspect.error,
        inherited=nan if odd else suspect.inherited,
        evidence=tuple(_sentences(suspect, runs)),
        result=suspect.result,
        rank=ref.rank,
        token=ref.token,
        layer=layer_of(suspect.name),
        producers=suspect.producers,
        consumers=suspect.consumers,
    )


def _sentences(suspect: Suspect, runs: int) -> Iterator[str]:
    if suspect.kind == "nonfinite":
        yield "its output has NaN or Inf that golden does not have, and its inputs have none"
    else:
        yield from _of_error(suspect)
    if suspect.later:
        operators = "operators are" if suspect.later > 1 else "operator is"
        yield f"{suspect.later} later {operators} off by at least half as much"
    if runs > 1:
        yield f"suspect in {runs} runs (tokens or ranks)"


def _of_error(suspect: Suspect) -> Iterator[str]:
    if suspect.kind == "overwritten":
        yield (
            "an input is not what its producer wrote, though it is on the golden side: it was "
            "overwritten, or it is another step's"
        )
    elif suspect.kind == "inputs differ":
        yield (
            "an input that nothing before it made is far from golden: a wrong weight or input of "
            "the model, or the work of an operator that was not dumped"
        )
    if _of_zero(suspect.result):
        yield "its output is zero everywhere on the golden side, and mine is not"
        return
    times = suspect.error / suspect.expected if suspect.expected > 0 else inf
    yield (
        f"output off by {suspect.error:.2g} relative L2 while its inputs account for "
        f"{suspect.inherited:.2g}: {times:.3g} times more than its inputs and rounding explain"
    )
    if isfinite(suspect.third):
        yield f"the third implementation is off by {suspect.third:.2g} there"
    drift, shift = _norm_and_mean(suspect.result)
    if suspect.drift and isfinite(drift):
        yield f"its norm is off by {100 * drift:+.3g} %, which noise does not do"
    if suspect.shift and isfinite(shift):
        yield f"its mean is off by {shift:+.2g} of its root mean square: a bias, not noise"
    if suspect.peers:
        yield _of_peers(suspect)


def _of_zero(result: Result) -> bool:
    return result.metrics.get("golden_l2norm") == 0


def _norm_and_mean(result: Result) -> tuple[float, float]:
    """How far both are off, relative to norm and root mean square of golden."""
    names = ("norm_ratio", "golden_mean_value", "my_mean_value", "golden_l2norm", "finite_count")
    ratio, golden, my, norm, count = result.metrics.pick(names)
    return ratio - 1, (my - golden) * sqrt(max(count, 1.0)) / norm


def _of_peers(suspect: Suspect) -> str:
    kind = f" of type {suspect.type}" if suspect.type else ""
    off = f"off by {suspect.peer_error:.2g}" if suspect.peer_error else "exact"
    if suspect.peers == 1:
        return f"the only other operator{kind} is {off}"
    less = " or less" if suspect.peer_error else ""
    return f"half of the {suspect.peers} others{kind} are {off}{less}"
