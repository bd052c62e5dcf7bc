import json
from pathlib import Path

import numpy as np
import pytest

from builders.msprobe import Writer
from trueness.discover.msprobe_calls import callers
from trueness.dumps import compare_dumps
from trueness.model import Leftover, TensorRef

TORCH = "File /env/site-packages/torch/nn/modules/linear.py, line 125, in forward, \n F.linear(x)"
ATTENTION = "File /a/modeling.py, line 9, in forward, \n q = self.q_proj(x)"
MLP = 'File "C:\\\\b\\\\modeling.py", line 70, in forward, \n\n  up =  self.up_proj(x)'


def sites(folder: Path, stack: object, construct: object = None) -> dict[str, str]:
    for name, content in (("stack", stack), ("construct", construct)):
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    leftover: list[Leftover] = []
    found = callers(str(folder), TensorRef("dump.json"), leftover)
    assert not leftover
    return found


def test_frames_by_call_and_calls_by_stack(tmp_path: Path) -> None:
    assert sites(tmp_path, {"a": [TORCH, ATTENTION], "b": [MLP], "c": [TORCH], "d": []}) == {
        "a": "modeling.py forward: q = self.q_proj(x)",
        "b": "modeling.py forward: up = self.up_proj(x)",
    }
    assert sites(tmp_path, {"0": [["a", "b"], [TORCH, MLP]], "1": [[3], [ATTENTION]]}) == {
        "a": "modeling.py forward: up = self.up_proj(x)",
        "b": "modeling.py forward: up = self.up_proj(x)",
    }


def test_a_module_says_more_than_a_line(tmp_path: Path) -> None:
    stack = {"a": [ATTENTION], "b": [MLP]}
    found = sites(tmp_path, stack, {"a": "Module.x.X.forward.0", "b": None})
    assert found == {"a": "Module.x.X.forward.0", "b": "modeling.py forward: up = self.up_proj(x)"}


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, "\udcff"])
def test_a_damaged_stack_costs_nothing_else(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content, errors="surrogateescape")
    (tmp_path / "construct.json").write_text('{"a": "Module.x.X.forward.0"}')
    leftover: list[Leftover] = []
    where = TensorRef("dump.json", rank=3)
    assert callers(str(tmp_path), where, leftover) == {"a": "Module.x.X.forward.0"}
    assert [(left.ref.path, left.ref.rank, left.expected) for left in leftover] == [
        (str(tmp_path / "stack.json"), 3, True)
    ]


def test_the_line_that_called_sees_through_a_call_more(tmp_path: Path) -> None:
    """Without modules, as msprobe dumps at the level of functions."""
    calls = {"golden": [ATTENTION, MLP], "my": ["File /new.py, line 1, in warm", ATTENTION, MLP]}
    for side, frames in calls.items():
        writer = Writer(tmp_path / side, values=True)
        for count, frame in enumerate(frames):
            name = f"Functional.linear.{count}.forward"
            value = np.full(3, len(frames) - count, np.float32)
            writer.call(name, outputs=[value])
            writer.stacks[name] = [TORCH, frame.replace("line 9", f"line 9{len(side)}")]
        writer.write()
    rows = [row for row in compare_dumps(tmp_path / "golden", tmp_path / "my") if row.golden]
    assert [(row.golden.op_name[18], row.my.op_name[18], row.passed) for row in rows] == [
        ("0", "1", True),
        ("1", "2", True),
    ]
    assert all(row.pairing.startswith("name and caller") for row in rows)
