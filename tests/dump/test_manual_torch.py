"""What `dump_data` writes is what `compare` reads, for every tensor a model may have."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from trueness.dump import dump_data, guard, manual
from trueness.dumps import compare_dumps
from trueness.errors import UsageError
from trueness.model import State

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "_folders", {})
    monkeypatch.setattr(guard, "_said", set())


def my_file(folder: Path, name: str, values: object = (1.0, 2.0)) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{name}.npy", np.asarray(values, np.float32))
    return folder / f"{name}.npy"


def metadata(output: Path) -> dict[str, dict[str, list[str]]]:
    (found,) = output.glob("msit_dump_*/*/golden_tensor/metadata.json")
    return json.loads(found.read_text())


def test_layout_names_and_content_are_the_documented_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    my = my_file(tmp_path / "mine", "hidden")
    dump_data(token_id=1, data_id="hidden", golden_data=torch.ones(2), my_path=str(my))
    (root,) = tmp_path.glob("msit_dump_????????_??????")
    path = f"{os.getpid()}_-1/golden_tensor/1/hidden_tensor.pth"
    assert torch.equal(torch.load(root / path), torch.ones(2))
    assert metadata(tmp_path) == {"hidden": {"1": [f"./{root.name}/{path}", str(my)]}}


def test_every_token_and_every_id_is_compared(tmp_path: Path) -> None:
    for token in range(3):
        for label in ("a/b", "a%2Fb", 7):
            name = f"{token}_{str(label).replace('/', '_')}"
            my = my_file(tmp_path / "my", name, [token, 2.0])
            dump_data(token, label, torch.tensor([token, 2.0]), my, tmp_path / "out", strict=True)
    (dump,) = (tmp_path / "out").iterdir()
    results = list(compare_dumps(dump, tmp_path / "my"))
    assert [result.passed for result in results] == [True] * 9
    labels = {result.golden and (result.golden.label, result.golden.token) for result in results}
    assert labels == {(label, t) for label in ("a/b", "a%2Fb", "7") for t in range(3)}


TENSORS = {
    "one_dimension": torch.arange(5.0),
    "none": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "view": torch.arange(24.0).reshape(4, 6).t()[::2, 1:],
    "bf16": torch.linspace(-3, 3, 7).to(torch.bfloat16),
    "gradient": torch.ones(3, requires_grad=True) * 2,
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "bool": torch.tensor([True, False]),
    "conjugate": torch.tensor([1 + 2j, 3 - 1j]).conj(),
    "negative": torch.tensor([1 + 2j]).conj().imag,
    "sparse": torch.eye(3).to_sparse(),
    "float8": torch.tensor([1.0, -0.5]).to(torch.float8_e4m3fn),
}


@pytest.mark.parametrize("name", TENSORS)
def test_any_tensor(tmp_path: Path, name: str) -> None:
    tensor = TENSORS[name]
    dump_data(0, name, tensor, my_file(tmp_path, "my"), tmp_path, strict=True)
    (path,) = tmp_path.glob("*/*/golden_tensor/0/*.pth")
    found = torch.load(path)
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    assert found.dtype == dense.dtype and not found.requires_grad
    wide = torch.complex128 if dense.is_complex() else torch.float64
    assert torch.equal(found.to(wide), dense.resolve_conj().resolve_neg().to(wide))


def test_a_small_view_does_not_drag_its_storage_along(tmp_path: Path) -> None:
    whole = torch.zeros(1 << 18)
    dump_data(0, "part", whole[:4], my_file(tmp_path, "my"), tmp_path, strict=True)
    (path,) = tmp_path.glob("*/*/golden_tensor/0/*.pth")
    assert path.stat().st_size < 10_000


WRONG = [
    ((-1, "a", torch.ones(1), "my.npy"), "all needed"),
    ((0, -1, torch.ones(1), "my.npy"), "all needed"),
    ((0, "a", torch.ones(1), ""), "all needed"),
    ((0, "a", [1.0], "my.npy"), "no torch tensor"),
    ((0, "a", torch.ones(1), "."), "no regular file"),
]


@pytest.mark.parametrize(("arguments", "reason"), WRONG)
def test_what_is_wrong_is_said_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, arguments: tuple[object, ...], reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            dump_data(*arguments, tmp_path)
    assert [reason in record.getMessage() for record in caplog.records] == [True]
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match=reason):
        dump_data(*arguments, tmp_path, strict=True)


def test_a_folder_that_cannot_be_written_is_no_matter_of_the_model(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    my = my_file(tmp_path, "my")
    dump_data(0, "a", torch.ones(1), my, blocked)
    with pytest.raises(OSError):
        dump_data(0, "a", torch.ones(1), my, blocked, strict=True)


def test_a_file_still_to_come_is_noted_and_compare_says_if_it_never_came(tmp_path: Path) -> None:
    for name in ("late", "never"):
        my = tmp_path / "my" / f"{name}.npy"
        dump_data(0, name, torch.ones(2), my, tmp_path / "out", strict=True)
    my_file(tmp_path / "my", "late", [1.0, 1.0])
    (dump,) = (tmp_path / "out").iterdir()
    states = {r.golden.label: r.state for r in compare_dumps(dump, tmp_path / "my") if r.golden}
    assert states["late"] is State.OK
    assert not states["never"].compared


def test_threads_lose_nothing(tmp_path: Path) -> None:
    my = my_file(tmp_path, "my")

    def dump(number: int) -> None:
        dump_data(
            number % 4, f"t{number // 4}", torch.full((3,), number), my, tmp_path, strict=True
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(dump, range(200)))
    records = metadata(tmp_path)
    assert {(label, token) for label in records for token in records[label]} == {
        (f"t{number // 4}", str(number % 4)) for number in range(200)
    }
    assert all(Path(paths[0]).is_file() for record in records.values() for paths in record.values())


def test_a_process_of_the_same_number_gets_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    my = my_file(tmp_path, "my")
    dump_data(0, "a", torch.zeros(1), my, tmp_path, strict=True)
    monkeypatch.setattr(manual, "_folders", {})
    dump_data(0, "a", torch.ones(1), my, tmp_path, strict=True)
    values = {float(torch.load(path)) for path in tmp_path.glob("*/*/golden_tensor/0/a_tensor.pth")}
    assert values == {0.0, 1.0}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_writes_beside_its_parent(tmp_path: Path) -> None:
    my = my_file(tmp_path, "my")
    dump_data(0, "parent", torch.zeros(1), my, tmp_path, strict=True)
    child = os.fork()
    if child == 0:
        dump_data(0, "child", torch.ones(1), my, tmp_path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found = [json.loads(p.read_text()) for p in tmp_path.glob("*/*/golden_tensor/metadata.json")]
    assert sorted(next(iter(records)) for records in found) == ["child", "parent"]


def test_ranks_dump_into_one_folder(tmp_path: Path) -> None:
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("this torch has no gloo")
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        key = f"trueness_dump_time/{tmp_path / 'out'}"
        # What a rank that came first would have left.
        distributed.distributed_c10d._get_default_store().compare_set(key, "", "86400.0")
        dump_data(0, "a", torch.ones(1), my_file(tmp_path, "my"), tmp_path / "out", strict=True)
    finally:
        distributed.destroy_process_group()
    (root,) = (tmp_path / "out").iterdir()
    assert root.name.startswith("msit_dump_19700")
