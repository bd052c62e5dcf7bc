"""A dump as `dump_data` leaves it, of any records."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Records = Mapping[str, Mapping[str, object]]


def write_metadata(root: Path, records: Records, process: str = "7_0") -> Path:
    """Writes the metadata only and returns the process folder."""
    folder = root / process / "golden_tensor"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps(records), encoding="utf-8")
    return root / process


def write_golden(process: Path, token: int, label: str, values: Sequence[float]) -> str:
    """A golden file, of npy content since that is what counts, and the path to record for it."""
    path = process / "golden_tensor" / str(token) / f"{label}_tensor.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, np.asarray(values, dtype=np.float32))
    return f"/elsewhere/{process.name}/golden_tensor/{token}/{label}_tensor.pth"


def write_my(path: Path, values: Sequence[float]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, np.asarray(values, dtype=np.float32))
    return path
