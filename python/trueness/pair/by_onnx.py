"""Two ONNX dumps of one model in different precisions or of differently optimised graphs.

Tensors are paired by name, but a name alone proves nothing: when a Relu is folded into the
quantizer behind it, the convolution before it takes over the Relu's name with values of another
meaning. So what quantises a tensor is looked at first, then who made it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from trueness.model import Describe, Dump, GraphOp, Pair, TensorRef, Unmatched
from trueness.pair.groups import Meeting, leftovers, meet

_QUANTIZE = "QuantizeLinear"
_DEQUANTIZE = "DequantizeLinear"
_TWIN = "_quantized.dequantized"
"""How the dump calls the real values of what an integer operator made."""
_FUSED = ("Fused", "Skip", "Bias", "Fast", "Quick", "QLinear", "QGemm", "Embed", "Reorder")
_FOLDED = ("BatchNormalization", "Add", "Sub", "Mul", "Div")
_FOLD_INTO = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""What constant folding can put into the weights and bias of what."""
_LAYOUT_OPS = ("ReorderInput", "ReorderOutput")
_QUANTISED = re.compile(r"_(quantized(_cast_output)?|scale|zero_point|quant_scales_mul)(:\d+)?\Z")
_CLIPPING = ("Relu", "Clip")
"""What a quantizer does by itself when its range begins or ends where these cut."""


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of my nodes, what golden has alone behind each run."""
    theirs, mine = _Side(golden), _Side(my)
    for met in meet(golden, my):
        if isinstance(met, Meeting):
            yield from _Meeting(theirs, mine, met).rows()
        else:
            yield met
    yield from leftovers(golden, my)


class _Side:
    """The graphs of a dump, which are one graph, run several times."""

    def __init__(self, dump: Dump) -> None:
        self.ops: Mapping[str, GraphOp] = dump.graphs[0].ops if dump.graphs else {}
        self.optimised = any(graph.optimised for graph in dump.graphs)
        self.consumers: defaultdict[str, list[GraphOp]] = defaultdict(list)
        for op in self.ops.values():
            for edge in op.inputs:
                self.consumers[edge].append(op)

    def dequantised(self, ref: TensorRef) -> str:
        """The DequantizeLinear that gives back what a QuantizeLinear made of this tensor, or ""."""
        for op in self.consumers[f"{ref.op_name}:{ref.index}"]:
            if op.type == _QUANTIZE:
                for behind in self.consumers[f"{op.name}:0"]:
                    if behind.type == _DEQUANTIZE:
                        return behind.name
        return ""


class _Meeting:
    """The tensors of one run on both sides."""

    def __init__(self, golden: _Side, my: _Side, met: Meeting) -> None:
        self._golden = golden
        self._my = my
        self._met = met
        self._theirs = {str(ref.member): ref for ref in met.golden}
        self._mine = {str(ref.member): ref for ref in met.my}
        self._taken: set[str] = set()
        self._replaced: dict[str, str] = {}

    def rows(self) -> Iterator[Pair | Unmatched]:
        partners = {name: self._partner(name, ref) for name, ref in self._theirs.items()}
        by_mine = {own: (name, how) for name, (own, how) in partners.items() if own}
        for own, ref in self._mine.items():
            if own in by_mine:
                name, how = by_mine[own]
                theirs = self._theirs[name]
                yield Pair(theirs, ref, how, self._doubt(theirs, ref, how))
            else:
                reason, expected = self._why_only_mine(own, ref)
                yield Unmatched(None, ref, reason, expected)
        for name, (own, _) in partners.items():
            if not own:
                yield self._only_golden(self._theirs[name])

    def _partner(self, name: str, ref: TensorRef) -> tuple[str, str]:
        """The name of my tensor and how it was found; two empty strings when there is none."""
        own = self._mine.get(name)
        if own is not None:
            behind = self._my.dequantised(own)
            if behind and not self._golden.dequantised(ref):
                found = next((n for n, r in self._mine.items() if r.op_name == behind), "")
                if found:
                    self._replaced[name] = found
                    return found, "tensor name, behind the quantizer"
            return name, "tensor name"
        twin = name + _TWIN
        if twin in self._mine:
            return ("", "") if self._clipped_by(ref) else (twin, "tensor name, dequantised")
        return self._folded_clip(ref)

    def _clipped_by(self, ref: TensorRef) -> str:
        """The golden operator behind this tensor that my quantizer does as well, or ""."""
        behind = self._golden.consumers[f"{ref.op_name}:{ref.index}"]
        if len(behind) != 1 or behind[0].type not in _CLIPPING:
            return ""
        made = [name for name, other in self._theirs.items() if other.op_name == behind[0].name]
        gone = not any(name in self._mine or name + _TWIN in self._mine for name in made)
        return behind[0].name if gone else ""

    def _folded_clip(self, ref: TensorRef) -> tuple[str, str]:
        """For a Relu that a quantizer does: what the operator before it made, dequantised."""
        if ref.op_type not in _CLIPPING:
            return "", ""
        for edge in self._golden.ops[ref.op_name].inputs[:1]:
            before = next((r for r in self._met.golden if f"{r.op_name}:{r.index}" == edge), None)
            twin = f"{before.member}{_TWIN}" if before else ""
            if before and twin in self._mine and self._clipped_by(before):
                return twin, f"dequantised; the quantizer does what {ref.op_type} did"
        return "", ""

    def _doubt(self, theirs: TensorRef, mine: TensorRef, how: str) -> str:
        doubt = self._met.doubt
        if how == "tensor name" and not _may_be_the_same(theirs.op_type, mine.op_type):
            made = f"golden is made by {theirs.op_type}, my by {mine.op_type}"
            return "; ".join(filter(None, (doubt, made)))
        return doubt

    def _why_only_mine(self, name: str, ref: TensorRef) -> tuple[str, bool]:
        if name in self._replaced:
            return (
                "as it was before the quantizer, which an operator may have been folded into; "
                f"compared is {self._replaced[name]}"
            ), True
        if name.endswith(_TWIN):
            return (
                "the real values of a quantised form; compared is what the graph makes of it",
                True,
            )
        if ref.op_type in (_QUANTIZE, "DynamicQuantizeLinear") or _QUANTISED.search(name):
            return "the quantised form of a tensor, or how it was quantised", True
        if ref.op_type in _LAYOUT_OPS or ref.op_name.endswith("_nchwc"):
            return (
                "its values lie in the blocked NCHWc layout of ONNX Runtime; level extended has "
                "them in order"
            ), True
        if ref.op_type == "Cast":
            return "a conversion that golden does without", True
        if self._my.optimised:
            return "made by the optimiser; golden has no tensor of this name", True
        return "golden has no tensor of this name", False

    def _only_golden(self, ref: TensorRef) -> Unmatched:
        if ref.op_type in (_QUANTIZE, "DynamicQuantizeLinear"):
            return Unmatched(ref, None, "the quantised form of a tensor", True)
        clip = self._clipped_by(ref)
        if clip and str(ref.member) + _TWIN in self._mine:
            return Unmatched(
                ref, None, f"my quantizer does {clip} as well, which is compared", True
            )
        if self._my.optimised:
            return Unmatched(ref, None, "fused away: my graph has no such tensor", True)
        return Unmatched(ref, None, "my dump has no tensor of this name")


def _may_be_the_same(golden: str, my: str) -> bool:
    """Whether two types of operators can stand for one result: a fused one ends with the golden
    operator, and casts change nothing but the precision."""
    if golden == my or "Cast" in (golden, my) or _DEQUANTIZE in (golden, my):
        return True
    if golden in _FOLDED and my in _FOLD_INTO:
        return True
    return any(kind.startswith(_FUSED) for kind in (golden, my))
