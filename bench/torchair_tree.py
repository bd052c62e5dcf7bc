"""Discovers and pairs torchair dumps of any size, for each number of operators one of its own.

    python bench/torchair_tree.py --ranks 64 --tokens 32 --ops 300
    python bench/torchair_tree.py --ranks 1 --tokens 1 --ops 5000 10000 20000 40000

Promised are 60 s and 1000 MB for the first, with 614,400 files a side, and that an operator of the
second costs as much in a large dump as in a small one. Numbers mean something only on an idle
machine.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np

from trueness.demo import ge_dump
from trueness.demo.recorder import Value
from trueness.plan import plan_dumps


def write(folder: Path, ranks: int, tokens: int, ops: int, fx_inputs: bool) -> tuple[Path, Path]:
    """FX and GE dumps of small models: each operator has one output and two inputs, which FX dumps
    leave out unless `fx_inputs`. All files of a rank and token are links to a few."""
    values = [np.ones(shape, np.float32) for shape in ((4, 8), (4, 2), (2, 8))]
    result, *inputs = (Value(array, array, "float32", "x:0") for array in values)
    content = ge_dump.file_bytes("Op", 1, inputs, [result])
    named = [("OUTPUT.0", values[0])]
    if fx_inputs:
        named += [(f"INPUT.{k}", array) for k, array in enumerate(values[1:])]
    golden, my = folder / "fx_dump", folder / "ge_dump"
    for rank, token in product(range(ranks), range(tokens)):
        base = f"worldsize{ranks}_global_rank{rank}"
        fx = golden / base / "graph_1" / str(token)
        ge = my / base / "20260101000000" / str(rank) / "graph_1" / "1" / str(token)
        fx.mkdir(parents=True)
        ge.mkdir(parents=True)
        times = 20260101000000000000, 1767225600000000 + token * ops
        for what, array in named:
            names = [f"op_{k}-aten.mm.default.{what}.{times[0] + k}.npy" for k in range(ops)]
            np.save(fx / names[0], array)
            _link(fx, names)
        names = [f"MatMulV2.Op_{op}.{op + 1}.2.{times[1] + op}" for op in range(ops)]
        (ge / names[0]).write_bytes(content)
        _link(ge, names)
    text = 'name: "graph_1"\n' + "\n".join(map(_node, range(ops)))
    for rank in range(ranks):
        name = f"dynamo_original_graph_1_rank_{rank}_pid_1_ts_20260101000000000000.txt"
        (my / name).write_text(text)
    return golden, my


def _link(folder: Path, names: list[str]) -> None:
    for name in names[1:]:
        (folder / name).hardlink_to(folder / names[0])


def _node(op: int) -> str:
    edge = f'input: "Op_{op - 1}:0" ' if op else ""
    named = f'key: "_fx_tensor_name" value {{ s: "op_{op}-aten.mm.default.OUTPUT.0" }}'
    return f'op {{ name: "Op_{op}" type: "MatMulV2" {edge}output_desc {{ attr {{ {named} }} }} }}'


def measure(golden: str, my: str) -> str:
    """What one process needs for a dump that is there."""
    wall, cpu = time.perf_counter(), time.process_time()
    plan = plan_dumps(golden, my)
    rows = Counter(type(item).__name__ for item in plan.items)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    files = len(plan.golden.tensors), len(plan.my.tensors)
    each = wall / max(files) * 1e6
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    counts = ", ".join(f"{count} {name}" for name, count in sorted(rows.items()))
    return (
        f"{files[0]} FX and {files[1]} GE files, {counts}: {wall:.1f} s ({each:.1f} us a file), "
        f"{cpu:.1f} s of CPU, {megabytes:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--ops", type=int, default=[300], nargs="+")
    parser.add_argument("--fx-inputs", action="store_true", help="FX dumps hold inputs too")
    parser.add_argument("--measure", nargs=2, help="FX and GE dump that are there already")
    given = parser.parse_args()
    if given.measure:
        print(measure(*given.measure), flush=True)
        return
    for ops in given.ops:
        with tempfile.TemporaryDirectory() as folder:
            sides = write(Path(folder), given.ranks, given.tokens, ops, given.fx_inputs)
            # The largest memory of a process never falls again: one for each.
            subprocess.run([sys.executable, __file__, "--measure", *map(str, sides)], check=True)


if __name__ == "__main__":
    main()
