"""A standard of the user's own, and what is said of one that means nothing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import trueness as tn
from trueness.compare.standards import standard_of
from trueness.errors import UsageError

MINE = {
    "name": "mine",
    "version": "3",
    "source": "what our customer signed",
    "otherwise": [{"metric": "cosine_similarity", "at_least": 0.999}],
    "dtypes": {"float16, bfloat16": [{"atol": "2^-10", "rtol": "3*2^-10", "share": 0.9}]},
}
TOML = """
name = "mine"
version = "3"
source = "what our customer signed"
otherwise = [{ metric = "cosine_similarity", at_least = 0.999 }]
[dtypes]
"float16, bfloat16" = [{ atol = "2^-10", rtol = "3*2^-10", share = 0.9 }]
"""
YAML = """
name: mine
version: "3"
source: what our customer signed
otherwise: [{metric: cosine_similarity, at_least: 0.999}]
dtypes:
  "float16, bfloat16":
    - {atol: 2^-10, rtol: 3*2^-10, share: 0.9}
"""


def write(tmp_path: Path, content: object) -> str:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_every_format_gives_the_same_standard(tmp_path: Path) -> None:
    expected = standard_of(write(tmp_path, MINE))
    assert expected.label == "mine@3"
    texts = {"mine.yaml": YAML} | ({"mine.toml": TOML} if sys.version_info >= (3, 11) else {})
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert standard_of(str(tmp_path / name)) == expected


def test_it_judges(tmp_path: Path) -> None:
    mine = write(tmp_path, MINE)
    golden = np.ones(100, np.float16)
    my = golden.copy()
    my[:10] = 1.01
    assert tn.compare(golden, my, standard=mine).passed
    my[10] = 1.01
    found = tn.compare(golden, my, standard=mine)
    assert (found.passed, found.standard) == (False, "mine@3")
    assert "0.000976562 + 0.00292969 |g|" in found.reason
    turned = tn.compare(golden.astype(np.float32), np.arange(100.0), standard=mine)
    assert turned.reason.startswith("cosine_similarity 0.86")
    assert turned.reason.endswith("< 0.999")


def test_without_elements_it_may_fail(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.float32)
    assert tn.compare(nothing, nothing).passed
    strict = write(tmp_path, MINE | {"empty": "fail"})
    assert tn.compare(nothing, nothing, standard=strict).passed is False


def test_any_of_several(tmp_path: Path) -> None:
    either = [{"metric": "rmse", "below": 0.1}, [{"ulp_at_most": 4, "share": 0.5}]]
    mine = write(tmp_path, MINE | {"otherwise": [{"any_of": either}]})
    golden = np.full(10, 1e6, np.float32)
    assert tn.compare(golden, np.nextafter(golden, np.inf), standard=mine).passed
    reason = tn.compare(golden, golden + 100, standard=mine).reason
    assert reason.startswith("rmse 100 >= 0.1 and ulp_outside_ratio 1 >= 0.5")


LIMIT = {"metric": "rmse", "at_most": 1}
WRONG = [
    ([], "mine.json: expected keys out of name"),
    ({"name": "x"}, "version: expected a value, found None"),
    (MINE | {"bounds": 1}, "bounds: expected a key out of name"),
    (MINE | {"name": "a\x1bb"}, "name: expected a text of one line"),
    (MINE | {"otherwise": []}, "otherwise: expected at least one demand"),
    (MINE | {"otherwise": [3]}, r"otherwise\.0: expected a demand, found 3"),
    (MINE | {"otherwise": [{"x": 1}]}, "expected a demand with one of metric, atol"),
    (MINE | {"otherwise": [{"metric": "hope", "at_most": 1}]}, "metric: expected one of cosine"),
    (MINE | {"otherwise": [LIMIT | {"below": 2}]}, "expected one of at_most, below"),
    (MINE | {"otherwise": [LIMIT | {"at_most": "1e"}]}, r"0\.at_most: expected a number such"),
    (MINE | {"otherwise": [LIMIT | {"at_most": True}]}, r"0\.at_most: expected a number such"),
    (MINE | {"otherwise": [{"atol": 1}]}, "rtol: expected a value"),
    (MINE | {"otherwise": [{"atol": -1, "rtol": 0}]}, "atol: expected a number of at least 0"),
    (MINE | {"otherwise": [{"atol": 0, "rtol": 0, "share": 99}]}, "share: expected a share"),
    (MINE | {"otherwise": [{"ulp_at_most": 1.5, "share": 1}]}, "ulp_at_most: expected a whole"),
    (MINE | {"otherwise": [{"any_of": []}]}, "any_of: expected at least one choice"),
    (MINE | {"dtypes": {"float99": [LIMIT]}}, r"dtypes\.float99: expected dtypes out of bfloat16"),
    (MINE | {"dtypes": [LIMIT]}, "dtypes: expected tables by dtype"),
    (MINE | {"nonfinite": "maybe"}, "nonfinite: expected one of equal"),
    (MINE | {"notes": "one"}, "notes: expected a list"),
    (MINE | {"noise": {"room": 2}}, r"noise\.rounding: expected a value"),
    (
        MINE | {"otherwise": [{"atol": k, "rtol": 0} for k in range(5)]},
        "expected at most 4 pairs of atol and rtol, found 5",
    ),
    (
        MINE | {"otherwise": [{"ulp_at_most": k, "share": 1} for k in (1, 2)]},
        "cannot have two small values, or two ULP distances",
    ),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
def test_what_means_nothing_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        standard_of(write(tmp_path, content))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.json", "{", "standard: .*mine.json cannot be read: "),
        ("mine.json", "[" * 100_000, "standard: .*mine.json cannot be read"),
        ("absent.json", None, "standard: .*absent.json cannot be read: No such file"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        standard_of(str(tmp_path / name))


@pytest.mark.parametrize("name", ["torch", "cann-mixed@ttk", "ulp"])
def test_every_row_of_many_files_has_what_its_verdict_rests_on(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    for folder in ("golden", "my"):
        (tmp_path / folder).mkdir()
    errors = [0.0, 1e-2] * 40
    for i, error in enumerate(errors):
        golden = 1 + rng.random(64).astype(np.float32)
        np.save(tmp_path / "golden" / f"{i:03}.npy", golden)
        np.save(tmp_path / "my" / f"{i:03}.npy", golden * np.float32(1 + error))
    rows = list(tn.compare_dumps(tmp_path / "golden", tmp_path / "my", standard=name, jobs=1))
    evidence = standard_of(name).table_of("float32", "float32").evidence
    assert evidence
    for row, error in zip(rows, errors, strict=True):
        assert evidence <= set(row.metrics)
        assert row.passed is (error == 0), row.reason
