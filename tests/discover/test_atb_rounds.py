from pathlib import Path

import numpy as np
import pytest

from builders import atb
from trueness.discover.atb import Atb
from trueness.dumps import compare_dumps
from trueness.model import Dump, State

PREFILL = {"0_Embedding": 1.0, "1_Layer": 2.0}
DECODE = {"2_Embedding": 3.0, "3_Layer": 4.0}


def write(root: Path, rounds: list[dict[str, float]], card: str = "0_1234") -> Path:
    for number, operators in enumerate(rounds):
        files = {f"{n}/after/outtensor0": np.full(3, v, np.float32) for n, v in operators.items()}
        atb.write(root, files, token=number, card=card)
    return root


def discover(root: Path, token: int | None = None) -> Dump:
    return Atb().discover(root, rank=None, token=token)


def tokens(dump: Dump) -> dict[int | None, list[str]]:
    found: dict[int | None, list[str]] = {}
    for ref in dump.tensors:
        found.setdefault(ref.token, []).append(ref.op_name)
    return found


@pytest.fixture
def warmed(tmp_path: Path) -> Path:
    """A warm-up, the first two tokens in one folder, then one folder a token."""
    write(tmp_path, [PREFILL, {**PREFILL, **DECODE}, DECODE, DECODE])
    atb.write_models(tmp_path, {"Model_Decoder": 2, "Model_Prefill": 0})
    return tmp_path


def test_warm_up_prefill_and_decode(warmed: Path) -> None:
    dump = discover(warmed)
    assert tokens(dump) == {0: list(PREFILL), 1: list(DECODE), 2: list(DECODE), 3: list(DECODE)}
    assert [(left.reason, left.expected) for left in dump.leftover] == [
        ("of a warm-up, which ran before the first token", True)
    ] * 2


def test_without_a_warm_up_the_first_folder_holds_two_tokens(tmp_path: Path) -> None:
    write(tmp_path, [{**PREFILL, **DECODE}, DECODE])
    atb.write_models(tmp_path, {"a": 0, "b": 2})
    assert tokens(discover(tmp_path)) == {0: list(PREFILL), 1: list(DECODE), 2: list(DECODE)}


def test_the_layout_of_inputs_may_be_converted_first(tmp_path: Path) -> None:
    both = {"0_TransdataOperation": 9.0, "1_Embedding": 1.0, "2_Layer": 2.0, "3_Embedding": 3.0}
    write(tmp_path, [both])
    atb.write_models(tmp_path, {"a": 0, "b": 2})
    assert tokens(discover(tmp_path))[0] == ["0_TransdataOperation", "1_Embedding"]
    (tmp_path / "layer/1234").mkdir(parents=True)
    (tmp_path / "layer/1234/TransdataOperation_0.json").write_text("{}")
    assert tokens(discover(tmp_path)) == {0: list(both)[:3], 1: ["3_Embedding"]}


@pytest.mark.parametrize(
    "starts", [{}, {"a": 0}, {"a": 0, "b": 0}, {"a": 0, "b": 50}], ids=lambda s: str(s)
)
def test_where_nothing_tells_graphs_apart_folders_are_tokens(
    tmp_path: Path, starts: dict[str, int]
) -> None:
    write(tmp_path, [PREFILL, {**PREFILL, **DECODE}])
    atb.write_models(tmp_path, starts)
    assert list(tokens(discover(tmp_path))) == [0, 1]


@pytest.mark.parametrize("token", [0, 1, 2])
def test_one_token_and_what_it_leaves_out(warmed: Path, token: int) -> None:
    whole, part = discover(warmed), discover(warmed, token)
    assert part.tensors == [ref for ref in whole.tensors if ref.token == token]
    assert len(part.tensors) + part.skipped["token"] == len(whole.tensors) + len(whole.leftover)


def test_a_folder_given_alone_keeps_its_meaning(warmed: Path) -> None:
    assert list(tokens(discover(warmed / "tensors/0_1234/1"))) == [0, 1]
    assert list(tokens(discover(warmed / "tensors/0_1234/3"))) == [3]


@pytest.mark.parametrize("content", ["{", "[]", '{"nodes": [1]}', "[" * 100_000, "\udcff"])
def test_a_damaged_description_is_a_row(warmed: Path, content: str) -> None:
    path = warmed / "model/1234/Model_Decoder.json"
    path.write_text(content, errors="surrogateescape")
    dump = discover(warmed)
    assert list(tokens(dump)) == [0, 1, 2, 3]
    (left,) = dump.leftover
    assert (left.ref.path, left.expected) == (str(path), False)
    assert left.reason.startswith("prefill and decode cannot be told apart by it")


def test_the_same_tokens_meet_whatever_ran_before(tmp_path: Path, warmed: Path) -> None:
    golden = write(tmp_path / "golden", [{**PREFILL, **DECODE}, DECODE], card="0_7")
    atb.write_models(golden, {"a": 0, "b": 2}, pid="7")
    for name in ("tensors", "model"):
        (tmp_path / "my").mkdir(exist_ok=True)
        (warmed / name).rename(tmp_path / "my" / name)
    rows = list(compare_dumps(golden, tmp_path / "my"))
    met = [row for row in rows if row.state is State.OK]
    assert [row.passed for row in met] == [True] * 6
    others = {(row.my.token, row.passed) for row in rows if row.state is not State.OK}
    assert others == {(3, False), (None, None)}
