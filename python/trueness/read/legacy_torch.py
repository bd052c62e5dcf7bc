"""PyTorch files from before the zip format. Only torch itself reads them."""

from __future__ import annotations

from trueness._core import Source, Tensor
from trueness.errors import FormatError
from trueness.read.array import tensor_from_array
from trueness.read.file import TensorFile
from trueness.read.nested import describe_others, named_values


def read_legacy_torch(source: Source) -> TensorFile:
    """Loads all tensors with torch's own restricted unpickler. Raises FormatError without torch."""
    try:
        import torch
    except ImportError as error:
        raise FormatError(
            source.path,
            0,
            "",
            'torch to read a file older than PyTorch 1.6 (pip install "trueness[torch]")',
            "no torch",
        ) from error
    try:
        root = torch.load(source.path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise FormatError(
            source.path, 0, "", "a file that torch can load", reason[0] if reason else repr(error)
        ) from error
    tensors: list[Tensor] = []
    others: list[tuple[str, object]] = []
    for name, value in named_values(source.path, root):
        if isinstance(value, torch.Tensor):
            index = len(tensors)
            tensors.append(tensor_from_array(value).relabelled(name=name, index=index))
        else:
            others.append((name, value))
    return TensorFile(source.path, "torch_legacy", tensors, describe_others(others))
