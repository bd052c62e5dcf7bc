"""Writes ATB dumps: tensors in the text-headed format, in folders of operators."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

DTYPES = {"float32": 0, "float16": 1, "int8": 2, "int32": 3, "int64": 9}


def encode(value: np.ndarray) -> bytes:
    payload = value.tobytes()
    lines = [
        "$Version=1.0",
        "$Object.Count=1",
        f"$Object.Length={len(payload)}",
        "format=2",
        f"dtype={DTYPES[str(value.dtype)]}",
        "dims=" + ",".join(map(str, value.shape)),
        f"$Object.data=0,{len(payload)}",
        "$End=1",
    ]
    return "\n".join([*lines, ""]).encode() + payload


def encode_statistics(value: np.ndarray) -> bytes:
    wide = value.astype(np.float64)
    lines = [
        "$Version=1.0",
        "dtype=" + str(DTYPES[str(value.dtype)]),
        "dims=" + ",".join(map(str, value.shape)),
        f"max={wide.max()}",
        f"min={wide.min()}",
        f"mean={wide.mean()}",
        f"l2norm={np.linalg.norm(wide)}",
        "$End=1",
    ]
    return "\n".join([*lines, ""]).encode()


def write_models(root: Path, starts: Mapping[str, int], pid: str = "1234") -> None:
    """What the tool leaves of each graph: its name to the number of its first operator."""
    folder = root / "model" / pid
    folder.mkdir(parents=True, exist_ok=True)
    for name, start in starts.items():
        node = {"opName": f"WordEmbedding_{start}", "opType": "WordEmbedding", "nodes": []}
        content = {"modelName": name, "nodes": [node]}
        (folder / f"{name}.json").write_text(json.dumps(content))


def write(
    root: Path,
    files: Mapping[str, np.ndarray],
    *,
    token: int = 0,
    card: str = "0_1234",
    statistics: bool = False,
) -> Path:
    """`files`: `{k}_{Op}/.../after/outtensor0` to value."""
    for name, value in files.items():
        path = root / "tensors" / card / str(token) / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_statistics(value) if statistics else encode(value))
    return root
