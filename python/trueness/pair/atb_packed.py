"""Where ATB computes in one operator what torch does in several: q, k and v, or gate and up, as one
projection, the activation with its gate, and the rotary tables that each rope operator is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trueness.model import Pair, TensorRef
from trueness.pair import outline
from trueness.pair.outline import Node
from trueness.pair.partners import Operators

PROJECTIONS: Mapping[str, Sequence[str]] = {
    "attention": ("q_proj", "k_proj", "v_proj"),
    "mlp": ("gate_proj", "up_proj"),
}
_COS, _SIN, _LENGTH = 2, 3, 4
"""Which inputs of a rope operator these are; the first two are what it turns."""


def projections(
    torch: Node, atb: Node, kind: str, theirs: Operators, mine: Operators
) -> Iterator[Pair]:
    """`torch` and `atb` are the same attention or mlp. The same golden tensor may be in several
    pairs: with the packed projection and with what it is split into."""
    names = PROJECTIONS[kind]
    separate = [part for node in _named(torch, names) if (part := _output(theirs, node.path))]
    if len(separate) != len(names):
        return
    pack = next((node for node in outline.below(atb) if "qkv" in node.kind.lower()), None)
    inside = [*([pack] if pack else []), *outline.below(pack or atb)]
    linears = [n for n in inside if not n.parts and outline.part_of(n) == "linear"]
    # Without a node around the packed projection the last linear is the one behind it.
    if len(linears) == (1 if pack else 2):
        yield from _packed(names, separate, linears[0], mine)
    elif pack and len(linears) == len(names):
        doubt = f"taken for {', '.join(names)} in this order"
        for golden, node in zip(separate, linears, strict=True):
            output = _output(mine, node.path)
            if output:
                yield Pair(golden, output, f"linear of {pack.name}", doubt)
    for node in inside:
        outputs = _outputs(mine, node.path)
        if node is pack and node.parts and len(outputs) == 1:
            yield from _packed(names, separate, node, mine)
        elif (node is pack or "split" in node.kind.lower()) and len(outputs) == len(names):
            for name, golden, output in zip(names, separate, outputs, strict=True):
                yield Pair(golden, output, f"{name} is output {output.index} of {node.name}")


def _packed(
    names: Sequence[str], separate: Sequence[TensorRef], node: Node, mine: Operators
) -> Iterator[Pair]:
    """The separate tensors one behind the other against the one that holds all."""
    my = _output(mine, node.path)
    if my is None:
        return
    first, *others = separate
    paths = [path for ref in others for path in (ref.path, *ref.shards)]
    listed = ", ".join(names)
    doubt = f"taken for packed in the order {listed}"
    golden = replace(first, shards=(*first.shards, *paths))
    # Each of several cards has its part of all of them.
    my = replace(my, packed=len(names)) if my.shards else my
    yield Pair(golden, my, f"{listed} together are {node.name}", doubt)


def activations(torch: Node, atb: Node, theirs: Operators, mine: Operators) -> Iterator[Pair]:
    """Of an mlp whose projections are gated. What ATB computes in one operator with the gate is
    what torch gives to the last projection."""
    act, down = _named(torch, ("act_fn",)), _named(torch, ("down_proj",))
    leaves = [node for node in outline.below(atb) if not node.parts]
    own = [node for node in leaves if "activation" in node.kind.lower()]
    gates = [node for node in leaves if "elewise" in node.kind.lower()]
    if len(own) != 1 or len(gates) > 1:
        return
    given = next((r for n in down for r in theirs.get(n.path, []) if _is_first_input(r)), None)
    gated = gates or own
    out = _output(mine, gated[0].path)
    if given and out:
        doubt = "" if gates else f"{own[0].name} is taken for the activation and its gate"
        yield Pair(given, out, f"{gated[0].name} makes the input of down_proj", doubt)
    golden, my = (_output(theirs, act[0].path) if act else None), _output(mine, own[0].path)
    if gates and golden and my:
        yield Pair(golden, my, "activation of the mlp")


def rope(tables: Sequence[Node], atb: Node, theirs: Operators, mine: Operators) -> Iterator[Pair]:
    """What torch's rotary module gives is what ATB's rope operators below `atb` are given."""
    outputs = _outputs(theirs, tables[0].path) if len(tables) == 1 else []
    if len(outputs) != 2:
        return
    for node in outline.below(atb):
        # As they were before the operator ran, where both were dumped.
        inputs = [ref for ref in mine.get(node.path, ()) if ref.io == "input"]
        given = {ref.index: ref for ref in sorted(inputs, key=lambda ref: ref.argument)}
        if node.kind.lower() == "ropeoperation" and set(given) == set(range(5)):
            for golden, index, name in zip(outputs, (_COS, _SIN), ("cos", "sin"), strict=True):
                table = replace(golden, length=given[_LENGTH].path)
                yield Pair(table, given[index], f"{name} of {tables[0].name}")


def _named(block: Node, names: Sequence[str]) -> list[Node]:
    found = {node.name: node for node in outline.below(block)}
    return [found[name] for name in names if name in found]


def _output(refs: Operators, path: str) -> TensorRef | None:
    """The only one, or None."""
    outputs = _outputs(refs, path)
    return outputs[0] if len(outputs) == 1 else None


def _outputs(refs: Operators, path: str) -> list[TensorRef]:
    found = [ref for ref in refs.get(path, ()) if ref.io == "output"]
    return sorted(found, key=lambda ref: (ref.index, ref.nested))


def _is_first_input(ref: TensorRef) -> bool:
    return ref.io == "input" and ref.index == 0 and not ref.nested
