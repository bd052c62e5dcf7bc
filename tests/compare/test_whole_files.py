"""Pairs of whole files compared in one call give the rows that each gives alone."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueness import _core
from trueness.compare.files import Worker
from trueness.compare.metrics import Choice
from trueness.compare.open_files import OpenFiles
from trueness.compare.standards import standard_of
from trueness.model import Pair, State, TensorRef, Unmatched

SAMPLES = Path(__file__).parent.parent / "data"
VALUES = np.linspace(-1, 1, 12, dtype=np.float32)
ASKED = {("float32", "float32"): (Choice("all").mask, None)}
ANY_SIZE = 1 << 40


def worker(metrics: str = "all") -> Worker:
    return Worker(OpenFiles(), standard_of(None), Choice(metrics), 1)


def rows_alike(items: Sequence[Pair | Unmatched], metrics: str = "all") -> list[str]:
    """As text, in which NaN is equal to NaN. The second round knows the dtypes from the first."""
    alone, together = worker(metrics), worker(metrics)
    expected = [repr(row) for item in items for row in alone.results(item)]
    for _ in range(2):
        assert [repr(row) for row in together.batch(items)] == expected
    return expected


def of(golden: Path, my: Path) -> Pair:
    return Pair(TensorRef(str(golden)), TensorRef(str(my)), "by hand")


def test_files_of_every_format() -> None:
    files = sorted(
        path
        for folder in ("ge/valid", "ge/malformed", "atb", "pt")
        for path in (SAMPLES / folder).iterdir()
    )
    pairs = [of(a, b) for a, b in zip((*files, *files[1:]), (*files, *files[:-1]), strict=True)]
    assert len(rows_alike(pairs)) >= len(pairs)


DTYPES = ("<f4", ">f4", "<f2", "<f8", "i1", "<u4", "?", "<c8", "V2", "<U3")
SHAPES = ((), (0,), (1,), (7,), (3, 4), (4, 3), (1, 3, 4), (2, 0, 3))


@st.composite
def contents(draw: st.DrawFn) -> bytes | None:
    """A .npy file, sound or damaged; None for no file."""
    values = np.zeros(draw(st.sampled_from(SHAPES)), draw(st.sampled_from(DTYPES)))
    if values.dtype.kind in "fc":
        special = st.sampled_from((0.0, 1.0, -2.5, 6e4, np.nan, np.inf))
        values[...] = draw(special)
        if values.size:
            values.reshape(-1)[-1] = draw(special)
    if draw(st.booleans()):
        values = np.asfortranarray(values)
    whole = _npy(values)
    return draw(
        st.sampled_from(
            (
                *(whole,) * 4,
                whole[: draw(st.integers(0, len(whole)))],
                whole + b"behind",
                _changed(whole, draw(st.integers(0, len(whole) - 1)), draw(st.integers(0, 255))),
                b"some text",
                None,
            )
        )
    )


def _npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _changed(whole: bytes, at: int, value: int) -> bytes:
    return whole[:at] + bytes([value]) + whole[at + 1 :]


@given(
    st.lists(st.tuples(contents(), contents()), min_size=1, max_size=6),
    st.sampled_from(("all", "basic", "rmse")),
)
@settings(max_examples=60)
def test_sound_and_damaged_files(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[bytes | None, bytes | None]],
    metrics: str,
) -> None:
    folder = tmp_path_factory.mktemp("files")
    items: list[Pair | Unmatched] = []
    for i, sides in enumerate(drawn):
        paths = folder / f"golden{i}.npy", folder / f"my{i}.npy"
        for path, content in zip(paths, sides, strict=True):
            if content is not None:
                path.write_bytes(content)
        items += [of(*paths), of(paths[0], paths[0]), Unmatched(TensorRef("x"), None, "alone")]
    rows_alike(items, metrics)


@pytest.fixture
def plain(tmp_path: Path) -> tuple[str, str]:
    paths = tmp_path / "golden.npy", tmp_path / "my.npy"
    for path, values in zip(paths, (VALUES, VALUES * 2), strict=True):
        np.save(path, values.reshape(3, 4))
    return str(paths[0]), str(paths[1])


def test_a_plain_pair_is_answered(plain: tuple[str, str]) -> None:
    (answer,) = _core.compare_files([plain], asked=ASKED, below=ANY_SIZE)
    assert answer is not None
    assert answer[:4] == ("float32", "float32", (3, 4), 96)
    golden, my = (_core.open_file(path).tensors[0] for path in plain)
    assert answer[4] == _core.compare(golden, my, metrics=Choice("all").mask)
    tolerances = _core.Tolerances([(0.1, 0.0)])
    asked = {("float32", "float32"): (Choice("basic").mask, tolerances)}
    (answer,) = _core.compare_files([plain], asked=asked, below=ANY_SIZE)
    assert answer is not None
    assert answer[4] == _core.compare(
        golden, my, metrics=Choice("basic").mask, tolerances=tolerances
    )


def test_no_answer_for_what_is_not_plain(tmp_path: Path, plain: tuple[str, str]) -> None:
    odd = {
        "other_dtype": VALUES.astype(np.float64).reshape(3, 4),
        "other_shape": VALUES.reshape(1, 3, 4),
        "none_left": VALUES[:0],
    }
    for name, values in odd.items():
        np.save(tmp_path / f"{name}.npy", values)
    np.savez(tmp_path / "several.npz", a=VALUES, b=VALUES)
    (tmp_path / "text.npy").write_text("no tensor")
    names = [*(f"{name}.npy" for name in odd), "several.npz", "text.npy", "missing", "a\0b", "."]
    pairs = [(plain[0], str(tmp_path / name)) for name in names]
    asked_again = [*pairs, *((my, golden) for golden, my in pairs), None, plain]
    answers = _core.compare_files(asked_again, asked=ASKED, below=ANY_SIZE)
    assert [answer is None for answer in answers] == [True] * (2 * len(pairs) + 1) + [False]
    assert _core.compare_files([plain], asked={}, below=ANY_SIZE) == [None]
    assert _core.compare_files([plain], asked=ASKED, below=96) == [None]


def test_the_worker_asks_for_what_it_has_seen(plain: tuple[str, str], monkeypatch) -> None:
    pair = of(*map(Path, plain))
    asks = worker()
    (first,) = asks.batch([pair])
    monkeypatch.setattr(Worker, "results", lambda self, item: pytest.fail("looked at alone"))
    (second,) = asks.batch([pair])
    assert first == second
    assert second.state is State.OK
