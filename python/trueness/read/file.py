"""What opening a file yields, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field

from trueness._core import File, Tensor


@dataclass(frozen=True, slots=True)
class TensorFile:
    """An opened file: descriptions of its tensors, whose values stay where they lie.

    `kind` names the format ("ge_dump", "npy", "npz", "torch" ...), `warnings` what was odd but
    survivable, `attributes` what the header says about the whole file, as text.
    """

    path: str
    kind: str
    tensors: list[Tensor]
    warnings: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: File) -> TensorFile:
        return cls(file.path, file.kind, file.tensors, file.warnings, file.attributes)
