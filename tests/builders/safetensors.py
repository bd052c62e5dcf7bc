"""A safetensors file, by hand."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    """float32 only; the tensors lie in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header, data = {}, b""
    for name, values in tensors.items():
        content = np.ascontiguousarray(values, np.float32).tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
