"""Tensors that the user says belong together; what no rule speaks of is paired by equal names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trueness.errors import FormatError, UsageError
from trueness.model import Describe, Dump, Pair, State, TensorRef, Unmatched
from trueness.pair.by_name import stem
from trueness.pair.by_tensor_name import contents, tensors_of
from trueness.pair.mapping_file import NameMapping, Rule, glob_pattern

Row = Pair | Unmatched


def pair(golden: Dump, my: Dump, describe: Describe, mapping: NameMapping) -> Iterator[Row]:
    """In golden order, then what only my side has. Exact pairs come before globs, these before
    renames and equal names; names that one kind of rule brings together with several others are
    not paired at all. Raises UsageError for a rename whose golden text has no such group."""
    theirs, mine = _Names(golden, describe), _Names(my, describe)
    match = _Match(theirs, mine)
    match.accept(_exact(mapping.pairs, match))
    match.accept(_by_globs(mapping.globs, match))
    match.accept(_by_renames(mapping.renames, match))
    match.accept([(name, name, "name") for name in match.golden if name in match.my])
    match.accept(_but_for_the_suffix(match))
    for ref, reason in theirs.unreadable:
        yield Unmatched(ref, None, reason, state=State.UNREADABLE)
    for ref, reason in mine.unreadable:
        yield Unmatched(None, ref, reason, state=State.UNREADABLE)
    for name, reason in match.unknown:
        yield Unmatched(TensorRef(mapping.path, op_name=name), None, reason)
    for name, refs in theirs.refs.items():
        if name in match.partners:
            partner, how = match.partners[name]
            yield from _tensors(refs, mine.refs[partner], how, describe)
        else:
            yield from (Unmatched(ref, None, match.why(name, "my")) for ref in refs)
    taken = {partner for partner, _ in match.partners.values()}
    for name, refs in mine.refs.items():
        if name not in taken:
            yield from (Unmatched(None, ref, match.why(name, "golden")) for ref in refs)
    yield from (Unmatched(left.ref, None, left.reason, left.expected) for left in golden.leftover)
    yield from (Unmatched(None, left.ref, left.reason, left.expected) for left in my.leftover)


class _Names:
    """The tensors of a side by what the rules call them."""

    def __init__(self, dump: Dump, describe: Describe) -> None:
        self.refs: dict[str, list[TensorRef]] = {}
        self.unreadable: list[tuple[TensorRef, str]] = []
        if dump.layout == "checkpoint":
            found = contents(dump, describe)
            self.refs, self.unreadable = found.named, found.unreadable
        else:
            for ref in dump.tensors:
                self.refs.setdefault(ref.op_name, []).append(ref)
        self.by_stem: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.refs:
            self.by_stem[stem(name)].append(name)

    def called(self, name: str) -> list[str]:
        """This name, else all that differ from it by the suffix of a file."""
        return [name] if name in self.refs else self.by_stem.get(stem(name), [])


@dataclass
class _Match:
    """`golden` and `my` are the names that no rule has decided yet."""

    theirs: _Names
    mine: _Names
    golden: dict[str, None] = field(default_factory=dict)
    my: dict[str, None] = field(default_factory=dict)
    partners: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    _reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.golden = dict.fromkeys(self.theirs.refs)
        self.my = dict.fromkeys(self.mine.refs)

    def accept(self, proposed: Sequence[tuple[str, str, str]]) -> None:
        """Pairs (golden, my, how) what is proposed once on both sides. The others are decided too:
        they stay alone."""
        of_golden: defaultdict[str, dict[str, None]] = defaultdict(dict)
        of_my: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for golden, my, _ in proposed:
            of_golden[golden][my] = None
            of_my[my][golden] = None
        for golden, my, how in proposed:
            if len(of_golden[golden]) == len(of_my[my]) == 1:
                self.partners[golden] = my, how
        for side, claims in (("my", of_golden), ("golden", of_my)):
            for name, others in claims.items():
                (self.golden if side == "my" else self.my).pop(name, None)
                self._reasons[name, side] = f"ambiguous by the mapping, with {_listed(others)}"

    def lacks(self, name: str, side: str, reason: str) -> None:
        self._reasons[name, side] = reason

    def why(self, name: str, side: str) -> str:
        """Why the name has no partner on `side`."""
        return self._reasons.get((name, side)) or f"no rule and no {side} name fits"


def _exact(rules: Sequence[Rule], match: _Match) -> list[tuple[str, str, str]]:
    proposed = []
    for rule in rules:
        golden, my = match.theirs.called(rule.golden), match.mine.called(rule.my)
        proposed += [(left, right, "mapping: pair") for left in golden for right in my]
        if not golden and not my:
            match.unknown.append((rule.golden, f"neither side has a name of the pair {rule.text}"))
        for name in golden if not my else ():
            match.lacks(name, "my", f"the mapping pairs it with {rule.my}, which is not there")
            match.golden.pop(name, None)
        for name in my if not golden else ():
            match.lacks(name, "golden", f"the mapping pairs it with {rule.golden}, not there")
            match.my.pop(name, None)
    return proposed


def _by_globs(rules: Sequence[Rule], match: _Match) -> list[tuple[str, str, str]]:
    proposed = []
    for rule in rules:
        golden = _captured(rule.golden, match.golden)
        for captures, names in _captured(rule.my, match.my).items():
            how = f"mapping: glob {rule.text}"
            proposed += [(left, right, how) for left in golden.get(captures, ()) for right in names]
    return proposed


def _captured(glob: str, names: Mapping[str, None]) -> dict[tuple[str, ...], list[str]]:
    """Names by what the wildcards stand for in them."""
    pattern = glob_pattern(glob)
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        match = pattern.fullmatch(name) or pattern.fullmatch(stem(name))
        if match:
            found.setdefault(match.groups(), []).append(name)
    return found


def _by_renames(rules: Sequence[Rule], match: _Match) -> list[tuple[str, str, str]]:
    proposed = []
    patterns = [(re.compile(rule.my), rule) for rule in rules]
    for name in match.my:
        renamed = name
        for pattern, rule in patterns:
            try:
                renamed = pattern.sub(rule.golden, renamed)
            except (re.error, IndexError) as error:
                raise UsageError(f"mapping: rename {rule.text}: {error}") from None
        if renamed != name:
            golden = [found for found in match.theirs.called(renamed) if found in match.golden]
            proposed += [(found, name, "mapping: rename") for found in golden]
            if not golden:
                match.lacks(name, "golden", f"no golden name fits {renamed}, as it is renamed")
    return proposed


def _but_for_the_suffix(match: _Match) -> list[tuple[str, str, str]]:
    return [
        (golden, my, "name but for the suffix")
        for my in match.my
        for golden in match.theirs.by_stem.get(stem(my), ())
        if golden in match.golden
    ]


def _listed(names: Mapping[str, None]) -> str:
    shown = ", ".join(list(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _tensors(
    golden: Sequence[TensorRef], my: Sequence[TensorRef], how: str, describe: Describe
) -> Iterator[Row]:
    """The tensors of two names: of one rank and token, input with input, index with index."""
    left, right = _by_place(golden), _by_place(my)
    if len(left) == len(right) == 1:
        right = dict(zip(left, right.values(), strict=True))
    for place in dict.fromkeys((*left, *right)):
        theirs, mine = left.get(place, []), right.get(place, [])
        if theirs and mine and _whole(theirs) != _whole(mine):
            theirs, lost = _opened(theirs, describe)
            yield from (Unmatched(ref, None, why, state=State.UNREADABLE) for ref, why in lost)
            mine, lost = _opened(mine, describe)
            yield from (Unmatched(None, ref, why, state=State.UNREADABLE) for ref, why in lost)
        slots = _by_slot(theirs), _by_slot(mine)
        for slot in dict.fromkeys((*slots[0], *slots[1])):
            one, other = (side.get(slot, []) for side in slots)
            if len(one) == len(other) == 1:
                yield Pair(one[0], other[0], how)
                continue
            reason = f"{how}: {len(one)} golden and {len(other)} my tensors for {_slot_text(slot)}"
            yield from (Unmatched(ref, None, reason) for ref in one)
            yield from (Unmatched(None, ref, reason) for ref in other)


_Place = tuple[int | None, int | None]
_Slot = tuple[str, int, tuple[int, ...], str]


def _by_place(refs: Sequence[TensorRef]) -> dict[_Place, list[TensorRef]]:
    found: dict[_Place, list[TensorRef]] = {}
    for ref in refs:
        found.setdefault((ref.rank, ref.token), []).append(ref)
    return found


def _by_slot(refs: Sequence[TensorRef]) -> dict[_Slot, list[TensorRef]]:
    """A file with no more to say of its tensors than itself is a slot of its own."""
    found: dict[_Slot, list[TensorRef]] = {}
    for ref in refs:
        known = bool(ref.io)
        slot = (ref.io, ref.index if known else 0, ref.nested, ref.argument)
        found.setdefault(slot, []).append(ref)
    return found


def _slot_text(slot: _Slot) -> str:
    io, index, nested, argument = slot
    return f"{io} {argument or '.'.join(map(str, (index, *nested)))}" if io else "it"


def _whole(refs: Sequence[TensorRef]) -> bool:
    return any(ref.member is None and not ref.io for ref in refs)


def _opened(
    refs: Sequence[TensorRef], describe: Describe
) -> tuple[list[TensorRef], list[tuple[TensorRef, str]]]:
    """The tensors in the place of whole files, and the files that cannot be read."""
    found: list[TensorRef] = []
    lost: list[tuple[TensorRef, str]] = []
    for ref in refs:
        if not _whole([ref]):
            found.append(ref)
            continue
        try:
            inside = tensors_of(ref, describe(ref))
        except (FormatError, OSError) as error:
            lost.append((ref, str(error)))
            continue
        found += [replace(tensor, op_name=ref.op_name) for tensor in inside]
    return found, lost
