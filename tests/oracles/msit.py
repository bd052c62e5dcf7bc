"""Reports of msit, keyed so that they can be laid beside ours."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from trueness.model import Result
from trueness.report.columns import location

DATA = Path(__file__).parents[1] / "data" / "torchair"
Key = tuple[int, str, str]
Row = Mapping[str, str]

# msit computes in float32; its relative errors, m/g - 1, are off by up to its epsilon.
TOLERANCES: Mapping[str, Mapping[str, float]] = {
    "cosine_similarity": {"abs": 1e-6},
    "max_relative_error": {"rel": 1e-5, "abs": 2.4e-7},
    "mean_relative_error": {"rel": 1e-5, "abs": 2.4e-7},
    "relative_euclidean_distance": {"rel": 1e-5, "abs": 1e-12},
}


def key_of(token: int, golden: str, my: str, folders: int) -> Key:
    """`folders`: how many of a path tell tensors apart."""
    return token, *("/".join(path.split("/")[-folders - 1 :]) for path in (golden, my))


def read(name: str, folders: int) -> dict[Key, Row]:
    with (DATA / "msit" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {
        key_of(int(row["token_id"]), row["golden_data_path"], row["my_data_path"], folders): row
        for row in rows
    }
    assert len(found) == len(rows) > 20
    return found


def by_key(results: Iterable[Result], folders: int) -> dict[Key, Result]:
    """Ours; what has no partner is left out."""
    found = {}
    for result in results:
        if result.golden and result.my:
            paths = location(result.golden), location(result.my)
            key = key_of(result.my.token, *paths, folders)
            assert key not in found
            found[key] = result
    return found


def assert_same_numbers(ours: Result, theirs: Row) -> int:
    """How many numbers there were."""
    given = {metric: theirs[metric] for metric in TOLERANCES if theirs[metric]}
    for metric, text in given.items():
        assert ours.metrics[metric] == pytest.approx(float(text), **TOLERANCES[metric]), metric
    return len(given)
