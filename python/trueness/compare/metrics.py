"""The choice of which metrics to compute."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trueness import _core
from trueness.errors import UsageError
from trueness.model import Metrics

_COSTLY = ("kl_divergence", "max_ulp_error")
BASIC = tuple(name for name in _core.METRIC_NAMES if name not in _COSTLY)


class Choice:
    """Which metrics to compute: "all", "basic" (no KL, no ULP), or names of metrics. The basic ones
    are always computed, since states and verdicts need them; they cost no extra pass."""

    def __init__(self, wanted: str | Sequence[str] | None) -> None:
        names = [wanted] if isinstance(wanted, str) else list(wanted or ["all"])
        chosen = {metric for name in names for metric in _named(name)}
        self.mask = 0
        for name in chosen.union(BASIC):
            self.mask |= _core.METRIC_GROUPS[name]
        self._keep = None if chosen.issuperset(_core.METRIC_NAMES) else chosen

    def keep(self, values: Mapping[str, float], evidence: Collection[str] = ()) -> Metrics:
        """The chosen ones, statistics of the two sides, and `evidence`: what a verdict rests on."""
        if self._keep is None:
            return values if isinstance(values, Metrics) else Metrics(values)
        return Metrics(
            {
                name: value
                for name, value in values.items()
                if name in self._keep or name in evidence or name.startswith(("golden_", "my_"))
            }
        )


def _named(name: str) -> Sequence[str]:
    if name == "all":
        return _core.METRIC_NAMES
    if name == "basic":
        return BASIC
    if name in _core.METRIC_NAMES:
        return (name,)
    known = ", ".join(("all", "basic", *_core.METRIC_NAMES))
    raise UsageError(f"no metric is called {name!r}; known: {known}")
