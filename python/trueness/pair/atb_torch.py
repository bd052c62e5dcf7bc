"""ATB against torch modules: two trees that are cut differently. Layers meet by their place, parts
of layers by what they are, inputs only where a rule names them; what no rule knows is listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from trueness.model import Describe, Dump, Pair, Unmatched
from trueness.pair import atb_packed, outline, partners
from trueness.pair.outline import Node
from trueness.pair.partners import Operators, Partner

Synonyms = Mapping[str, Sequence[str]]
"""ATB types to the torch types they stand for."""

_LAST_LINEAR = re.compile(r"o_proj|out_proj|c_proj|dense|down_proj|dense_4h_to_h|w2")
_INPUTS = "ATB counts weights among the inputs and torch does not; outputs are compared"


def pair(
    golden: Dump, my: Dump, describe: Describe, synonyms: Synonyms | None = None
) -> Iterator[Pair | Unmatched]:
    """`golden` is torch, `my` ATB. In the order of my dump; what has no partner is a row."""

    def match(theirs: Operators, mine: Operators) -> dict[str, Partner]:
        found = dict(_pairs(outline.modules_of(theirs), outline.tree_of(mine), synonyms or {}))
        return {name: p for name, p in found.items() if name in mine and p.golden in theirs}

    for row in partners.rows(golden, my, match, _why, spread=True, made=_made):
        lone = row.golden or row.my
        if isinstance(row, Unmatched) and not row.expected and lone and lone.io == "input":
            yield replace(row, reason=_INPUTS, expected=True)
        else:
            yield row


def _made(theirs: Operators, mine: Operators) -> dict[str, Pair]:
    """What is not one operator against one."""
    torch, atb = outline.modules_of(theirs), outline.tree_of(mine)
    found: dict[str, Pair] = {}
    shared = _tables(torch)
    for layer, own in _layers(torch, atb):
        pairs = [*atb_packed.rope(_tables(layer) or shared, own, theirs, mine)]
        for kind, golden, my in _same_blocks(layer, own):
            pairs += atb_packed.projections(golden, my, kind, theirs, mine)
            if kind == "mlp":
                pairs += atb_packed.activations(golden, my, theirs, mine)
        for pair in pairs:
            found.setdefault(pair.my.path, pair)
    return found


def _tables(node: Node) -> list[Node]:
    """The rotary modules, also where layers have their own."""
    return [part for part in outline.below(node) if "rotary" in part.name.lower()]


def _why(others: Operators, side: str) -> Callable[[str], str]:
    return lambda name: f"no rule says what it is in the {side} dump; an op mapping file may"


def _pairs(torch: Node, atb: Node, synonyms: Synonyms) -> Iterator[tuple[str, Partner]]:
    for kind, golden, my in _same_units(torch, atb):
        yield my.path, Partner(golden.path, f"{kind} of the model")
        if kind == "layer":
            yield from _layer(golden, my, synonyms)


def _same_units(torch: Node, atb: Node) -> Iterator[tuple[str, Node, Node]]:
    """(kind, torch, ATB) of what the models are made of, where both have as many of the kind."""
    theirs, mine = list(outline.torch_outline(torch)), list(outline.atb_outline(atb))
    for kind in dict.fromkeys(kind for kind, _ in mine):
        golden = [node for other, node in theirs if other == kind]
        my = [node for other, node in mine if other == kind]
        if kind and len(golden) == len(my):
            yield from ((kind, g, m) for g, m in zip(golden, my, strict=True))


def _layers(torch: Node, atb: Node) -> Iterator[tuple[Node, Node]]:
    yield from ((g, m) for kind, g, m in _same_units(torch, atb) if kind == "layer")


def _layer(torch: Node, atb: Node, synonyms: Synonyms) -> Iterator[tuple[str, Partner]]:
    """Later rules give way to earlier ones, the user's come first."""
    found: dict[str, Partner] = {}
    for rule in (_by_synonyms(torch, atb, synonyms), _blocks(torch, atb), _norms(torch, atb)):
        taken = {partner.golden for partner in found.values()}
        for name, partner in rule:
            if name not in found and partner.golden not in taken:
                found[name] = partner
    yield from found.items()


def _by_synonyms(torch: Node, atb: Node, synonyms: Synonyms) -> Iterator[tuple[str, Partner]]:
    for kind, types in synonyms.items():
        my = [node for node in outline.below(atb) if outline.kind_of(node.name) == kind]
        golden = [node for node in outline.below(torch) if node.kind in types]
        yield from _in_order(golden, my, f"op mapping: {kind}")


def _blocks(torch: Node, atb: Node) -> Iterator[tuple[str, Partner]]:
    for kind, golden, my in _same_blocks(torch, atb):
        yield my.path, Partner(golden.path, f"{kind} of the layer")
        yield from _linears(golden, my, kind)


def _same_blocks(torch: Node, atb: Node) -> Iterator[tuple[str, Node, Node]]:
    """(kind, torch, ATB) of the attention and the mlp of a layer."""
    for kind in ("attention", "mlp"):
        golden = [node for node in torch.parts.values() if outline.part_of(node) == kind]
        my = [node for node in atb.parts.values() if outline.part_of(node) == kind]
        if len(golden) == len(my) == 1:
            yield kind, golden[0], my[0]


def _linears(torch: Node, atb: Node, kind: str) -> Iterator[tuple[str, Partner]]:
    golden, my = outline.leaves(torch, "linear"), outline.leaves(atb, "linear")
    if len(golden) == len(my):
        yield from _in_order(golden, my, f"linear of {kind}")
        return
    last = [node for node in golden if _LAST_LINEAR.fullmatch(node.name)]
    outside = [node for node in my if "qkv" not in node.path.lower()]
    if outside and len(last) == 1:
        doubt = f"taken for the last linear of {kind}: {len(golden)} golden and {len(my)} of my"
        yield outside[-1].path, Partner(last[0].path, f"linear of {kind}", doubt)


def _norms(torch: Node, atb: Node) -> Iterator[tuple[str, Partner]]:
    yield from _in_order(
        outline.leaves(torch, "norm"), outline.leaves(atb, "norm"), "norm of the layer"
    )


def _in_order(
    golden: Sequence[Node], my: Sequence[Node], how: str
) -> Iterator[tuple[str, Partner]]:
    if len(golden) != len(my):
        return
    doubt = "in the order of definition, which may not be that of execution" if len(my) > 1 else ""
    for g, m in zip(golden, my, strict=True):
        yield m.path, Partner(g.path, how, doubt)
