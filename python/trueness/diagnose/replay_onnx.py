"""A node of an ONNX dump run again, alone, in float64, by the reference implementation of the
operators that the onnx package brings.

The index beside the dump names the inputs and attributes of each node. What is no dumped tensor is
a weight, read from the golden model if that is still the file that was run. Both sides are run
with the golden weights, so an error of my weights counts as the operator's own."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.compare.open_files import OpenFiles, pick
from trueness.diagnose.pure_operators import ONNX_OPERATORS, SLOW_ONNX_OPERATORS
from trueness.diagnose.replayed import NotReplayable, Replay, judged
from trueness.model import Pair, TensorRef, Unmatched

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

INDEX = "onnx_dump.json"
LARGEST_INDEX = 1 << 28
MANY = 1 << 18
"""Elements of a result that the reference implementation makes one by one."""
_SHAPE_VALUES = 64
"""A tensor of so few integers may be a shape, and is shown to what infers shapes."""


def is_onnx(items: Sequence[Pair | Unmatched]) -> bool:
    """Whether both sides are tensors of ONNX dumps."""
    pairs = [item for item in items if isinstance(item, Pair)]
    refs = [ref for pair in pairs[:1] for ref in (pair.golden, pair.my)]
    return bool(refs) and all(Path(ref.path).with_name(INDEX).is_file() for ref in refs)


def replay_node(items: Sequence[Pair | Unmatched], files: OpenFiles, limit: int) -> Replay:
    """Raises NotReplayable, FormatError and OSError."""
    pairs = [item for item in items if isinstance(item, Pair) and item.golden.io != "input"]
    golden, my = _Dump(pairs[0].golden, files), _Dump(pairs[0].my, files)
    kind = golden.node["op_type"]
    if kind not in ONNX_OPERATORS or golden.node["domain"]:
        raise NotReplayable(f"{kind} is not among the operators that may be run again")
    if my.node["op_type"] != kind:
        raise NotReplayable(f"golden is made by {kind}, my by {my.node['op_type']}")
    if any(pair.golden.op_name != golden.name for pair in pairs):
        raise NotReplayable("it is several golden operators in one")
    theirs, mine = _inputs(golden, my, limit)
    call = _Call(golden, theirs, pairs, limit)
    return _replayed(my.name, call, theirs, mine, files)


class _Dump:
    """One side: the node that made a tensor, and the tensors beside it."""

    def __init__(self, ref: TensorRef, files: OpenFiles) -> None:
        if ref.statistics is not None:
            raise NotReplayable("only statistics of its tensors were dumped")
        path = Path(ref.path).with_name(INDEX)
        self.name = ref.op_name
        self.index = _index(str(path), path.stat().st_mtime_ns)
        node = next((n for n in self.index["nodes"] if n.get("name") == ref.op_name), None)
        if not isinstance(node, dict) or not isinstance(node.get("attributes", None), list):
            raise NotReplayable("the dump does not have all its attributes")
        self.node: Mapping[str, Any] = node
        self._tensors = files.tensors(ref.path).by_member

    def has(self, name: str) -> bool:
        return name in self._tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._tensors[name].logical_shape)

    def array(self, name: str) -> Array:
        return _wide(self._tensors[name].numpy())


def _inputs(
    golden: _Dump, my: _Dump, limit: int
) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Arrays of either side by the golden names. Looks at sizes before it reads."""
    names = [str(name) for name in golden.node["inputs"]]
    own = [str(name) for name in my.node["inputs"]]
    if len(own) != len(names):
        raise NotReplayable(f"golden has {len(names)} inputs, my {len(own)}")
    total = 0
    for name, other in zip(names, own, strict=True):
        for dump, one in ((golden, name), (my, other)):
            total += 8 * prod(dump.shape(one)) if dump.has(one) else 0
    if total > limit:
        raise NotReplayable(f"its inputs take {total:,} bytes as float64, more than {limit:,}")
    theirs: dict[str, Array] = {}
    mine: dict[str, Array] = {}
    for name, other in zip(names, own, strict=True):
        if not name:
            continue
        if golden.has(name):
            if not my.has(other):
                raise NotReplayable(f"my input {other} was not dumped")
            theirs[name], mine[name] = golden.array(name), my.array(other)
        else:
            theirs[name] = mine[name] = _weight(golden.index, name, limit)
    return theirs, mine


class _Call:
    """The golden node as a model of its own."""

    def __init__(
        self, golden: _Dump, given: Mapping[str, Array], pairs: Sequence[Pair], limit: int
    ) -> None:
        self._onnx = _onnx()
        self.pairs = pairs
        self.op_type = str(golden.node["op_type"])
        self.outputs = [str(name) for name in golden.node["outputs"]]
        self._golden = golden
        try:
            self._node = self._made()
        except Exception as error:
            raise NotReplayable(f"its attributes cannot be read: {error}") from None
        self._check_sizes(given, limit)

    def run(self, given: Mapping[str, Array]) -> list[Array]:
        from onnx.reference import ReferenceEvaluator

        try:
            found = ReferenceEvaluator(self._model(given, ())).run(None, dict(given))
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NotReplayable(f"onnx would not run it: {reason}") from None
        return list(found)

    def _made(self) -> Any:
        node = self._onnx.NodeProto(
            op_type=self.op_type,
            input=self._golden.node["inputs"],
            output=self.outputs,
        )
        for text in self._golden.node["attributes"]:
            attribute = self._onnx.AttributeProto.FromString(b64decode(text, validate=True))
            if attribute.HasField("g") or attribute.graphs:
                raise ValueError("a graph")
            node.attribute.append(attribute)
        return node

    def _model(self, given: Mapping[str, Array], shown: Sequence[str]) -> Any:
        """`shown` are inputs whose values are part of the model."""
        helper, numpy_helper = self._onnx.helper, self._onnx.numpy_helper
        code = helper.np_dtype_to_tensor_dtype
        inputs = [
            helper.make_tensor_value_info(name, code(array.dtype), array.shape)
            for name, array in given.items()
        ]
        outputs = [self._onnx.ValueInfoProto(name=name) for name in self.outputs if name]
        known = [numpy_helper.from_array(given[name], name) for name in shown]
        graph = helper.make_graph([self._node], "node", inputs, outputs, known)
        opsets = [
            self._onnx.OperatorSetIdProto.FromString(b64decode(text, validate=True))
            for text in self._golden.index["opsets"]
        ]
        return helper.make_model(graph, opset_imports=opsets)

    def _check_sizes(self, given: Mapping[str, Array], limit: int) -> None:
        """Before anything is computed: attributes can ask for results of any size."""
        few = [n for n, a in given.items() if a.dtype.kind in "iu" and a.size <= _SHAPE_VALUES]
        try:
            inferred = self._onnx.shape_inference.infer_shapes(
                self._model(given, few), strict_mode=True, data_prop=True
            )
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NotReplayable(f"onnx would not run it: {reason}") from None
        shapes = {
            output.name: [extent.dim_value for extent in output.type.tensor_type.shape.dim]
            for output in inferred.graph.output
        }
        for pair in self.pairs:
            name = str(pair.golden.member)
            if shapes.get(name) != list(self._golden.shape(name)):
                raise NotReplayable(
                    f"{name} has shape {list(self._golden.shape(name))}, and "
                    f"{shapes.get(name, 'an unknown one')} when replayed"
                )
        size = max(prod(shape) for shape in shapes.values())
        if self.op_type in SLOW_ONNX_OPERATORS and size > MANY:
            raise NotReplayable(f"{size:,} elements would take onnx's reference too long")
        if 8 * self._room(given, size) > limit:
            raise NotReplayable(f"it needs more than {limit:,} bytes")

    def _room(self, given: Mapping[str, Array], size: int) -> int:
        """Elements of what is made on the way, at most: padded inputs, and for each element of the
        result all that a kernel sees."""
        ints = {attribute.name: [*map(abs, attribute.ints)] for attribute in self._node.attribute}
        pad, apart = (max(ints.get(name, ()), default=0) for name in ("pads", "dilations"))
        kernels = [ints.get("kernel_shape", [])]
        if self.op_type == "Conv":
            kernels += [[*array.shape[1:]] for array in [*given.values()][1:2]]
        seen = max(prod(extent * max(1, apart) for extent in kernel) for kernel in kernels)
        padded = [prod(extent + 2 * pad for extent in array.shape) for array in given.values()]
        return int(max(size * seen, *padded))


def _replayed(
    name: str,
    call: _Call,
    theirs: Mapping[str, Array],
    mine: Mapping[str, Array],
    files: OpenFiles,
) -> Replay:
    should, would = call.run(theirs), call.run(mine)
    named = [output for output in call.outputs if output]
    found: list[Replay] = []
    for pair in call.pairs:
        place = named.index(str(pair.golden.member))
        golden, my = (pick(files.tensors(r.path), r).numpy() for r in (pair.golden, pair.my))
        found.append(judged(name, call.op_type, should[place], would[place], golden, my))
    return max(found, key=lambda one: one.own)


@lru_cache(maxsize=4)
def _index(path: str, changed: int) -> Mapping[str, Any]:
    """`changed` makes it be read again when the file is another one."""
    file = Path(path)
    if file.stat().st_size > LARGEST_INDEX:
        raise NotReplayable(f"{path} has more than {LARGEST_INDEX:,} bytes")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        lists = [found[name] for name in ("nodes", "opsets")]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotReplayable(f"{path} does not have what is needed") from None
    if not all(isinstance(one, list) for one in lists):
        raise NotReplayable(f"{path} does not have what is needed")
    return dict(found)


def _weight(index: Mapping[str, Any], name: str, limit: int) -> Array:
    path = Path(str(index.get("path", "")))
    if not path.is_file():
        raise NotReplayable(f"{name} is a weight, and the model is not at {path} any more")
    status = path.stat()
    if status.st_size > limit:
        raise NotReplayable(f"the model has {status.st_size:,} bytes, more than {limit:,}")
    weights = _weights(str(path), str(index.get("sha256", "")), status.st_mtime_ns)
    found = weights.get(name)
    if found is None:
        raise NotReplayable(
            f"{name} is no weight of {path}: made by the optimiser, or in a file of its own; dump "
            "golden with --fusion off"
        )
    return _wide(_onnx().numpy_helper.to_array(found))


@lru_cache(maxsize=1)
def _weights(path: str, mark: str, changed: int) -> Mapping[str, Any]:
    """Tensors inside the file, by name; those in files of their own are not covered by `mark`."""
    content = Path(path).read_bytes()
    if sha256(content).hexdigest() != mark:
        raise NotReplayable(f"{path} is not the model that was dumped any more")
    onnx = _onnx()
    graph = onnx.ModelProto.FromString(content).graph
    external = onnx.TensorProto.EXTERNAL
    return {one.name: one for one in graph.initializer if one.data_location != external}


def _wide(array: Array) -> Array:
    return array.astype("float64") if array.dtype.kind == "f" else array


def _onnx() -> Any:
    try:
        import onnx
        import onnx.shape_inference
    except ImportError:
        raise NotReplayable('onnx is not installed: pip install "trueness[onnx]"') from None
    return onnx
