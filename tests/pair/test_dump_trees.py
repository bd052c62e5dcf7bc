"""Dumps of every layout that names its operators, damaged, moved and written in any order: what the
generator planned is what is paired."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.trees import LAYOUTS, LOST, SIDES, TRUNCATED, WHOLE, Layout, Planned, write
from trueness.dumps import compare_dumps
from trueness.model import Result, State

FATES = st.sampled_from([WHOLE, WHOLE, WHOLE, LOST, TRUNCATED])


@st.composite
def plans(draw: st.DrawFn, layout: Layout) -> list[Planned]:
    """Every rank and token has at least one whole tensor, so that damage never takes away all, and
    most operators are on both sides, as in dumps of one model."""
    ranks = draw(st.sets(st.integers(0, 11), min_size=1, max_size=3)) if layout.has_ranks else {0}
    tokens = draw(st.sets(st.integers(0, 11), min_size=1, max_size=3)) if layout.has_ranks else {0}
    groups = [(rank, token) for rank in sorted(ranks) for token in sorted(tokens)]
    items = draw(
        st.lists(
            st.builds(
                lambda group, *rest: Planned(*group, *rest),
                st.sampled_from(groups),
                st.integers(1, len(layout.ops) - 1),
                st.sampled_from(["input", "output"]),
                st.sampled_from([0, 1, 2, 10]),
                FATES,
                FATES,
            ),
            max_size=14,
            unique_by=lambda item: item.place,
        )
    )
    anchors = [Planned(rank, token, 0, "output", 0) for rank, token in groups]
    for group in groups:
        damaged = {i.op for i in items if (i.rank, i.token) == group and LOST in (i.golden, i.my)}
        anchors += [Planned(*group, op, "output", 3) for op in sorted(damaged)[::2]]
    return draw(st.permutations([*anchors, *items]))


def wanted(item: Planned, layout: Layout) -> State | None:
    """None: no row, since no file of it is left to tell that there was one."""
    fates = {item.golden, item.my}
    if layout.keeps_lost or LOST not in fates:
        return State.OK if fates == {WHOLE} else State.UNREADABLE
    if fates == {LOST}:
        return None
    return State.UNMATCHED_MY if item.golden == LOST else State.UNMATCHED_GOLDEN


def check(layout: Layout, plan: Sequence[Planned], results: Sequence[Result], roots: dict) -> None:
    planned = {(side, layout.path(item, side)): item for item in plan for side in SIDES}
    lossy = {(item.rank, item.token) for item in plan if LOST in (item.golden, item.my)}
    found = Counter()
    for row in results:
        sides = [
            planned[side, str(Path(ref.path).relative_to(roots[side]))]
            for side, ref in zip(SIDES, (row.golden, row.my), strict=True)
            if ref
        ]
        item = sides[0]
        assert len(set(sides)) == 1, f"{row.golden} is paired with {row.my}"
        assert row.state is wanted(item, layout), (item, row.reason)
        assert row.metrics.get("max_absolute_error", 0) == 0
        assert "doubtful" not in row.pairing or (item.rank, item.token) in lossy
        found[item] += 1
    assert found == {item: 1 for item in plan if wanted(item, layout)}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(max_examples=8)
@given(data=st.data())
def test_what_was_planned_is_what_is_paired(layout: Layout, data: st.DataObject) -> None:
    plan = data.draw(plans(layout))
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, layout, plan)
        roots = {side: root / side for side in SIDES}
        check(layout, plan, list(compare_dumps(roots["golden"], roots["my"])), roots)
        moved = {"golden": root / "0_renamed rank7 \u00e9", "my": root / "copies" / "tensors_1"}
        roots["golden"].rename(moved["golden"])
        shutil.copytree(roots["my"], moved["my"])
        (root / "link").symlink_to(moved["my"])
        moved["my"] = root / "link"
        check(layout, plan, list(compare_dumps(moved["golden"], moved["my"])), moved)
