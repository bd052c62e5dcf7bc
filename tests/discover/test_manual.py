import json
from pathlib import Path

import pytest

from builders.manual import write_golden, write_metadata
from trueness.discover.manual import Manual
from trueness.model import Record

DATA = Path(__file__).parents[1] / "data" / "manual"


def discover(root: Path):
    return Manual().discover(root, rank=None, token=None)


@pytest.mark.parametrize(
    "below",
    ["", "28014_-1", "28014_-1/golden_tensor", "28014_-1/golden_tensor/1/hidden_tensor.pth"],
)
def test_any_folder_of_the_dump_or_a_file_in_it_may_be_given(below: str) -> None:
    root = DATA / "dump" / below
    assert Manual().refusal(root) is None
    dump = discover(root)
    assert len(dump.records) == 11
    assert len(dump.tensors) == 12
    assert "metadata.json" in dump.evidence


def test_what_is_no_such_dump_says_why(tmp_path: Path) -> None:
    (tmp_path / "golden_tensor").mkdir()
    (tmp_path / "file.npy").touch()
    for root in (tmp_path, tmp_path / "golden_tensor", tmp_path / "file.npy"):
        assert "golden_tensor/metadata.json" in Manual().refusal(root)


def test_every_token_of_a_name_is_a_record(tmp_path: Path) -> None:
    paths = {"0": ["/g/0", "/m/0"], "10": ["/g/10", "/m/10"], "2": ["/g/2", "/m/2"]}
    dump = discover(write_metadata(tmp_path, {"x": paths}))
    assert [(r.label, r.token, r.golden, r.my) for r in dump.records] == [
        ("x", 0, "/g/0", "/m/0"),
        ("x", 10, "/g/10", "/m/10"),
        ("x", 2, "/g/2", "/m/2"),
    ]


def test_a_name_that_is_there_twice_loses_nothing(tmp_path: Path) -> None:
    process = write_metadata(tmp_path, {})
    metadata = process / "golden_tensor" / "metadata.json"
    metadata.write_text('{"x": {"0": ["a", "b"], "0": ["c", "d"]}, "x": {"1": ["e", "f"]}}')
    assert [(r.golden, r.my) for r in discover(process).records] == [
        ("a", "b"),
        ("c", "d"),
        ("e", "f"),
    ]


@pytest.mark.parametrize(
    "value", [None, 3, "ab", [], ["/one"], [1, 2], ["/g", ""], {"golden": "/g", "my": "/m"}]
)
def test_an_invalid_entry_is_a_record_with_its_problem(tmp_path: Path, value: object) -> None:
    records = {"bad": {"0": value}, "good": {"0": ["/g", "/m"]}}
    bad, good = discover(write_metadata(tmp_path, records)).records
    assert (bad.label, bad.token, bad.problem != "") == ("bad", 0, True)
    assert good == Record(bad.source, "good", 0, "/g", "/m")


def test_a_name_without_tokens_is_a_record_with_its_problem(tmp_path: Path) -> None:
    (record,) = discover(write_metadata(tmp_path, {"bad": ["/g", "/m"]})).records
    assert record.problem == "its value is no object of tokens"


def test_a_token_that_is_no_number_stays_in_the_name(tmp_path: Path) -> None:
    (record,) = discover(write_metadata(tmp_path, {"x": {"last": ["/g", "/m"]}})).records
    assert (record.label, record.token) == ("x (token last)", None)


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, '{"a": \ud800}', "\0"])
def test_damaged_metadata_is_left_over_and_the_files_stay(tmp_path: Path, text: str) -> None:
    process = write_metadata(tmp_path, {})
    write_golden(process, 0, "x", [1])
    metadata = process / "golden_tensor" / "metadata.json"
    metadata.write_bytes(text.encode("utf-8", "surrogatepass"))
    dump = discover(process)
    assert [left.ref.path for left in dump.leftover] == [str(metadata)]
    assert not dump.leftover[0].expected
    assert len(dump.tensors) == 1


def test_every_process_of_a_dump_is_read(tmp_path: Path) -> None:
    for process in ("7_0", "8_1", "9_-1"):
        write_golden(write_metadata(tmp_path, {"x": {"0": ["/g", "/m"]}}, process), 0, "x", [1])
    write_metadata(tmp_path, {"y": {"0": ["/g", "/m"]}}, "notes")
    dump = discover(tmp_path)
    assert [record.label for record in dump.records] == ["x"] * 3
    assert [ref.device for ref in dump.tensors] == [0, 1, None]


def test_a_huge_metadata_is_not_read(tmp_path: Path) -> None:
    process = write_metadata(tmp_path, {})
    with (process / "golden_tensor" / "metadata.json").open("r+b") as file:
        file.truncate(1 << 40)
    assert "are expected" in discover(process).leftover[0].reason


def test_the_sample_is_what_dump_data_wrote() -> None:
    content = json.loads((DATA / "dump/28014_-1/golden_tensor/metadata.json").read_text())
    found = {(r.label, str(r.token)): [r.golden, r.my] for r in discover(DATA / "dump").records}
    assert found == {(k, token): v for k, tokens in content.items() for token, v in tokens.items()}
