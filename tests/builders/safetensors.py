"""A safetensors file, by hand."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    """float32 and int8; the tensors lie in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header, data = {}, b""
    for name, values in tensors.items():
        dtype = np.int8 if values.dtype == np.int8 else np.float32
        content = np.ascontiguousarray(values, dtype).tobytes()
        offsets = [len(data), len(data) + len(content)]
        name_of = "I8" if dtype is np.int8 else "F32"
        header[name] = {"dtype": name_of, "shape": list(values.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
