"""An operator that FFTS+ cut: its files together are what golden has in one."""

from pathlib import Path

import numpy as np
import pytest

from builders.ge import DTYPES, ND, Dump, Tensor
from trueness.dumps import compare_dumps
from trueness.model import Result, State

RANK = "worldsize1_global_rank0"
VALUES = np.arange(24, dtype=np.float32).reshape(2, 12)
WEIGHT = np.ones((3, 5), dtype=np.float32)
GRAPH = """op { name: "Conv" type: "Conv" input: "x:0" input: "w:0" output_desc { attr {
    key: "_fx_tensor_name" value { s: "conv-aten.conv.default.OUTPUT.0" } } } }"""


def tensor(array: np.ndarray) -> Tensor:
    return Tensor(DTYPES[str(array.dtype)], array.shape, array.tobytes(), ND)


def compare(root: Path, slices: list[np.ndarray]) -> dict[tuple[str, int], Result]:
    """Golden is VALUES and WEIGHT in, VALUES out; of mine there is a file for each slice."""
    fx = root / "fx" / RANK / "graph_1/0"
    ge = root / "ge" / RANK / "20260101000000/0/graph_1/1/0"
    for folder in (fx, ge):
        folder.mkdir(parents=True)
    name = "dynamo_original_graph_1_rank_0_pid_1_ts_20260101000000000000.txt"
    (root / "ge" / name).write_text(GRAPH)
    for what, array in (("INPUT.0", VALUES), ("INPUT.1", WEIGHT), ("OUTPUT.0", VALUES)):
        np.save(fx / f"conv-aten.conv.default.{what}.20260101000000000000.npy", array)
    for number, part in enumerate(slices):
        dump = Dump([tensor(part)], [tensor(part), tensor(WEIGHT)])
        file = f"Conv.Conv_lxslice{number}.3.2.170000000000000{number % 10}.4.33.0.0"
        (ge / file).write_bytes(dump.encode())
    results = list(compare_dumps(root / "fx", root / "ge"))
    assert len(results) == 3
    return {(r.my.io, r.my.index): r for r in results}


@pytest.mark.parametrize(("axis", "count"), [(0, 2), (1, 12), (1, 4)])
def test_slices_are_put_together(tmp_path: Path, axis: int, count: int) -> None:
    rows = compare(tmp_path, np.split(VALUES, count, axis))
    for key in (("input", 0), ("output", 0)):
        assert (rows[key].state, rows[key].passed) == (State.OK, True)
        assert rows[key].metrics["max_absolute_error"] == 0
        assert rows[key].my_shape == VALUES.shape
        assert f"{count} my parts joined along dimension {axis}" in rows[key].pairing
    # What is not cut is the same in each file.
    assert (rows["input", 1].state, rows["input", 1].my_shape) == (State.OK, WEIGHT.shape)
    assert "do not tell shapes" in rows["input", 1].pairing
    assert "do not tell shapes" not in rows["output", 0].pairing


def test_the_last_slice_is_missing(tmp_path: Path) -> None:
    """No name tells that there was another one, but the shape does."""
    rows = compare(tmp_path, np.split(VALUES, 4, 1)[:3])
    assert rows["output", 0].state is State.SHAPE_MISMATCH
    assert rows["output", 0].passed is False
