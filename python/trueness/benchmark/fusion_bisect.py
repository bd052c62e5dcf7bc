"""Which rule of ONNX Runtime's optimiser changes the result of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.compare.arrays import compare
from trueness.dump.onnx_session import Sessions
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BASIC = """
    CastElimination CastFloat16Transformer CommonSubexpressionElimination ConcatSliceElimination
    ConstantFolding ConstantSharing ConvAddFusion ConvBNFusion ConvMulFusion DivMulFusion
    DoubleQDQPairsRemover EliminateDropout EliminateIdentity EliminateSlice
    EnsureUniqueDQForNodeUnit ExpandElimination FuseReluClip GeluFusionL1 GemmSumFusion
    GemmTransposeFusion LabelEncoderFusion LayerNormFusionL1 MatMulAddFusion
    MatMul_BatchNormalization_Fusion MatmulBNFusion NoopElimination NotWhereFusion Pad_Fusion
    PadFusion PreShapeNodeElimination QDQPropagationTransformer ReshapeFusion TransposeOptimizer
    UnsqueezeElimination WeightBiasQuantization
"""
_LATER = """
    AttentionFusion BiasDropoutFusion BiasGeluFusion BiasSoftmaxFusion ConvActivationFusion
    ConvAddActivationFusion DynamicQuantizeMatMulFusion EmbedLayerNormFusion FastGeluFusion
    GatherSliceToSplitFusion GatherToSliceFusion GatherToSplitFusion GeluFusionL2
    GemmActivationFusion GroupQueryAttentionFusion LayerNormFusionL2 MatMulActivationFusion
    MatMulIntegerToFloatFusion MatMulNBitsFusion MatMulScaleFusion MatmulTransposeFusion
    NchwcTransformer NhwcTransformer QDQFinalCleanupTransformer QDQS8ToU8Transformer
    QDQSelectorActionTransformer QuickGeluFusion SimplifiedLayerNormFusion SkipLayerNormFusion
"""
RULES = (*_BASIC.split(), *_LATER.split())
"""Names that ONNX Runtime gives its rules; one that a version does not know is without effect."""


@dataclass(frozen=True, slots=True)
class Bisection:
    """`rules` is a smallest set of rules without which the outputs pass; empty when they pass as
    they are, or when even without all of them they do not (`passes_without_all` False). `reason`
    says how far off the optimised model is, `sessions` how many were tried."""

    passes: bool
    passes_without_all: bool
    rules: tuple[str, ...]
    reason: str
    sessions: int


def bisect(
    model: str,
    feeds: Mapping[str, Array],
    *,
    level: str = "all",
    standard: str | None = None,
    on_try: Callable[[int], object] | None = None,
) -> Bisection:
    """Compares the outputs of the optimised model with those of the model as it is in the file.
    Raises UsageError without ONNX Runtime, for a model that it cannot load and for an unknown
    standard."""
    trial = _Trial(model, feeds, level, standard, on_try)
    reason = trial.failure(())
    if not reason:
        return Bisection(True, True, (), "", trial.sessions)
    if trial.failure(RULES):
        return Bisection(False, False, (), reason, trial.sessions)
    return Bisection(False, True, tuple(_smallest(trial)), reason, trial.sessions)


class _Trial:
    def __init__(
        self,
        model: str,
        feeds: Mapping[str, Array],
        level: str,
        standard: str | None,
        on_try: Callable[[int], object] | None,
    ) -> None:
        self._model = model
        self._feeds = dict(feeds)
        self._level = level
        self._standard = standard
        self._on_try = on_try
        self._sessions = Sessions(str(Path(model).absolute().parent), ["CPUExecutionProvider"])
        self.sessions = 0
        self._names, self._expected = self._outputs("disable", ())

    def failure(self, disabled: Sequence[str]) -> str:
        """Why the outputs do not pass without these rules, "" when they do."""
        _, found = self._outputs(self._level, disabled)
        for name, golden, my in zip(self._names, self._expected, found, strict=True):
            one = compare(golden, my, standard=self._standard)
            if not one.passed:
                return f"{name}: {one.reason}"
        return ""

    def _outputs(self, level: str, disabled: Sequence[str]) -> tuple[list[str], list[Array]]:
        session = self._sessions.open(self._model, level, disabled=disabled)
        self.sessions += 1
        if self._on_try:
            self._on_try(self.sessions)
        try:
            found = session.run(None, self._feeds)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{self._model} does not run on these inputs: {reason}") from error
        return [output.name for output in session.get_outputs()], found


def _smallest(trial: _Trial) -> list[str]:
    """Zeller's ddmin: halves and their complements, then finer parts, until no rule can be spared.
    https://doi.org/10.1109/32.988498"""
    rules, parts = list(RULES), 2
    while len(rules) > 1:
        size = -(-len(rules) // parts)
        chunks = [rules[at : at + size] for at in range(0, len(rules), size)]
        found = next((chunk for chunk in chunks if not trial.failure(chunk)), None)
        if found is not None:
            rules, parts = found, 2
            continue
        others = ([rule for rule in rules if rule not in chunk] for chunk in chunks)
        found = next((other for other in others if other and not trial.failure(other)), None)
        if found is not None:
            rules, parts = found, max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(2 * parts, len(rules))
    return rules
