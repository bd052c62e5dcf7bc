"""How deep into a model a comparison looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from trueness.errors import UsageError
from trueness.model import Dump, Pair, TensorRef, Unmatched
from trueness.pair import outline

LEVELS = ("layer", "module", "api", "logits")
_OUTLINES = {
    "atb": (outline.tree_of, outline.atb_outline),
    "torch_modules": (outline.modules_of, outline.torch_outline),
}


def at_level(
    level: str,
    golden: Dump,
    my: Dump,
    items: Iterable[Pair | Unmatched],
    skipped: Counter[str],
) -> Iterator[Pair | Unmatched]:
    """Only rows of that level: "layer" what the model is made of, "module" what its layers are made
    of, "api" what is made of nothing else, "logits" what comes out at the end. Raises UsageError
    for another level, or for layouts that know none."""
    if level not in LEVELS:
        raise UsageError(f"no level is called {level!r}; known: {', '.join(LEVELS)}")
    theirs, mine = _members(level, golden), _members(level, my)
    return _kept(theirs, mine, items, skipped)


def _kept(
    theirs: frozenset[str],
    mine: frozenset[str],
    items: Iterable[Pair | Unmatched],
    skipped: Counter[str],
) -> Iterator[Pair | Unmatched]:
    for item in items:
        sides = (theirs, item.golden), (mine, item.my)
        if any(ref and (not ref.op_name or ref.op_name in names) for names, ref in sides):
            yield item
        else:
            skipped["level"] += 1


def _members(level: str, dump: Dump) -> frozenset[str]:
    if dump.layout not in _OUTLINES:
        raise UsageError(f"levels are known of {' and '.join(_OUTLINES)} dumps, not {dump.layout}")
    tree_of, outline_of = _OUTLINES[dump.layout]
    tree = tree_of(_by_name(dump.tensors))
    if level == "api":
        return frozenset(node.path for node in outline.below(tree) if not node.parts)
    units = list(outline_of(tree))
    if level == "layer":
        return frozenset(node.path for _, node in units)
    if level == "module":
        layers = [node for kind, node in units if kind == "layer"]
        return frozenset(part.path for layer in layers for part in layer.parts.values())
    last = [node for kind, node in units if kind == "head"] or [node for _, node in units]
    return frozenset(node.path for node in last[-1:])


def _by_name(refs: Sequence[TensorRef]) -> dict[str, list[TensorRef]]:
    found: dict[str, list[TensorRef]] = {}
    for ref in refs:
        found.setdefault(ref.op_name, []).append(ref)
    return found
