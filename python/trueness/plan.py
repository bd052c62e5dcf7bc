"""What a comparison of two dumps will do: which layouts they have, which tensors belong together.
Nothing but names, graphs and headers has been read then."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

from trueness import discover, pair
from trueness.compare.headers import Headers
from trueness.compare.open_files import OpenFiles
from trueness.errors import LayoutError, PairingError, UsageError
from trueness.model import Dump, Pair, Unmatched
from trueness.pair.filters import Filters
from trueness.pair.levels import at_level
from trueness.pair.mapping_file import NameMapping, read_mapping
from trueness.pair.op_mapping import read_op_mapping
from trueness.pair.reference import same_names, with_reference

SIDES = ("golden", "my", "reference")


@dataclass(frozen=True, slots=True)
class Recognised:
    """What one side was taken for and what gave it away; `refused` says of each other layout why it
    was not that, "" when the folder would have passed for it too."""

    root: str
    layout: str
    evidence: str
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """`items` can be taken once; `recognised` is of each of SIDES that is there;
    `again(filters=...)` makes a plan of the same two dumps that keeps something else."""

    golden: Dump
    my: Dump
    pairing: str
    items: Iterator[Pair | Unmatched]
    files: OpenFiles
    filters: Filters
    recognised: Sequence[Recognised]
    again: Callable[..., Plan]


def plan_dumps(
    golden_dir: str | PathLike[str],
    my_dir: str | PathLike[str],
    *,
    layout: str | None = None,
    mapping: str | PathLike[str] | None = None,
    filters: Filters | None = None,
    path_map: Mapping[str, str] | None = None,
    level: str | None = None,
    op_mapping: str | PathLike[str] | None = None,
) -> Plan:
    """Finds and pairs the tensors of two dumps. Options and errors as of `compare_dumps`."""
    filters = filters or Filters()
    roots = {"golden": Path(golden_dir), "my": Path(my_dir)}
    _check_roots(roots, mapping is None and layout != "checkpoint")
    rules = None if mapping is None else read_mapping(mapping)
    sides = [_Side(name, root, discover.refusals(root)) for name, root in roots.items()]
    pairing = _pairing(sides[0], sides[1], layout, rules)
    if op_mapping is not None:
        pairing = _with_synonyms(pairing, op_mapping)
    layouts = {known.name: known for known in discover.LAYOUTS}
    with _collector_paused():
        found = [
            layouts[name].discover(side.root, rank=filters.rank, token=filters.token)
            for name, side in zip((pairing.golden, pairing.my), sides, strict=True)
        ]
    _check_numbers(found, filters)
    for dump in found:
        filters.skipped.update(dump.skipped)
    golden, my = _with_path_map(found, path_map) if path_map else found
    if not golden.tensors and not my.tensors:
        raise UsageError(f"no tensors{filters.place} on either side")
    files = OpenFiles()
    items = filters.items(pairing.pair(golden, my, Headers(files)))
    if level is not None:
        items = at_level(level, golden, my, items, filters.skipped)
    recognised = [_recognised(dump, side) for dump, side in zip(found, sides, strict=True)]
    again = partial(
        plan_dumps,
        golden_dir=golden_dir,
        my_dir=my_dir,
        layout=layout,
        mapping=mapping,
        path_map=path_map,
        level=level,
        op_mapping=op_mapping,
    )
    return Plan(golden, my, pairing.name, items, files, filters, recognised, again)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of references come and stay, none of them in a cycle: to look through them again and
    again takes a quarter of the time that finding them does."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            if not gc.get_freeze_count():
                # All objects become old ones, which would else be looked through once an age.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _with_path_map(dumps: Sequence[Dump], path_map: Mapping[str, str]) -> list[Dump]:
    from trueness.pair.by_metadata import with_path_map

    return [with_path_map(dump, path_map) for dump in dumps]


def beside_reference(plan: Plan, reference: str | PathLike[str]) -> Plan:
    """The plan with a third dump, laid out as golden or as my, whose tensors are paired with golden
    as those of my are. Errors as of `compare_dumps`."""
    root = Path(reference)
    if not root.exists():
        raise UsageError(f"reference: {root} does not exist")
    for side, known in zip(SIDES, plan.recognised, strict=False):
        if root.samefile(known.root):
            raise UsageError(f"reference: {root} is {side} itself; give a third dump, or none")
    rank, token = plan.filters.rank, plan.filters.token
    try:
        beside = plan.again(my_dir=root, layout=None, filters=Filters(rank, token))
        third, recognised = beside.items, beside.recognised[1]
    except PairingError:
        # Laid out as golden, for which there may be no pairing with its like.
        layouts = {known.name: known for known in discover.LAYOUTS}
        found = layouts[plan.golden.layout].discover(root, rank=rank, token=token)
        third = same_names(plan.golden.tensors, found.tensors)
        recognised = _recognised(found, _Side("reference", root, discover.refusals(root)))
    items = with_reference(plan.items, third)
    return replace(plan, items=items, recognised=(*plan.recognised, recognised))


def _check_roots(roots: Mapping[str, Path], folder_needed: bool) -> None:
    for name, root in roots.items():
        if not root.exists():
            raise UsageError(f"{name}: {root} does not exist")
    if folder_needed and not any(root.is_dir() for root in roots.values()):
        raise UsageError("two files are compared by compare_files; give at least one folder")


def filters_of(
    *,
    rank: int | None = None,
    token: int | None = None,
    op: str | Sequence[str] | None = None,
    op_type: str | Sequence[str] | None = None,
    io: str | None = None,
    layer: int | Sequence[int] | None = None,
) -> Filters:
    """One value or several of each. Raises UsageError for an unknown `io`."""
    if io not in (None, "input", "output"):
        raise UsageError(f"io is {io!r}; give input or output")
    return Filters(
        rank,
        token,
        [op] if isinstance(op, str) else op,
        [op_type] if isinstance(op_type, str) else op_type,
        io,
        [layer] if isinstance(layer, int) else layer,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """`said` is what each layout says of the root."""

    name: str
    root: Path
    said: Mapping[str, str | None]


def _pairing(
    golden: _Side, my: _Side, layout: str | None, rules: NameMapping | None
) -> pair.Pairing:
    if rules is not None:
        return _mapped(golden, my, layout, rules)
    if layout is not None:
        return _forced(golden, my, layout)
    pairing = _recognise(golden, my)
    file, folder = sorted((golden.root, my.root), key=Path.is_dir)
    if pairing is pair.PAIRINGS[-1] and not file.is_dir():
        raise UsageError(
            f"{folder} is a folder and {file} a file; give two of a kind, or --layout "
            "checkpoint to pair the tensors in their files by name"
        )
    return pairing


def _mapped(golden: _Side, my: _Side, layout: str | None, rules: NameMapping) -> pair.Pairing:
    """Rules need no two layouts that go together: each side is what it looks like most."""
    from trueness.pair import by_mapping

    if layout is None:
        names = [discover.layouts_of(side.root, side.said)[0].name for side in (golden, my)]
    else:
        forced = _forced(golden, my, layout)
        names = [forced.golden, forced.my]
    return pair.Pairing("mapping", names[0], names[1], partial(by_mapping.pair, mapping=rules))


def _with_synonyms(pairing: pair.Pairing, path: str | PathLike[str]) -> pair.Pairing:
    if pairing.name != "atb_torch":
        raise UsageError(f"an op mapping is for ATB against torch, and this is {pairing.name}")
    from trueness.pair import atb_torch

    return replace(pairing, pair=partial(atb_torch.pair, synonyms=read_op_mapping(path)))


def _forced(golden: _Side, my: _Side, layout: str) -> pair.Pairing:
    by_name = {pairing.name: pairing for pairing in pair.PAIRINGS}
    if layout not in by_name:
        raise UsageError(f"no layout is called {layout!r}; known: {', '.join(by_name)}")
    pairing = by_name[layout]
    for side, name in ((golden, pairing.golden), (my, pairing.my)):
        reason = side.said[name]
        if reason and name not in discover.PLAIN:
            raise LayoutError(f"{side.name}: {side.root} is not {name}: {reason}")
    return pairing


def _recognise(golden: _Side, my: _Side) -> pair.Pairing:
    names = [
        [known.name for known in discover.layouts_of(side.root, side.said)] for side in (golden, my)
    ]
    try:
        return pair.choose(*names)
    except PairingError as error:
        raise PairingError("; ".join((str(error), *_why_not(golden, my)))) from None


def _why_not(golden: _Side, my: _Side) -> Iterator[str]:
    """What the other side lacks, where one side is half of a pairing."""
    for pairing in pair.PAIRINGS[:-1]:
        theirs, mine = golden.said[pairing.golden], my.said[pairing.my]
        if theirs is None and mine:
            yield f"my ({my.root}) is not {pairing.my}: {mine}"
        elif mine is None and theirs and pairing.my != pair.PAIRINGS[-1].my:
            yield f"golden ({golden.root}) is not {pairing.golden}: {theirs}"


def _check_numbers(dumps: Sequence[Dump], filters: Filters) -> None:
    """A rank or token that no file has would filter nothing."""
    for name, wanted in (("rank", filters.rank), ("token", filters.token)):
        if wanted is None:
            continue
        refs = (ref for dump in dumps for ref in (*dump.tensors, *dump.records))
        known = any(getattr(ref, name, None) is not None for ref in refs)
        if not known and not any(dump.skipped for dump in dumps):
            layouts = " and ".join(dict.fromkeys(dump.layout for dump in dumps))
            raise UsageError(f"a {layouts} layout knows no {name}s; give the folder of one instead")


def _recognised(dump: Dump, side: _Side) -> Recognised:
    refused = {name: reason or "" for name, reason in side.said.items() if name != dump.layout}
    return Recognised(dump.root, dump.layout, dump.evidence or _evidence(dump), refused)


def _evidence(dump: Dump) -> str:
    parts = [f"{len(dump.tensors)} files"]
    for name in ("rank", "token"):
        numbers = {getattr(ref, name) for ref in dump.tensors} - {None}
        if numbers:
            parts.append(f"{len(numbers)} {name}s from {min(numbers)} to {max(numbers)}")
    if dump.graphs:
        parts.append(f"{len(dump.graphs)} graphs such as {dump.graphs[0].path}")
    return ", ".join(parts)
