"""Writes msprobe dumps: dump.json, construct.json and, with values, dump_tensor_data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Arguments = Sequence[object]
"""Arrays are tensors; lists may hold them; anything else is a Python value."""


class Writer:
    """One rank of one step."""

    def __init__(self, folder: Path, *, values: bool, level: str = "L1") -> None:
        self.folder = folder
        self.values = values
        self.level = level
        self.calls: dict[str, dict[str, object]] = {}
        self.scopes: dict[str, str] = {}
        self.stacks: dict[str, object] = {}
        (folder / "dump_tensor_data" if values else folder).mkdir(parents=True, exist_ok=True)

    def call(
        self,
        name: str,
        inputs: Arguments = (),
        outputs: Arguments = (),
        *,
        keywords: Mapping[str, object] | None = None,
        parameters: Mapping[str, np.ndarray] | None = None,
        scope: str = "",
    ) -> None:
        self.calls[name] = {
            "input_args": [self.said(f"{name}.input.{i}", x) for i, x in enumerate(inputs)],
            "input_kwargs": {
                key: self.said(f"{name}.input.{key}", x) for key, x in (keywords or {}).items()
            },
            "output": [self.said(f"{name}.output.{i}", x) for i, x in enumerate(outputs)],
        }
        if parameters:
            self.calls[name]["parameters"] = {
                key: self.said(f"{name}.parameters.{key}", x) for key, x in parameters.items()
            }
        if scope:
            self.scopes[name] = scope

    def said(self, label: str, value: object) -> object:
        if isinstance(value, list):
            return [self.said(f"{label}.{i}", inner) for i, inner in enumerate(value)]
        if not isinstance(value, np.ndarray):
            return value if value is None else {"type": type(value).__name__, "value": value}
        said = {
            "type": "torch.Tensor",
            "dtype": f"torch.{value.dtype}",
            "shape": list(value.shape),
            "Max": float(value.max()),
            "Min": float(value.min()),
            "Mean": float(value.mean()),
            "Norm": float(np.linalg.norm(value.astype(np.float64))),
            "requires_grad": False,
        }
        if self.values:
            said["data_name"] = f"{label}.npy"
            np.save(self.folder / "dump_tensor_data" / said["data_name"], value)
        return said

    def write(self) -> None:
        content = {
            "task": "tensor" if self.values else "statistics",
            "level": self.level,
            "framework": "pytorch",
            "dump_data_dir": "/elsewhere/dump_tensor_data" if self.values else None,
            "data": self.calls,
        }
        (self.folder / "dump.json").write_text(json.dumps(content))
        (self.folder / "construct.json").write_text(json.dumps(self.scopes))
        (self.folder / "stack.json").write_text(json.dumps(self.stacks))
