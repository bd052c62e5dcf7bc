"""Manual dumps of any shape, moved, copied and damaged: the pairs are those of the generator."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.manual import write_golden, write_metadata, write_my
from trueness.cli.app import main
from trueness.dumps import compare_dumps
from trueness.model import Result, State

FATES = ("whole", "whole", "whole", "golden lost", "my lost", "my truncated", "invalid record")
WANTED = {
    "whole": State.OK,
    "golden lost": State.UNMATCHED_MY,
    "my lost": State.UNMATCHED_GOLDEN,
    "my truncated": State.UNREADABLE,
    "invalid record": State.UNMATCHED_GOLDEN,
}


@dataclass(frozen=True)
class Entry:
    process: str
    label: str
    token: int
    folder: str
    fate: str


IN_PLACE = Entry("7_0", "in place", 0, "0_Layer/after", "whole")
ENTRIES = st.lists(
    st.builds(
        Entry,
        process=st.sampled_from(["7_0", "8_1"]),
        label=st.sampled_from(["attn", "mlp", "out put", "\u0394x"]),
        token=st.sampled_from([0, 1, 10]),
        folder=st.sampled_from(["0_Layer/after", "1_Layer/after", "1_Layer/before"]),
        fate=st.sampled_from(FATES),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda entry: (entry.process, entry.label, entry.token),
).map(lambda entries: [IN_PLACE, *entries])


def build(root: Path, entries: list[Entry]) -> None:
    """my files are all called out0.bin, as those of ATB are; only their folders tell them apart."""
    write_my(root / "my" / "out1.bin", [9, 9])
    records: dict[str, dict[str, dict[str, object]]] = {}
    for number, entry in enumerate(entries):
        golden = write_golden(
            root / "golden" / entry.process, entry.token, entry.label, [number, 1]
        )
        place = f"{entry.process}/{entry.token}/{entry.label}/{entry.folder}/out0.bin"
        my = write_my(root / "my" / place, [number, 1])
        paths: object = [golden, f"/elsewhere/tensors/{place}"]
        if entry.fate == "golden lost":
            (root / "golden" / golden.removeprefix("/elsewhere/")).unlink()
        elif entry.fate == "my lost":
            my.unlink()
        elif entry.fate == "my truncated":
            my.write_bytes(my.read_bytes()[:40])
        elif entry.fate == "invalid record":
            paths = "nothing"
        records.setdefault(entry.process, {}).setdefault(entry.label, {})[str(entry.token)] = paths
    for process, content in records.items():
        write_metadata(root / "golden", content, process)


def check(entries: list[Entry], results: list[Result], golden: Path) -> None:
    rows = [row for row in results if row.golden and row.golden.label]
    assert len(rows) == len(entries)
    wanted = {(entry.label, entry.token, entry.process): entry for entry in entries}
    for row in rows:
        at = row.golden.path.removeprefix("/elsewhere/").removeprefix(f"{golden}/").split("/")[0]
        entry = wanted.pop((row.golden.label, row.golden.token, at))
        assert row.state is WANTED[entry.fate], (entry, row.reason)
        if entry.fate == "whole":
            assert row.metrics["max_absolute_error"] == 0
            assert f"/{entry.label}/{entry.folder}/" in row.my.path
    assert not wanted


@settings(max_examples=15)
@given(ENTRIES)
def test_what_was_recorded_is_what_is_paired(entries: list[Entry]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        build(root, entries)
        moved = root / "copied here \u00e9"
        shutil.copytree(root / "golden", moved / "dump")
        shutil.copytree(root / "my", moved / "tensors")
        (root / "link").symlink_to(moved)
        for golden, my in ((root / "golden", root / "my"), (root / "link/dump", moved / "tensors")):
            check(entries, list(compare_dumps(golden, my)), golden)


def test_nothing_compared_is_no_success(tmp_path: Path) -> None:
    """msit logs errors and says 0."""
    process = write_metadata(tmp_path / "golden", {})
    write_golden(process, 0, "x", [1])
    (process / "golden_tensor" / "metadata.json").write_text("{")
    write_my(tmp_path / "my" / "x.bin", [1])
    words = [str(tmp_path / "golden"), str(tmp_path / "my"), "-o", str(tmp_path / "out"), "-q"]
    assert main(["compare", *words]) == 1
    assert main(["compare", *words]) == 1
    assert len(list((tmp_path / "out").glob("trueness_report_*.csv"))) == 2
