"""Dumps of `trueness benchmark --dump`: folders of an `onnx_dump.json`, which has the graph, and of
one file with all tensors, or with their statistics in the index. Each run of the model is a
folder, named by its number, in CANN's tree: `{time}/{device}/{model}/{model_id}/{run}`."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from trueness.discover import tree
from trueness.model import Dump, Graph, GraphOp, Leftover, Statistics, TensorRef

INDEX = "onnx_dump.json"
FORMAT = "trueness onnx dump"
LARGEST = 1 << 28
"""Bytes of an index; that of 100,000 nodes has some 40 million."""
DEEPEST = 7
"""How far below the given folder an index may lie: output/dump/time/device/name/id/run."""
_TREE = re.compile(r"(.*/)(\d{14})/(\d{1,9})(/[^/]+/[^/]+/\d+)/[^/]+\Z", re.DOTALL)
MODEL_INPUT = "Input"
"""The operator type of what the model was given."""


class OnnxDump:
    name = "onnx_dump"

    def refusal(self, root: Path) -> str | None:
        if not root.is_dir():
            return "not a folder"
        if next(_indexes(os.fspath(root)), None) is None:
            return f"no {INDEX} that says {FORMAT} in it"
        return None

    def discover(self, root: Path, *, rank: int | None, token: int | None) -> Dump:
        """A token is a run, a rank a device. Of a run that was made again in the same tree the
        newest is taken, and the older ones are left over."""
        tensors: list[TensorRef] = []
        graphs: list[Graph] = []
        paths, leftover = _newest([*_indexes(os.fspath(root))])
        evidence = [f"{len(leftover)} older of the same name left out"] if leftover else []
        skipped: Counter[str] = Counter()
        for path in paths:
            run = _run_number(path)
            device = _device(path)
            if token is not None and run not in (None, token):
                skipped["token"] += 1
                continue
            if rank is not None and device not in (None, rank):
                skipped["rank"] += 1
                continue
            try:
                found = _read(path, run, device)
            except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
                what = f"{type(error).__name__}: {error}"
                leftover.append(Leftover(TensorRef(path), f"not a whole index: {what}"))
                continue
            tensors += found.tensors
            graphs.append(found.graph)
            leftover += found.leftover
            evidence.append(found.evidence)
        said = "; ".join(dict.fromkeys(evidence))
        return Dump(self.name, str(root), tensors, graphs, leftover, (), said, dict(skipped))


@dataclass(frozen=True)
class _Found:
    tensors: Sequence[TensorRef]
    graph: Graph
    leftover: Sequence[Leftover]
    evidence: str


def _indexes(top: str) -> Iterator[str]:
    level = [top]
    for _ in range(DEEPEST + 1):
        below: list[str] = []
        for folder in level:
            path = os.path.join(folder, INDEX)
            if os.path.isfile(path) and _says_so(path):
                yield path
            else:
                below += [entry.path for entry in tree.folders(folder)]
        level = below


def _says_so(path: str) -> bool:
    """A file of that name may be anything."""
    try:
        with open(path, "rb") as file:
            return FORMAT.encode() in file.read(4096)
    except OSError:
        return False


def _newest(paths: Sequence[str]) -> tuple[list[str], list[Leftover]]:
    """Those of which no younger one is in the same tree, and the others."""
    trees = {path: _TREE.match(os.path.abspath(path)) for path in paths}
    times: dict[tuple[str, ...], str] = {}
    for found in trees.values():
        if found:
            key = found.group(1, 3, 4)
            times[key] = max(found[2], times.get(key, ""))
    kept: list[str] = []
    older: list[Leftover] = []
    for path, found in trees.items():
        if found is None or times[found.group(1, 3, 4)] == found[2]:
            kept.append(path)
        else:
            reason = f"an older run: {times[found.group(1, 3, 4)]} holds the same"
            older.append(Leftover(TensorRef(path), reason, expected=True))
    return kept, older


def _device(path: str) -> int | None:
    found = _TREE.match(os.path.abspath(path))
    return int(found[3]) if found else None


def _run_number(path: str) -> int | None:
    name = os.path.basename(os.path.dirname(path))
    return int(name) if name.isdecimal() and len(name) < 10 else None


def _read(path: str, run: int | None, device: int | None) -> _Found:
    if os.path.getsize(path) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    ops, places = _graph(index)
    optimised = index["level"] != "disable"
    graph = Graph(path, str(index["model"]), None, device, ops, optimised)
    folder = os.path.dirname(path)
    data = None if index["data"] is None else os.path.join(folder, os.path.basename(index["data"]))
    base = TensorRef(data or path, io="output", token=run, rank=device)
    tensors = []
    for entry in index["tensors"]:
        name = str(entry["name"])
        op, number = places[name]
        ref = replace(base, member=name, op_name=op, op_type=ops[op].type, index=number)
        if data is None:
            ref = replace(ref, statistics=_statistics(entry))
        tensors.append(ref)
    order = {name: place for place, name in enumerate(ops)}
    tensors = [replace(ref, order=order[ref.op_name]) for ref in tensors]
    tensors.sort(key=lambda ref: (ref.order, ref.index))
    leftover = [
        Leftover(replace(base, member=str(name), op_name=str(name)), str(why), expected=True)
        for name, why in index["skipped"].items()
    ]
    same = (
        ""
        if index["faithful"] in (True, None)
        else ", whose outputs differ from those without a dump"
    )
    evidence = f"{index['model']} by {index['runtime']}, level {index['level']}{same}"
    return _Found(tensors, graph, leftover, evidence)


def _graph(index: Mapping[str, Any]) -> tuple[dict[str, GraphOp], dict[str, tuple[str, int]]]:
    """Operators by name, and which of them made each tensor, as which of its outputs."""
    ops: dict[str, GraphOp] = {}
    places: dict[str, tuple[str, int]] = {}
    for name in index["inputs"]:
        ops[str(name)] = GraphOp(str(name), MODEL_INPUT, (), ("",))
        places[str(name)] = str(name), 0
    for node in index["nodes"]:
        name = str(node["name"])
        for number, output in enumerate(node["outputs"]):
            places[str(output)] = name, number
        metadata = dict(node["metadata"])
        fx = str(metadata.get("pkg.torch.onnx.fx_node", ""))
        edges = [places[str(given)] for given in node["inputs"] if str(given) in places]
        inputs = tuple(f"{op}:{number}" for op, number in edges)
        ops[name] = GraphOp(name, str(node["op_type"]), inputs, (fx,) * len(node["outputs"]))
    return ops, places


def _statistics(entry: Mapping[str, Any]) -> Statistics:
    known = entry["statistics"]
    highest, lowest, mean, norm, nans, infs = (_number(known.get(name)) for name in _STATISTICS)
    shape = tuple(int(extent) for extent in entry["shape"])
    return Statistics(highest, lowest, mean, norm, nans, infs, "", _DTYPES[entry["dtype"]], shape)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None


_STATISTICS = ("max_value", "min_value", "mean_value", "l2norm", "nan_count", "inf_count")
_DTYPES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "BOOL": "bool",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
