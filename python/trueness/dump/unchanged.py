"""Whether dumping left the result alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trueness.dump import files
from trueness.dump.place import members


def check_unchanged(
    model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[Any], bool]:
    """Runs the model undumped and puts its buffers and the random generators back. What it returns
    says whether another output is the same, bit for bit."""
    import torch

    module = model.module() if hasattr(model, "graph_module") else model
    buffers = list(module.buffers()) if isinstance(module, torch.nn.Module) else []
    kept = [buffer.detach().clone() for buffer in buffers]
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices), torch.no_grad():
        expected = [leaf.detach().clone() for leaf in _leaves(module(*args, **kwargs))]
        for buffer, before in zip(buffers, kept, strict=True):
            buffer.copy_(before)

    def same(found: Any) -> bool:
        leaves = _leaves(found)
        return len(leaves) == len(expected) and all(map(_same_bits, expected, leaves))

    return same


def _leaves(value: Any) -> list[Any]:
    if files.is_tensor(value):
        return [value]
    return [leaf for part in members(value) or () for leaf in _leaves(part)]


def _same_bits(expected: Any, found: Any) -> bool:
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return False
    left, right = files.on_host(expected), files.on_host(found)
    return files.raw(left) == files.raw(right)
