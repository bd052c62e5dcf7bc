"""Tensors of the same name inside files, whichever of its side's files each is in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from trueness.errors import FormatError
from trueness.model import Describe, Described, Dump, Member, Pair, State, TensorRef, Unmatched
from trueness.pair.by_name import stem

_QUANTISING = re.compile(
    r"\.(?:weight_scale|weight_offset|input_scale|input_offset|deq_scale|quant_bias)$"
)
"""What lies beside a quantised weight and has no float counterpart."""


@dataclass(slots=True)
class Contents:
    """Where each name is; `unreadable` are files that did not say what they hold."""

    named: dict[str, list[TensorRef]] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[TensorRef, str]] = field(default_factory=list)


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of the golden files and of the tensors in them, then what only my files hold.
    A name that several files of a side hold is paired between files of one name, else not at all.
    A float weight meets an int8 one by what that stands for. Every header is read before the first
    pair."""
    theirs, mine = contents(golden, describe), contents(my, describe)
    for ref, reason in theirs.unreadable:
        yield Unmatched(ref, None, reason, state=State.UNREADABLE)
    for ref, reason in mine.unreadable:
        yield Unmatched(None, ref, reason, state=State.UNREADABLE)
    for name, refs in theirs.named.items():
        others = mine.named.pop(name, [])
        if len(refs) == len(others) == 1:
            yield _same_name(refs[0], others[0], theirs, mine)
        else:
            yield from _several(refs, others, mine)
    for refs in mine.named.values():
        yield from (_only_mine(ref, theirs, mine) for ref in refs)
    yield from (Unmatched(left.ref, None, left.reason, left.expected) for left in golden.leftover)
    yield from (Unmatched(None, left.ref, left.reason, left.expected) for left in my.leftover)


def _same_name(golden: TensorRef, my: TensorRef, theirs: Contents, mine: Contents) -> Pair:
    dtypes = theirs.dtypes[golden.op_name], mine.dtypes[my.op_name]
    if "int8" not in dtypes or dtypes[0] == dtypes[1]:
        return Pair(golden, my, "tensor name")
    parts = [mine.named.get(f"{my.op_name}_{what}", []) for what in ("scale", "offset")]
    if dtypes[1] == "int8" and all(len(refs) == 1 for refs in parts):
        quantised = tuple(refs[0] for refs in parts)
        how = "tensor name; my int8 weight times its scale"
        return Pair(golden, replace(my, quantised=quantised), how)
    doubt = f"{dtypes[0]} against {dtypes[1]}, and no scale and offset to dequantise mine with"
    if dtypes[0] == "int8":
        doubt = f"int8 against {dtypes[1]}: only my side is dequantised"
    return Pair(golden, my, "tensor name", doubt)


def _only_mine(ref: TensorRef, theirs: Contents, mine: Contents) -> Unmatched:
    stem = _QUANTISING.sub("", ref.op_name)
    weight = f"{stem}.weight"
    if stem != ref.op_name and mine.dtypes.get(weight) == "int8" and weight in theirs.named:
        return Unmatched(None, ref, f"belongs to how {weight} was quantised", expected=True)
    return Unmatched(None, ref, _missing("golden", theirs))


def tensors_of(ref: TensorRef, described: Sequence[Described]) -> list[TensorRef]:
    """One reference for each tensor of a file. `op_name` is the name of the tensor, for a file of
    one without a name that of the file."""
    found = []
    for place, tensor in enumerate(described):
        member: Member = (tensor.io, tensor.index) if tensor.io else tensor.name
        own = tensor.name or stem(ref.op_name)
        name = f"{stem(ref.op_name)}/{tensor.io}.{tensor.index}" if tensor.io else own
        found.append(
            replace(ref, member=member, op_name=name, io=tensor.io, index=tensor.index, order=place)
        )
    return found


def contents(dump: Dump, describe: Describe) -> Contents:
    """The tensors of all files of a dump by name."""
    found = Contents()
    for file in dump.tensors:
        try:
            described = describe(file)
        except (FormatError, OSError, MemoryError) as error:
            found.unreadable.append((file, str(error) or type(error).__name__))
            continue
        for ref, tensor in zip(tensors_of(file, described), described, strict=True):
            found.named.setdefault(ref.op_name, []).append(ref)
            found.dtypes[ref.op_name] = tensor.dtype
    return found


def _several(
    refs: list[TensorRef], others: list[TensorRef], mine: Contents
) -> Iterator[Pair | Unmatched]:
    if not others:
        yield from (Unmatched(ref, None, _missing("my", mine)) for ref in refs)
        return
    files = sorted({ref.path for ref in (*refs, *others)})
    reason = f"{len(refs)} golden and {len(others)} my files hold this name: {', '.join(files[:4])}"
    left = {_file(ref): ref for ref in refs}
    right = {_file(ref): ref for ref in others}
    if len(left) < len(refs) or len(right) < len(others):
        left, right = {}, {}
    for ref in refs:
        partner = right.get(_file(ref)) if left else None
        if partner:
            yield Pair(ref, partner, "tensor name in files of one name")
        else:
            yield Unmatched(ref, None, reason)
    for ref in others:
        if _file(ref) not in left:
            yield Unmatched(None, ref, reason)


def _file(ref: TensorRef) -> str:
    """What is left of a path when the folders that differ are gone: the name without its suffix."""
    return stem(ref.path.rpartition("/")[2])


def _missing(side: str, contents: Contents) -> str:
    reason = f"no {side} file holds a tensor of this name"
    count = len(contents.unreadable)
    return f"{reason}, and {count} cannot be read" if count else reason
