"""Names of FX files, against the one pattern that says what they are."""

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trueness.discover.torchair_fx import TorchairFx

PATTERN = re.compile(
    r"(?P<node>.+)\.(?P<io>INPUT|OUTPUT)\.(?P<index>\d{1,9})(?P<nested>(?:\.\d{1,9})*)"
    r"\.(?P<time>\d{14,20})(?:(?P<info>_min_max)?\.npy|(?P<csv>_statistics\.csv))"
)
PARTS = ("add-aten.add", "INPUT", "OUTPUT", "0", "12", "1" * 9, "1" * 10, "3" * 14, "4" * 20,
         "5" * 21, "npy", "csv", f"{'6' * 15}_min_max", f"{'7' * 15}_statistics", "")  # fmt: skip
SHAPED = st.tuples(
    st.sampled_from(["add-aten.add", "a.INPUT.1", "x"]),
    st.sampled_from(["INPUT", "OUTPUT", "input"]),
    st.lists(st.sampled_from(["0", "12", "1" * 9]), max_size=3).map(".".join),
    st.sampled_from(["3" * 13, "3" * 14, "4" * 20, "5" * 15, "5" * 21]),
    st.sampled_from([".npy", "_min_max.npy", "_statistics.csv", ".csv", "_x.npy", ""]),
).map(lambda parts: ".".join(parts[:-1]) + parts[-1])
NAMES = st.one_of(SHAPED, st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map(".".join))


@given(st.sets(NAMES, min_size=1, max_size=8))
@settings(max_examples=60)
def test_names_are_read_as_the_pattern_says(names: set[str]) -> None:
    names = {name for name in names if name.strip(".") and len(name) < 200}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "worldsize1_global_rank0/graph_1/0")
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
        found = TorchairFx().discover(Path(root), rank=None, token=None)
    left = {Path(left.ref.path).name: left for left in found.leftover}
    refs = {Path(ref.path).name: ref for ref in found.tensors}
    assert refs.keys() | left.keys() == names
    for name in names:
        match = PATTERN.fullmatch(name)
        ref = refs[name] if name in refs else left[name].ref
        assert bool(match) == bool(ref.op_name)
        if match is None:
            assert "its name is not" in left[name].reason
            continue
        assert (ref.op_name, ref.io, ref.index) == (
            match["node"], match["io"].lower(), int(match["index"])
        )  # fmt: skip
        assert ref.op_type == match["node"].partition("-")[2]
        assert ref.nested == tuple(int(k) for k in match["nested"].split(".")[1:])
        assert ref.order == int(match["time"])
        kind = "cann_csv" if match["csv"] else "min_max" if match["info"] else None
        assert ref.statistics == kind
        assert ref.member == ((ref.io, ref.index) if kind == "cann_csv" else None)
