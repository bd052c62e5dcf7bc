"""One GE operator, fused or not, against the golden operators that were not fused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trueness.errors import FormatError
from trueness.model import Describe, Described, Pair, TensorRef, Unmatched
from trueness.pair import arguments
from trueness.pair.fusion import FusedNames, producer
from trueness.pair.ge_token import GeToken, Tensor
from trueness.pair.operator import Row, headers, inserted, member

FUSED_TYPE = "AutomaticBufferFusionOp"
_RENUMBERED = "inserted by the GE compiler, which may number two compilations differently"


def pair_operator(
    names: FusedNames, ge: TensorRef, golden: GeToken, describe: Describe
) -> Iterator[Row]:
    """Every tensor of my file once, paired or not."""
    parts, doubt = names.parts_of(ge.op_name)
    same = golden.operator(ge.op_name)
    if same:
        yield from _same(ge, same, golden, describe, "" if parts else _RENUMBERED)
    elif len(parts) > 1:
        for row in _Fused(names, ge, parts, golden).rows(describe):
            if isinstance(row, Pair):
                both = "; ".join(filter(None, (row.doubt, doubt)))
                how = f"{row.pairing}, fused from {' + '.join(parts)}"
                row = replace(row, pairing=how, doubt=both)
            yield row
    elif parts:
        yield Unmatched(None, ge, f"golden has no file of operator {ge.op_name}")
    elif FUSED_TYPE in ge.op_type:
        yield Unmatched(None, ge, "the fused name is not made of names of the graph alone")
    else:
        yield from inserted(ge, describe)


def _same(
    ge: TensorRef, same: TensorRef, golden: GeToken, describe: Describe, doubt: str
) -> Iterator[Row]:
    if ge.op_type != same.op_type:
        doubt = f"of type {same.op_type} in golden and {ge.op_type} in my dump"
    theirs = golden.tensors(ge.op_name)
    try:
        mine = headers(ge, describe)
    except (FormatError, OSError):
        mine = None
    if mine is None or isinstance(theirs, str):
        if not isinstance(theirs, str):
            for ref, _ in theirs:
                golden.use(ref)
        # The engine meets the same error and makes it the state of the row.
        yield Pair(golden.use(same), ge, "operator name", doubt)
        return
    for io in ("input", "output"):
        candidates = [t for t in theirs if t[1].io == io]
        own = [t for t in mine if t.io == io]
        if len(candidates) == len(own):
            for (ref, _), tensor in zip(candidates, own, strict=True):
                yield Pair(golden.use(ref), member(ge, io, tensor.index), "operator name", doubt)
        else:
            for row in _aligned(ge, candidates, own, golden, f"operator name and {io} shape"):
                yield replace(row, doubt=row.doubt or doubt) if isinstance(row, Pair) else row


class _Fused:
    """A fused operator and the golden operators it stands for."""

    def __init__(
        self, names: FusedNames, ge: TensorRef, parts: Sequence[str], golden: GeToken
    ) -> None:
        self._ge = ge
        self._golden = golden
        self._ops = [names.ops[part] for part in parts]
        self._parts = {part: golden.tensors(part) for part in parts}
        self._inside = f"inside the fused operator {ge.op_name}: not written to memory"
        lacking = [part for part, found in self._parts.items() if isinstance(found, str)]
        self._lacking = f"golden has no readable file of part {', '.join(lacking)}"
        self._complete = not lacking

    def rows(self, describe: Describe) -> Iterator[Row]:
        try:
            tensors = headers(self._ge, describe)
        except (FormatError, OSError) as error:
            why = f"cannot be read: {error}"
            for ref, _ in self._of("input") + self._of("output"):
                self._golden.excuse(ref, f"my file {why}", expected=False)
            yield Unmatched(None, self._ge, why)
            return
        yield from self._inputs([t for t in tensors if t.io == "input"])
        yield from self._outputs([t for t in tensors if t.io == "output"])

    def _of(self, io: str) -> list[Tensor]:
        found = (tensors for tensors in self._parts.values() if not isinstance(tensors, str))
        return [tensor for tensors in found for tensor in tensors if tensor[1].io == io]

    def _inputs(self, mine: Sequence[Described]) -> Iterator[Row]:
        """Golden inputs are told by the edges they come in by: one that comes from another part
        never left the fused operator, and one that two parts read is one input of mine."""
        candidates: list[Tensor] = []
        seen: set[str] = set()
        for op in self._ops:
            for ref, tensor in self._of_part(op.name, "input"):
                edge = op.inputs[tensor.index] if tensor.index < len(op.inputs) else ""
                if producer(edge) in self._parts:
                    self._golden.excuse(ref, self._inside, expected=True)
                elif edge in seen:
                    self._golden.excuse(ref, f"{edge} again, read by two parts", expected=True)
                else:
                    candidates.append((ref, tensor))
                    seen.update((edge,) if edge else ())
        if not mine:
            for ref, _ in candidates:
                self._golden.excuse(ref, "my operator was dumped without inputs", expected=True)
            return
        for row in _aligned(self._ge, candidates, mine, self._golden, "producer edge and shape"):
            if not self._complete and isinstance(row, Pair):
                row = replace(row, doubt=row.doubt or self._lacking)
            elif not self._complete and isinstance(row, Unmatched):
                row = replace(row, reason=f"{row.reason}; {self._lacking}", expected=False)
            yield row

    def _outputs(self, mine: Sequence[Described]) -> Iterator[Row]:
        """What leaves the operator comes from the part that no other part reads. A fused operator
        with more outputs also writes inner tensors that others read; which, shapes tell."""
        read = {producer(edge) for op in self._ops for edge in op.inputs}
        last = [op.name for op in self._ops if op.name not in read]
        final = self._parts[last[-1]] if last else ""
        if len(last) != 1 or (not isinstance(final, str) and len(mine) > self._count(last[0])):
            yield from self._several_outputs(mine)
            return
        for ref, _ in self._of("output"):
            fewer = f"{self._ge.op_name} was dumped with fewer outputs"
            inner = ref.op_name != last[0]
            self._golden.excuse(ref, self._inside if inner else fewer, expected=inner)
        source = self._golden.operator(last[0])
        for tensor in mine:
            my = member(self._ge, "output", tensor.index)
            if source is None:
                yield Unmatched(None, my, f"{final}, the last part of {self._ge.op_name}")
            elif isinstance(final, str):
                self._golden.use(source)
                yield Pair(member(source, "output", tensor.index), my, "last part")
            else:
                ref = member(source, "output", tensor.index)
                yield Pair(self._golden.use(ref), my, "last part")

    def _several_outputs(self, mine: Sequence[Described]) -> Iterator[Row]:
        candidates = self._of("output")
        for row in _aligned(self._ge, candidates, mine, self._golden, "output shape"):
            if not self._complete and isinstance(row, Pair):
                row = replace(row, doubt=row.doubt or self._lacking)
            yield row
        for ref, _ in candidates:
            self._golden.excuse(ref, self._inside, expected=True)

    def _of_part(self, part: str, io: str) -> list[Tensor]:
        found = self._parts[part]
        return [] if isinstance(found, str) else [t for t in found if t[1].io == io]

    def _count(self, part: str) -> int:
        return len(self._of_part(part, "output"))


def _aligned(
    ge: TensorRef,
    candidates: Sequence[Tensor],
    mine: Sequence[Described],
    golden: GeToken,
    how: str,
) -> Iterator[Row]:
    matches = {m.my: m for m in arguments.align([tensor for _, tensor in candidates], mine)}
    for place, tensor in enumerate(mine):
        my = member(ge, tensor.io, tensor.index)
        match = matches.get(place)
        if match:
            yield Pair(golden.use(candidates[match.golden][0]), my, how, match.doubt)
        else:
            yield Unmatched(None, my, f"no golden {tensor.io} has shape {list(tensor.shape)}")
    taken = {match.golden for match in matches.values()}
    for place, (ref, tensor) in enumerate(candidates):
        if place not in taken:
            reason = f"no {tensor.io} of {ge.op_name} has shape {list(tensor.shape)}"
            golden.excuse(ref, reason, expected=False)
