"""Files that belong together by what was written down while they were dumped."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trueness.model import Describe, Dump, Pair, Record, State, TensorRef, Unmatched
from trueness.pair.groups import leftovers
from trueness.pair.paths import Finder, Found, mapped


@dataclass(slots=True)
class _Match:
    """A record and the files it means. `asked`: not one of the others of a folder that the user
    named a single file of."""

    record: Record
    golden: Found
    my: Found
    asked: bool = True


def pair(golden: Dump, my: Dump, describe: Describe) -> Iterator[Pair | Unmatched]:
    """In the order of the records; then what no record names. Where one side is a single file, only
    its records are asked for. `describe` is not called."""
    theirs, mine = Finder(golden), Finder(my)
    matches = [_match(record, theirs, mine) for record in golden.records]
    _drop_doubtful(matches)
    one_golden, one_my = _single_file(golden), _single_file(my)
    if one_golden:
        _ask_for_golden(matches, one_golden)
    if one_my:
        _ask_for_my(matches)
    uses = Counter(match.my.ref.path for match in matches if match.my.ref and match.asked)
    for order, match in enumerate(matches):
        yield _row(match, order, uses)
    named = {side.ref.path for match in matches for side in (match.golden, match.my) if side.ref}
    not_asked = any(not match.asked for match in matches)
    for ref in golden.tensors:
        if ref.path not in named:
            reason = "no record names it; older tools kept those of one token of a name only"
            yield Unmatched(ref, None, reason, expected=not_asked)
    for ref in my.tensors:
        if ref.path not in named:
            yield Unmatched(None, ref, "no record names it", expected=not one_my)
    yield from leftovers(golden, my)


def with_path_map(dump: Dump, path_map: Mapping[str, str]) -> Dump:
    """The dump with the beginnings of its recorded paths replaced; my paths that begin so are
    taken as they are then."""
    return replace(dump, records=[_remap(record, path_map) for record in dump.records])


def _remap(record: Record, path_map: Mapping[str, str]) -> Record:
    golden, my = mapped(record.golden, path_map), mapped(record.my, path_map)
    if my is not None:
        record = replace(record, my=my, my_is_exact=True)
    return record if golden is None else replace(record, golden=golden)


def _match(record: Record, theirs: Finder, mine: Finder) -> _Match:
    if record.problem:
        return _Match(record, Found(None, record.problem), Found(None, record.problem))
    golden = theirs.find(record.golden, os.path.dirname(record.source))
    if golden.ref and golden.agreeing < 2:
        golden = Found(None, f"only a file of another token is called {_name(record.golden)}")
    my = Found(TensorRef(record.my)) if record.my_is_exact else mine.find(record.my)
    return _Match(record, replace(golden, doubt=""), my)


def _drop_doubtful(matches: list[_Match]) -> None:
    """A file in another folder than recorded is taken only where all were moved, that is, none is
    found by its whole path, and only for the record it fits best: else the file of another operator
    would stand in for one that is missing."""
    found = [match for match in matches if match.my.ref and not match.record.my_is_exact]
    in_place = any(not match.my.doubt for match in found)
    claims: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
    for match in found:
        if match.my.ref:
            claims[match.my.ref.path].add((match.my.agreeing, match.record.my))
    best = {path: sorted(claim, reverse=True)[:2] for path, claim in claims.items()}
    for match in found:
        if not match.my.ref or not match.my.doubt:
            continue
        path = match.my.ref.path
        rivals = [claim for claim in best[path] if claim[1] != match.record.my]
        if rivals and rivals[0][0] >= match.my.agreeing:
            match.my = Found(None, f"{path} has the name but fits another recorded path as well")
        elif in_place:
            match.my = Found(None, f"{path} has the name but is not in the recorded folder")


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _single_file(dump: Dump) -> TensorRef | None:
    root = os.path.abspath(dump.root)
    return next((ref for ref in dump.tensors if os.path.abspath(ref.path) == root), None)


def _ask_for_golden(matches: list[_Match], file: TensorRef) -> None:
    for match in matches:
        match.asked = match.golden.ref is not None and match.golden.ref.path == file.path


def _ask_for_my(matches: list[_Match]) -> None:
    """The records whose path fits the file best, of those asked for so far; all when none does."""
    best = max((match.my.agreeing for match in matches if match.asked), default=0)
    for match in matches:
        match.asked = match.asked and match.my.agreeing == best


def _row(match: _Match, order: int, uses: Counter[str]) -> Pair | Unmatched:
    record = match.record

    def named(ref: TensorRef | None, path: str) -> TensorRef:
        ref = ref or TensorRef(path)
        label, token = record.label, record.token
        return replace(ref, op_name=label, label=label, token=token, order=order)

    if record.problem:
        where = named(None, record.source)
        return Unmatched(where, None, f"invalid record: {record.problem}", not match.asked)
    left, right = named(match.golden.ref, record.golden), named(match.my.ref, record.my)
    lost = [("golden", match.golden)] if match.golden.ref is None else []
    lost += [("my", match.my)] if match.my.ref is None else []
    if lost or not match.asked:
        reasons = [f"{side}: {found.reason}" for side, found in lost]
        state = State.UNMATCHED_GOLDEN if match.my.ref is None else State.UNMATCHED_MY
        reason = "; ".join(reasons) or "not a record of the given file"
        return Unmatched(left, right, reason, not match.asked, state)
    doubts = [match.golden.doubt, match.my.doubt]
    if uses[right.path] > 1:
        doubts.append(f"{uses[right.path]} records name this my file")
    return Pair(left, right, os.path.basename(record.source), "; ".join(filter(None, doubts)))
