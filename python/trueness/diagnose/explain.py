"""What was found, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf

from trueness.diagnose.trace import Suspect

_LAYER = re.compile(r"(?:^|[^a-zA-Z])(?:layers?|blocks?|h|encoder|decoder)[._/\-]?(\d{1,4})(?!\d)")


def layer_of(name: str) -> int | None:
    """The number of the layer that an operator's name tells."""
    match = _LAYER.search(name)
    return int(match[1]) if match else None


def evidence(suspect: Suspect, later: int, runs: int) -> Sequence[str]:
    return tuple(_sentences(suspect, later, runs))


def _sentences(suspect: Suspect, later: int, runs: int) -> Iterator[str]:
    error = suspect.result.metrics.get("relative_euclidean_distance", inf)
    if suspect.score == inf:
        yield "its output has NaN or Inf that golden does not have, and its inputs have none"
    else:
        yield (
            f"output off by {error:.2g} relative L2 while its inputs account for "
            f"{suspect.inherited:.2g}: {suspect.score:.3g} times more than its inputs and rounding "
            "explain"
        )
    if later:
        yield f"{later} later operators differ as much as it does or inherit from it"
    if runs > 1:
        yield f"the same in {runs} tokens or ranks"
