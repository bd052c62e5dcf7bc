"""The run of an ONNX model as the files that an NPU would have left of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trueness.dump.ge_bin import DTYPES, Operator, Tensor, write_operator
from trueness.dump.onnx_graph import Node
from trueness.dump.packed import Slot


def write_operators(
    folder: str,
    nodes: Mapping[str, Node],
    slots: Sequence[Slot],
    content: Callable[[str], Any],
) -> Mapping[str, str]:
    """One file for each node that has a dumped output, with the dumped tensors among its inputs:
    weights are none. `content` gives the bytes of a slot. Returns why tensors are left out."""
    begin = time.time_ns() // 1000
    known = {slot.name: slot for slot in slots if slot.dtype in DTYPES}
    skipped = {
        slot.name: f"a GE dump has no number for {slot.dtype}"
        for slot in slots
        if slot.dtype not in DTYPES
    }

    def tensors(names: Sequence[str]) -> list[Tensor]:
        found = (known[name] for name in names if name in known)
        return [Tensor(slot.dtype, slot.shape, content(slot.name)) for slot in found]

    for task, (name, node) in enumerate(nodes.items()):
        outputs = tensors(node.outputs)
        if outputs:
            operator = Operator(name, node.op_type, task, tensors(node.inputs), outputs)
            write_operator(folder, operator, begin + task)
    return skipped
