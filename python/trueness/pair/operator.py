"""One GE operator against the FX nodes it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from trueness.errors import FormatError
from trueness.model import Describe, Described, GraphOp, Pair, TensorRef, Unmatched, tensor_in
from trueness.pair import arguments
from trueness.pair.fusion import FusedNames, producer
from trueness.pair.graphs import node_of

Row = Pair | Unmatched
OBJECT_DTYPE = "'|O'"
NO_TENSOR = "a Python object, such as None or a dtype, and not a tensor"
PASS_THROUGH = ("Cast", "TransData")
"""GE inserts these; they change dtype or layout and no value, so they are their own golden."""


place_of = attrgetter("op_name", "io", "index", "nested")


class FxToken:
    """The FX tensors of one token, and which of them found a partner."""

    def __init__(self, refs: Iterable[TensorRef]) -> None:
        self._refs = {place_of(ref): ref for ref in refs}
        self._inputs: dict[str, list[TensorRef]] = {}
        inputs = [ref for ref in self._refs.values() if ref.io == "input"]
        for ref in sorted(inputs, key=lambda r: (r.index, r.nested)):
            self._inputs.setdefault(ref.op_name, []).append(ref)
        self.used: set[str] = set()
        """Paths, as the keys of `excused`."""
        self.excused: dict[str, tuple[str, bool]] = {}

    def inputs(self, node: str) -> list[TensorRef]:
        """In the order of the arguments, numbers by value: INPUT.10 after INPUT.2."""
        return self._inputs.get(node, [])

    def output(self, fx_name: str) -> TensorRef | None:
        node, index = node_of(fx_name)
        return self._refs.get((node, "output", index, ()))

    def use(self, ref: TensorRef) -> TensorRef:
        self.used.add(ref.path)
        return ref

    def excuse(self, ref: TensorRef, reason: str, expected: bool) -> None:
        """Gives the reason for the case that no other operator takes the tensor."""
        self.excused.setdefault(ref.path, (reason, expected))

    def unused(self) -> Iterator[tuple[TensorRef, str, bool]]:
        for ref in self._refs.values():
            if ref.path not in self.used:
                yield ref, *self.excused.get(ref.path, ("", False))


def pair_operator(
    names: FusedNames, ge: TensorRef, fx: FxToken, describe: Describe
) -> Iterator[Row]:
    """Every tensor of the GE file once, paired or not."""
    parts, doubt = names.parts_of(ge.op_name)
    if not parts:
        yield from inserted(ge, describe)
        return
    ops = [names.ops[part] for part in parts]
    if not any(name for op in ops for name in op.fx_names):
        yield Unmatched(None, ge, "a step inside a converter: names no FX tensor", expected=True)
        return
    try:
        tensors = headers(ge, describe)
    except (FormatError, OSError) as error:
        yield from _unreadable(ge, ops, fx, str(error))
        return
    inputs = [t for t in tensors if t.io == "input"]
    outputs = [t for t in tensors if t.io == "output"]
    how = "" if len(ops) == 1 else f", fused from {' + '.join(parts)}"
    for row in (*_inputs(ge, ops, inputs, fx, describe), *_outputs(ge, ops, outputs, fx, describe)):
        if isinstance(row, Pair) and (how or doubt):
            both = "; ".join(filter(None, (row.doubt, doubt)))
            row = replace(row, pairing=row.pairing + how, doubt=both)
        yield row


def inserted(ge: TensorRef, describe: Describe) -> Iterator[Row]:
    """An operator that is in no graph."""
    if not any(word in ge.op_type for word in PASS_THROUGH):
        reason = "not in the graph: inserted by the GE compiler"
        yield Unmatched(None, ge, reason, expected=True)
        return
    try:
        tensors = describe(ge)
    except (FormatError, OSError):
        yield Pair(ge, ge, "input against output")
        return
    inputs = {t.index for t in tensors if t.io == "input"}
    outputs = {t.index for t in tensors if t.io == "output"}
    for index in sorted(inputs | outputs):
        source, result = member(ge, "input", index), member(ge, "output", index)
        if index in inputs and index in outputs:
            yield Pair(source, result, f"input against output of the inserted {ge.op_type}")
        else:
            lone = source if index in inputs else result
            yield Unmatched(None, lone, f"{ge.op_type} without a counterpart", expected=True)


def _unreadable(ge: TensorRef, ops: list[GraphOp], fx: FxToken, why: str) -> Iterator[Row]:
    """The engine meets the same error and makes it the state of these rows."""
    names = list(enumerate(ops[-1].fx_names))
    pairs = [(k, ref) for k, name in names if name and (ref := fx.output(name))]
    for k, ref in pairs:
        yield Pair(fx.use(ref), member(ge, "output", k), "FX name")
    for node in dict.fromkeys(node for op in ops for node in nodes_of(op)):
        for ref in fx.inputs(node):
            fx.excuse(ref, f"my file cannot be read: {why}", False)
    if not pairs:
        yield Unmatched(None, ge, f"cannot be read: {why}")


def _outputs(
    ge: TensorRef,
    ops: list[GraphOp],
    outputs: list[Described],
    fx: FxToken,
    describe: Describe,
) -> Iterator[Row]:
    last = ops[-1].fx_names
    for op in ops[:-1]:
        for name in op.fx_names:
            inner = fx.output(name) if name else None
            if inner:
                reason = f"inside the fused operator {ge.op_name}: not written to memory"
                fx.excuse(inner, reason, expected=True)
    if len(ops) > 1 and len(outputs) > len(last):
        yield from _fused_outputs(ge, ops, outputs, fx, describe)
        return
    for tensor in outputs:
        name = last[tensor.index] if tensor.index < len(last) else ""
        my = member(ge, "output", tensor.index)
        golden = fx.output(name) if name else None
        if golden:
            yield Pair(fx.use(golden), my, "FX name")
        elif name:
            yield Unmatched(None, my, f"golden has no file of FX tensor {name}")
        else:
            yield Unmatched(None, my, "names no FX tensor", expected=True)


def _fused_outputs(
    ge: TensorRef,
    ops: list[GraphOp],
    outputs: list[Described],
    fx: FxToken,
    describe: Describe,
) -> Iterator[Row]:
    """A fused operator also writes those inner tensors that others read; which, shapes tell."""
    found = (fx.output(name) for op in ops for name in op.fx_names if name)
    candidates = [ref for ref in found if ref]
    yield from _aligned(ge, candidates, outputs, fx, describe, "output shape")


def _inputs(
    ge: TensorRef,
    ops: list[GraphOp],
    inputs: list[Described],
    fx: FxToken,
    describe: Describe,
) -> Iterator[Row]:
    candidates = _outer_inputs(ge, ops, fx)
    if not inputs:
        for ref in candidates:
            fx.excuse(ref, "my operator was dumped without inputs", expected=True)
        return
    yield from _aligned(ge, candidates, inputs, fx, describe, "input shape")


def _outer_inputs(ge: TensorRef, ops: list[GraphOp], fx: FxToken) -> list[TensorRef]:
    """FX inputs of the nodes, without those that one part hands to the next: where the edge of an
    argument comes from a part, the argument at its place never left the fused operator."""
    parts = {op.name for op in ops}
    candidates: list[TensorRef] = []
    seen: set[str] = set()
    for op in ops:
        inner = {i for i, edge in enumerate(op.inputs) if producer(edge) in parts}
        for node in nodes_of(op):
            if node in seen:
                continue
            seen.add(node)
            for place, ref in _places(fx.inputs(node)):
                if place in inner:
                    fx.excuse(ref, f"inside the fused operator {ge.op_name}", expected=True)
                else:
                    candidates.append(ref)
    return candidates


def _places(inputs: Sequence[TensorRef]) -> Iterator[tuple[int, TensorRef]]:
    """The place of each among the edges, where a list counts as its elements. A file that is gone
    leaves its place empty."""
    lengths: dict[int, int] = {}
    for ref in inputs:
        if ref.nested:
            lengths[ref.index] = max(lengths.get(ref.index, 0), ref.nested[0] + 1)
    extra, last = 0, -1
    for ref in inputs:
        if ref.index != last:
            extra += max(0, lengths.get(last, 1) - 1)
            last = ref.index
        yield ref.index + extra + (ref.nested[0] if ref.nested else 0), ref


def _aligned(
    ge: TensorRef,
    candidates: list[TensorRef],
    tensors: list[Described],
    fx: FxToken,
    describe: Describe,
    how: str,
) -> Iterator[Row]:
    described = [describe_one(ref, describe) for ref in candidates]
    known = [seen if isinstance(seen, Described) else None for seen in described]
    absent = "" if candidates else "golden has no file of its FX node"
    partners = {match.my: match for match in arguments.align(known, tensors)}
    for place, tensor in enumerate(tensors):
        my = member(ge, tensor.io, tensor.index)
        match = partners.get(place)
        if match:
            yield Pair(fx.use(candidates[match.golden]), my, how, match.doubt)
        else:
            reason, expected = (absent, False) if absent else _no_partner(tensor)
            yield Unmatched(None, my, reason, expected)
    taken = {match.golden for match in partners.values()}
    for place, (ref, seen) in enumerate(zip(candidates, described, strict=True)):
        if place not in taken:
            fx.excuse(ref, *_no_counterpart(seen))


def describe_one(ref: TensorRef, describe: Describe) -> Described | str:
    """The tensor, or why there is none: NO_TENSOR or an error."""
    try:
        tensors = describe(ref)
    except FormatError as error:
        return NO_TENSOR if OBJECT_DTYPE in error.found else str(error)
    except OSError as error:
        return str(error)
    return tensors[0] if len(tensors) == 1 else f"{ref.path}: holds {len(tensors)} tensors"


def _no_partner(tensor: Described) -> tuple[str, bool]:
    if not tensor.dtype:
        return f"fewer FX {tensor.io}s than GE ones, and shapes are not known", False
    shape = list(tensor.shape)
    if _is_number_or_list(tensor):
        return f"a constant of shape {shape} that no FX argument has", True
    return f"no FX {tensor.io} of the node has shape {shape}", False


def _no_counterpart(tensor: Described | str) -> tuple[str, bool]:
    if isinstance(tensor, str):
        return tensor, tensor == NO_TENSOR
    if not tensor.dtype:
        return "fewer GE tensors than FX ones, and shapes are not known", False
    if _is_number_or_list(tensor):
        return "a Python number or list that GE has no tensor for", True
    return f"no GE {tensor.io or 'tensor'} has shape {list(tensor.shape)}", False


def _is_number_or_list(tensor: Described) -> bool:
    whole = tensor.dtype.startswith(("int", "uint", "bool"))
    return not tensor.shape or (whole and len(tensor.shape) == 1 and tensor.shape[0] <= 8)


def nodes_of(op: GraphOp) -> Sequence[str]:
    return tuple(dict.fromkeys(node_of(name)[0] for name in op.fx_names if name))


def headers(ge: TensorRef, describe: Describe) -> list[Described]:
    """The tensors of an operator. Of one cut into slices only the first is looked at, which does
    not tell the shape of the whole."""
    found = list(describe(ge))
    return [t._replace(dtype="", shape=()) for t in found] if ge.shards else found


def member(ref: TensorRef, io: str, index: int) -> TensorRef:
    """A tensor of an operator's file."""
    return tensor_in(ref, (io, index), io, index)
