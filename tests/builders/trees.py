"""Both sides of a comparison in any layout, and a plan of what belongs together and is broken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from builders import atb
from builders.msprobe import Writer

SIDES = ("golden", "my")
WHOLE, LOST, TRUNCATED = "whole", "lost", "truncated"


@dataclass(frozen=True)
class Planned:
    """A tensor of both sides; `golden` and `my` say what becomes of its file there."""

    rank: int
    token: int
    op: int
    io: str
    index: int
    golden: str = WHOLE
    my: str = WHOLE

    def fate(self, side: str) -> str:
        return self.golden if side == "golden" else self.my

    @property
    def place(self) -> tuple[int, int, int, str, int]:
        return self.rank, self.token, self.op, self.io, self.index


@dataclass(frozen=True)
class Layout:
    """`ops` are the names of operators in the order of execution. `prepare` writes what there is
    beside the tensors; `keeps_lost`: that still names a file that is gone."""

    name: str
    ops: Sequence[str]
    path: Callable[[Planned, str], str]
    encode: Callable[[np.ndarray], bytes]
    prepare: Callable[[Path, Sequence[Planned]], None] = lambda root, planned: None
    keeps_lost: bool = False
    has_ranks: bool = True


def value(planned: Planned) -> np.ndarray:
    """No two tensors of a dump hold the same."""
    return np.array([*planned.place[:3], planned.io == "input", planned.index, 1], np.float32)


def write(root: Path, layout: Layout, planned: Sequence[Planned]) -> dict[str, dict[str, Planned]]:
    """Writes both sides, files in the order of the plan, and returns what each file left is."""
    left: dict[str, dict[str, Planned]] = {}
    for side in SIDES:
        left[side] = {}
        for item in planned:
            path = root / side / layout.path(item, side)
            path.parent.mkdir(parents=True, exist_ok=True)
            if item.fate(side) == LOST:
                continue
            content = layout.encode(value(item))
            cut = len(content) - 5 if item.fate(side) == TRUNCATED else len(content)
            path.write_bytes(content[:cut])
            left[side][str(path.relative_to(root / side))] = item
        layout.prepare(root / side, planned)
    return left


def _npy(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


_ATB = [
    "0_Embedding",
    "1_Layer/0_Attention/0_Linear",
    "1_Layer/0_Attention/2_Linear",
    "1_Layer/0_Attention/10_Linear",
    "1_Layer/0_Attention",
    "1_Layer/1_Add",
    "1_Layer",
    "2_Layer/0_Attention/0_Linear",
    "2_Layer/1_Add",
    "10_LmHead",
]
_MODULES = [f"root.layers.{i}.{part}" for i in (0, 1, 10) for part in ("attn", "mlp.up")]
_NODES = ["Conv_1", "Conv_10", "Conv_2", "Add", "Add.1", "Add.2", "a/b_c", "input_norm"]
_NODES = [name.replace("/", "_") for name in _NODES]
_CALLS = [f"Functional.{f}.{n}.forward" for n in (0, 1, 2) for f in ("linear", "softmax")]


def _atb_path(item: Planned, side: str) -> str:
    pid = 7 if side == "golden" else 12345
    stage, kind = ("before", "in") if item.io == "input" else ("after", "out")
    card = f"{item.rank}_{pid}/{item.token}"
    return f"dump/tensors/{card}/{_ATB[item.op]}/{stage}/{kind}tensor{item.index}.bin"


def _torch_path(item: Planned, side: str) -> str:
    card = f"npu{item.rank}_{5 if side == 'golden' else 66}/{item.token}"
    return f"torch_tensors/{card}/{_MODULES[item.op]}/{item.io}_{item.index}.pth"


def _onnx_path(item: Planned, side: str) -> str:
    start = 1_700_000_000_000_000 if side == "golden" else 1_800_000_000_000_007
    given = "input_" if item.io == "input" else ""
    return f"{given}{_NODES[item.op]}.{item.index}.{start + item.op * 3}.npy"


def _msprobe_path(item: Planned, side: str) -> str:
    folder = f"step{item.token}/rank{item.rank}/dump_tensor_data"
    return f"{folder}/{_CALLS[item.op]}.{item.io}.{item.index}.npy"


def _msprobe_json(root: Path, planned: Sequence[Planned]) -> None:
    """Lists need every place up to the last: what was not planned was None in the call."""
    for rank, token in sorted({(item.rank, item.token) for item in planned}):
        writer = Writer(root / f"step{token}/rank{rank}", values=False)
        for op in sorted({item.op for item in planned}):
            sides: Mapping[str, dict[int, np.ndarray]] = {"input": {}, "output": {}}
            for item in planned:
                if (item.rank, item.token, item.op) == (rank, token, op):
                    sides[item.io][item.index] = value(item)
            lists = [[of.get(i) for i in range(max(of, default=-1) + 1)] for of in sides.values()]
            writer.call(_CALLS[op], *lists)
            for io, key in (("input", "input_args"), ("output", "output")):
                for index, said in enumerate(writer.calls[_CALLS[op]][key]):
                    if said:
                        said["data_name"] = f"{_CALLS[op]}.{io}.{index}.npy"
        writer.write()


LAYOUTS = (
    Layout("atb", _ATB, _atb_path, atb.encode),
    Layout("atb_statistics", _ATB, _atb_path, atb.encode_statistics),
    Layout("torch", _MODULES, _torch_path, _npy),
    Layout("onnx", _NODES, _onnx_path, _npy, has_ranks=False),
    Layout("msprobe", _CALLS, _msprobe_path, _npy, _msprobe_json, keeps_lost=True),
)
