"""Torchair dump trees made from a plan that says what belongs together. The files are empty, since
pairing needs names, the graph, and what headers would say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from trueness.discover.torchair_fx import TorchairFx
from trueness.discover.torchair_ge import TorchairGe
from trueness.errors import FormatError
from trueness.model import Described, Pair, TensorRef, Unmatched
from trueness.pair import by_fusion, by_graph

Row = tuple[str, str, tuple[str, int]]
"""Golden path, my path, member of mine."""
LAYOUTS = ("gt710", "eq710", "lt710")
"""PTA above 7.1.0, 7.1.0, older."""


@dataclass(frozen=True)
class Input:
    """`fx` and `ge` say whether the argument exists there; shapes are unlike within an operator."""

    shape: tuple[int, ...]
    fx: bool = True
    ge: bool = True
    dtype: str = "float32"


@dataclass(frozen=True)
class Op:
    name: str
    node: str
    inputs: Sequence[Input]
    outputs: int
    edges: Sequence[str] = ()


Step = Op | tuple[Op, ...]
"""An operator, or a chain that GE fused: each reads output 0 of the one before as its input 0."""


@dataclass
class Tree:
    """`rows` are the pairs of GE with FX, `fusion_rows` those with GE compiled without fusion, of
    which paths have the golden member behind a colon."""

    root: Path
    layout: str = "gt710"
    rows: set[Row] = field(default_factory=set)
    fusion_rows: set[Row] = field(default_factory=set)
    headers: dict[str, list[Described]] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    clock: int = 1_700_000_000_000_000
    order: Random = field(default_factory=lambda: Random(0))

    def write(self, rank: int, graph: int, token: int, steps: Sequence[Step], text: str) -> None:
        fx = self._fx_folder(rank, graph, token)
        folders = [self._ge_folder(side, rank, graph, token) for side in ("ge", "off")]
        for folder in (fx, *folders):
            folder.mkdir(parents=True)
        for side in ("ge", "off"):
            (self.root / side / self._graph_name(rank, graph)).write_text(text)
        files: list[tuple[Path, list[Described]]] = []
        for step in steps:
            files += self._step(step if isinstance(step, tuple) else (step,), fx, *folders)
        self.order.shuffle(files)
        for path, header in files:
            self.file(path, header)

    def file(self, path: Path, tensors: list[Described]) -> None:
        path.touch()
        self.headers[str(path)] = tensors

    def describe(self, ref: TensorRef) -> list[Described]:
        if ref.path in self.truncated:
            raise FormatError(ref.path, 0, "", "a whole header", "the end of the file")
        return self.headers[ref.path]

    def pair(self, rank: int | None = None, token: int | None = None) -> list[Pair | Unmatched]:
        golden = TorchairFx().discover(self.root / "fx", rank=rank, token=token)
        my = TorchairGe().discover(self.root / "ge", rank=rank, token=token)
        return list(by_graph.pair(golden, my, self.describe))

    def pair_fusion(self) -> list[Pair | Unmatched]:
        golden = TorchairGe().discover(self.root / "off", rank=None, token=None)
        my = TorchairGe().discover(self.root / "ge", rank=None, token=None)
        return list(by_fusion.pair(golden, my, self.describe))

    def move(self, root: Path) -> None:
        """The same tree under another name."""
        self.root.rename(root)
        old, new = f"{self.root}/", f"{root}/"
        self.headers = {path.replace(old, new): h for path, h in self.headers.items()}
        for rows in (self.rows, self.fusion_rows):
            moved = {(golden.replace(old, new), my.replace(old, new), m) for golden, my, m in rows}
            rows.clear()
            rows.update(moved)
        self.root = root

    def lose(self, path: str) -> None:
        """The file is gone; nothing can be paired with it."""
        Path(path).unlink()
        for rows in (self.rows, self.fusion_rows):
            rows -= {row for row in rows if path in (row[0].partition(":")[0], row[1])}

    def _fx_folder(self, rank: int, graph: int, token: int) -> Path:
        if self.layout == "gt710":
            return self.root / f"fx/worldsize2_global_rank{rank}/graph_{graph}/{token}"
        above = "fx/msit_fx_dump/data_dump" if self.layout == "eq710" else "fx/data_dump"
        return self.root / above / f"{token + 1}/gm_{20260101000000000000 + 10 * graph + rank}_dump"

    def _ge_folder(self, side: str, rank: int, graph: int, token: int) -> Path:
        above = f"worldsize2_global_rank{rank}/" if self.layout == "gt710" else ""
        inside = f"{above}20260101000000/{rank}/graph_{graph}/1/{token}"
        return self.root / side / inside

    def _graph_name(self, rank: int, graph: int) -> str:
        if self.layout == "lt710":
            return f"dynamo_original_graph_{20260101000000000000 + 10 * graph + rank}.txt"
        return f"dynamo_original_graph_{graph}_rank_{rank}_pid_1_ts_20260101000000000000.txt"

    def _step(
        self, ops: tuple[Op, ...], fx: Path, fused: Path, unfused: Path
    ) -> list[tuple[Path, list[Described]]]:
        self.clock += 1
        kind = "Kind" if len(ops) == 1 else "AutomaticBufferFusionOp"
        ge = fused / f"{kind}.{''.join(op.name for op in ops)}.3.2.{self.clock}"
        mine: list[Described] = []
        files = []
        for number, op in enumerate(ops):
            self.clock += 1
            off = unfused / f"Kind.{op.name}.3.2.{self.clock}"
            link = 0 if number else -1
            inputs = self._inputs(op, fx, ge, off, mine, link, files)
            outputs = [Described("output", k, "float32", (7, k)) for k in range(op.outputs)]
            files.append((off, [*outputs, *inputs]))
            for k in range(op.outputs):
                path = self._fx_path(fx, op, f"OUTPUT.{k}")
                files.append((path, [Described("", 0, "float32", (7, k))]))
                if op is ops[-1]:
                    self.rows.add((str(path), str(ge), ("output", k)))
                    self.fusion_rows.add((f"{off}:output{k}", str(ge), ("output", k)))
        last = [Described("output", k, "float32", (7, k)) for k in range(ops[-1].outputs)]
        return [*files, (ge, [*last, *mine])]

    def _inputs(
        self,
        op: Op,
        fx: Path,
        ge: Path,
        off: Path,
        mine: list[Described],
        link: int,
        files: list[tuple[Path, list[Described]]],
    ) -> list[Described]:
        """Those of the operator by itself; what the fused one has of them is added to `mine`."""
        alone: list[Described] = []
        argument = 0
        for place, one in enumerate(op.inputs):
            path = self._fx_path(fx, op, f"INPUT.{argument}")
            if one.fx:
                files.append((path, [Described("", 0, one.dtype, one.shape)]))
                argument += 1
            if not one.ge:
                continue
            if place != link:
                if one.fx:
                    self.rows.add((str(path), str(ge), ("input", len(mine))))
                row = f"{off}:input{len(alone)}", str(ge), ("input", len(mine))
                self.fusion_rows.add(row)
                mine.append(Described("input", len(mine), one.dtype, one.shape))
            alone.append(Described("input", len(alone), one.dtype, one.shape))
        return alone

    def _fx_path(self, fx: Path, op: Op, what: str) -> Path:
        return fx / f"{op.node}.{what}.{20260101000000000000 + self.clock}.npy"


class Ahead:
    """Knows only what it was told to read."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._read: set[str] = set()

    def __call__(self, ref: TensorRef) -> list[Described]:
        assert ref.path in self._read
        return self._tree.describe(ref)

    def ahead(self, refs: Sequence[TensorRef]) -> None:
        self._read = {ref.path for ref in refs}


def graph_text(steps: Sequence[Step], number: int = 1) -> str:
    blocks = []
    for op in (op for step in steps for op in (step if isinstance(step, tuple) else (step,))):
        edges = "".join(f'input: "{edge}" ' for edge in op.edges)
        outputs = "".join(
            'output_desc { attr { key: "_fx_tensor_name" '
            f'value {{ s: "{op.node}.OUTPUT.{k}" }} }} '
            'attr { key: "x: {" value { s: "}" } } } '
            for k in range(op.outputs)
        )
        blocks.append(f'op {{ name: "{op.name}" type: "Kind" {edges}{outputs}}}')
    return f'name: "graph_{number}"\n' + "\n".join(blocks)


def found(rows: Sequence[Pair | Unmatched]) -> list[Row]:
    return [(r.golden.path, r.my.path, r.my.member) for r in rows if isinstance(r, Pair)]


def found_fusion(rows: Sequence[Pair | Unmatched]) -> list[Row]:
    return [
        (f"{r.golden.path}:{r.golden.io}{r.golden.index}", r.my.path, r.my.member)
        for r in rows
        if isinstance(r, Pair)
    ]
