"""The same pair out of each container: what a format costs above the kernel, what opening costs."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import cases
import trueness

ELEMENTS = cases.scaled(1 << 24)


def write_npy(path: Path, values: cases.Array) -> None:
    with path.open("wb") as file:
        np.save(file, values)


def write_npz(path: Path, values: cases.Array) -> None:
    with path.open("wb") as file:
        np.savez(file, values=values)


def write_safetensors(path: Path, values: cases.Array) -> None:
    entry = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    header = json.dumps({"values": entry}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + values.tobytes())


def write_atb(path: Path, values: cases.Array) -> None:
    lines = [
        "$Version=1.0",
        "$Object.Count=1",
        f"$Object.Length={values.nbytes}",
        "format=2",
        "dtype=0",
        f"dims={','.join(map(str, values.shape))}",
        f"$Object.data=0,{values.nbytes}",
        "$End=1",
    ]
    path.write_bytes("\n".join([*lines, ""]).encode() + values.tobytes())


WRITERS = {
    "npy": write_npy,
    "npz": write_npz,
    "safetensors": write_safetensors,
    "atb": write_atb,
}


@pytest.fixture(params=WRITERS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    write: Callable[[Path, cases.Array], None] = WRITERS[request.param]
    paths = [tmp_path / side for side in ("golden", "my")]
    for path, values in zip(paths, cases.float32_pair(ELEMENTS), strict=True):
        write(path, values)
    return [str(path) for path in paths]


def bench_compare(benchmark: BenchmarkFixture, pair: list[str]) -> None:
    (result,) = benchmark(trueness.compare_files, *pair, metrics="basic")
    assert result.metrics["cosine_similarity"] > 0.99


def bench_open(benchmark: BenchmarkFixture, pair: list[str]) -> None:
    assert benchmark(trueness.open, pair[0]).tensors[0].shape == (ELEMENTS,)


def bench_numpy_array(benchmark: BenchmarkFixture, pair: list[str]) -> None:
    tensor = trueness.open(pair[0]).tensors[0]
    assert benchmark(tensor.numpy).shape == (ELEMENTS,)
