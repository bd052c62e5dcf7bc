"""Every tensor of an ONNX model, as ONNX Runtime computed it.

What is dumped by default is the model that would run in production: the graph is optimised first,
written, given its inner tensors as outputs, and run as it is. To ask for inner tensors of the
original graph would keep nodes from being fused and so change the result. Tensors are written
straight into one mapped file."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueness.dump.onnx_as_ge import write_operators
from trueness.dump.onnx_graph import (
    Node,
    dequantised_twins,
    graph_of,
    node_fragment,
    output_fragment,
)
from trueness.dump.onnx_session import (
    LEVELS,
    ONNX_CODES,
    Provider,
    Sessions,
    dtype_of,
    free_dimensions,
)
from trueness.dump.onnx_session import runtime as _runtime
from trueness.dump.packed import PackedFile, Slot
from trueness.dump.statistics import statistics_of
from trueness.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

INDEX = "onnx_dump.json"
DATA = "tensors.safetensors"
FORMAT = "trueness onnx dump"


@dataclass(frozen=True, slots=True)
class Choice:
    """What to dump, and of which graph. `level` is one of LEVELS; "disable" dumps the graph as it
    is in the file. `disabled` names optimiser rules to leave out. `layers` are globs for names of
    nodes; none means all. `statistics`: extremes, mean, norm and counts in place of values.
    `form`: "packed" for one file and its index, "ge" for a file for each node as an NPU leaves
    it."""

    level: str = "all"
    disabled: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    statistics: bool = False
    form: str = "packed"


@dataclass(frozen=True, slots=True)
class OnnxDump:
    """`faithful`: whether the outputs of the model were the same bits as in a run without a dump;
    None where that was not looked at. `skipped` says of each tensor that could not be dumped
    why."""

    folder: str
    tensors: int
    nbytes: int
    faithful: bool | None
    skipped: Mapping[str, str]


@dataclass
class _Ports:
    """What a session gives, by name: tensors that have a place from the start, the types of those
    whose shape comes late, and why others cannot be dumped."""

    slots: dict[str, Slot] = field(default_factory=dict)
    late: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


class OnnxDumper:
    """A model made ready once; `dump` runs it."""

    def __init__(
        self,
        model: str | os.PathLike[str],
        feeds: Mapping[str, Array],
        choice: Choice | None = None,
        *,
        providers: Sequence[Provider] = ("CPUExecutionProvider",),
        threads: int = 0,
    ) -> None:
        """Runs the model without a dump on `feeds`, which are to be those of the first dump too:
        there the outputs are checked. Later ones have to be of the same shapes. Raises UsageError
        without ONNX Runtime, for an unknown level, a model it cannot load or inputs that do not
        fit, FormatError for what is not an ONNX file."""
        self._choice = choice or Choice()
        self._sha256 = ""
        self._path = os.path.abspath(model)
        if self._choice.level not in LEVELS:
            known = ", ".join(LEVELS)
            raise UsageError(f"no optimisation level is called {self._choice.level!r}: {known}")
        if self._choice.form == "ge" and self._choice.statistics:
            raise UsageError("a GE dump holds values, and statistics were asked for")
        sessions = Sessions(os.path.dirname(self._path), providers, threads, arena=False)
        with tempfile.TemporaryDirectory(prefix="trueness_onnx_") as room:
            source, plain = self._optimised(sessions, room)
            self._graph = graph_of(source)
            twins = dequantised_twins(self._graph.nodes)
            self._nodes = _by_unique_name([*self._with_metadata(), *twins])
            names = [name for name in self._wanted() if name not in self._graph.outputs]
            free = free_dimensions(plain, {name: array.shape for name, array in feeds.items()})
            self._expected: Sequence[Any] | None = plain.run(None, dict(feeds))
            # Its weights are not needed twice.
            del plain
            more = node_fragment(twins) + output_fragment(names)
            whole = self._with_more(source, room, more)
            self._session = sessions.open(whole, "disable", free=free)
        self._ports = _classified(self._session.get_outputs())

    @property
    def nbytes(self) -> int:
        """Bytes a dump takes, without tensors whose shape is known only after the run."""
        return sum(slot.nbytes for slot in self._ports.slots.values())

    @property
    def unknown_layers(self) -> list[str]:
        """Globs that no node of the dumped graph has the name for."""
        return [
            glob
            for glob in self._choice.layers
            if not any(fnmatchcase(name, glob) for name in self._nodes)
        ]

    def dump(self, feeds: Mapping[str, Array], folder: str) -> OnnxDump:
        """Runs the model once and writes `folder`, which must not exist yet: it appears when all
        of it is there. Raises OSError, also for a disk that is too small, and what ONNX Runtime
        raises."""
        if os.path.lexists(folder):
            raise UsageError(f"{folder} exists; give a folder that does not")
        os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
        partial = f"{folder}.{os.getpid()}.partial"
        os.mkdir(partial)
        try:
            found = self._write(feeds, partial, folder)
            os.rename(partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return found

    def _optimised(self, sessions: Sessions, room: str) -> tuple[str, Any]:
        """The file of the graph that production runs, and a session that runs it."""
        level = self._choice.level
        if level == "disable":
            return self._path, sessions.open(self._path, level)
        target = os.path.join(room, "optimised.onnx")
        disabled = self._choice.disabled
        return target, sessions.open(self._path, level, optimised=target, disabled=disabled)

    def _with_more(self, source: str, room: str, more: bytes) -> str | bytes:
        """The model with a fragment behind it. A file takes ONNX Runtime the least memory; but
        one whose weights lie beside the original must not lie elsewhere, and bytes may."""
        if self._graph.external:
            return Path(source).read_bytes() + more
        target = os.path.join(room, "dumped.onnx")
        if source == self._path:
            shutil.copyfile(source, target)
        else:
            os.rename(source, target)
        with open(target, "ab") as file:
            file.write(more)
        return target

    def _with_metadata(self) -> Sequence[Node]:
        """The optimiser drops what an exporter left on a node: a tensor that kept its name is
        still the one that this was said of."""
        nodes = self._graph.nodes
        if self._choice.level == "disable":
            return nodes
        originals = graph_of(self._path).nodes
        said = {name: node.metadata for node in originals for name in node.outputs}
        return [
            replace(node, metadata=next((said[n] for n in node.outputs if said.get(n)), ()))
            if not node.metadata
            else node
            for node in nodes
        ]

    def _mark(self) -> str:
        """The sha256 of the model's file, which is read a piece at a time, and once."""
        if not self._sha256:
            hashed = sha256()
            with open(self._path, "rb") as file:
                while piece := file.read(1 << 20):
                    hashed.update(piece)
            self._sha256 = hashed.hexdigest()
        return self._sha256

    def _wanted(self) -> list[str]:
        layers = self._choice.layers
        return [
            output
            for name, node in self._nodes.items()
            if not layers or any(fnmatchcase(name, glob) for glob in layers)
            for output in node.outputs
            if output
        ]

    def _write(self, feeds: Mapping[str, Array], folder: str, final: str) -> OnnxDump:
        given = [_slot_of_input(name, array) for name, array in feeds.items()]
        slots = [*given, *self._ports.slots.values()]
        path = os.path.join(folder, DATA)
        packed = PackedFile(path, slots, [*self._ports.late])
        try:
            late = self._execute(packed, feeds)
            for name, array in late.items():
                slot = Slot(name, self._ports.late[name], tuple(array.shape))
                packed.append(slot, array.tobytes())
                slots.append(slot)
            faithful = None
            if self._expected is not None:
                faithful = self._is_faithful(packed, late, self._expected)
                self._expected = None
            values = None
            skipped = dict(self._ports.skipped)

            def content(name: str) -> memoryview:
                if name in late:
                    return memoryview(late[name].tobytes())
                return packed.view(name)

            if self._choice.statistics:
                values = {s.name: statistics_of(content(s.name), s.dtype) for s in slots}
            elif self._choice.form == "ge":
                skipped |= write_operators(folder, self._nodes, slots, content)
        except BaseException:
            packed.abandon()
            raise
        packed.close()
        if values is not None or self._choice.form == "ge":
            os.unlink(path)
        if self._choice.form != "ge":
            self._write_index(folder, slots, [*feeds], values, faithful)
        size = sum(slot.nbytes for slot in slots)
        return OnnxDump(final, len(slots), size, faithful, skipped)

    def _execute(self, packed: PackedFile, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The tensors that had no place in the file, by name."""
        import numpy as np

        binding = self._session.io_binding()
        for name, array in feeds.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
            _bytes_of(packed, name)[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        # The mapping lives as long as the file, which is longer than the run.
        for name, slot in self._ports.slots.items():
            place = _bytes_of(packed, name).ctypes.data
            binding.bind_output(name, "cpu", 0, ONNX_CODES[slot.dtype], list(slot.shape), place)
        unbound = [*self._ports.late, *self._ports.skipped]
        for name in unbound:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        names = [*self._ports.slots, *unbound]
        values = dict(zip(names, binding.get_outputs(), strict=True))
        return {name: _array_of(values[name]) for name in self._ports.late}

    def _is_faithful(
        self, packed: PackedFile, late: Mapping[str, Array], expected: Sequence[Any]
    ) -> bool:
        """Whether the outputs of the model came out as without a dump, bit for bit."""
        import numpy as np

        for name, array in zip(self._graph.outputs, expected, strict=True):
            if name in self._ports.skipped:
                continue
            own = late[name].reshape(-1).view(np.uint8) if name in late else _bytes_of(packed, name)
            if not np.array_equal(own, np.ascontiguousarray(array).reshape(-1).view(np.uint8)):
                return False
        return True

    def _write_index(
        self,
        folder: str,
        slots: Sequence[Slot],
        inputs: Sequence[str],
        statistics: Mapping[str, Mapping[str, float]] | None,
        faithful: bool | None,
    ) -> None:
        tensors = []
        for slot in slots:
            entry: dict[str, Any] = {"name": slot.name, "dtype": slot.dtype, "shape": slot.shape}
            if statistics is not None:
                known = statistics[slot.name].items()
                entry["statistics"] = {key: x if isfinite(x) else None for key, x in known}
            tensors.append(entry)
        index = {
            "format": FORMAT,
            "version": 1,
            "model": os.path.basename(self._path),
            "path": self._path,
            "sha256": self._mark(),
            "runtime": f"onnxruntime {_runtime().__version__}",
            "level": self._choice.level,
            "disabled": self._choice.disabled,
            "faithful": faithful,
            "data": None if statistics is not None else DATA,
            "inputs": inputs,
            "outputs": self._graph.outputs,
            "opsets": [_base64(message) for message in self._graph.opsets],
            "nodes": [_described(name, node) for name, node in self._nodes.items()],
            "tensors": tensors,
            "skipped": self._ports.skipped,
        }
        text = json.dumps(index, ensure_ascii=True, indent=1, allow_nan=False)
        Path(folder, INDEX).write_text(text, encoding="ascii")


def _described(name: str, node: Node) -> dict[str, Any]:
    kept = node.attributes
    attributes = None if kept is None else [_base64(message) for message in kept]
    return {**asdict(node), "name": name, "attributes": attributes}


def _base64(message: bytes) -> str:
    return b64encode(message).decode()


def _by_unique_name(nodes: Sequence[Node]) -> dict[str, Node]:
    """Nodes may have no name, or one that others have too."""
    found: dict[str, Node] = {}
    for place, node in enumerate(nodes):
        name = node.name or f"{node.op_type}_{place}"
        found[name if name not in found else f"{name}#{place}"] = node
    return found


def _classified(outputs: Sequence[Any]) -> _Ports:
    found = _Ports()
    for output in outputs:
        dtype = dtype_of(output.type)
        if dtype is None:
            found.skipped[output.name] = f"its type is {output.type}"
        elif all(isinstance(extent, int) for extent in output.shape):
            found.slots[output.name] = Slot(output.name, dtype, tuple(output.shape))
        else:
            found.late[output.name] = dtype
    return found


def _slot_of_input(name: str, array: Array) -> Slot:
    import numpy as np

    kind = {"f": "F", "i": "I", "u": "U", "b": "BOOL"}.get(np.dtype(array.dtype).kind)
    if kind is None:
        raise UsageError(f"input {name} is {array.dtype}, which cannot be dumped")
    dtype = kind if kind == "BOOL" else f"{kind}{array.dtype.itemsize * 8}"
    return Slot(name, dtype, tuple(array.shape))


def _bytes_of(packed: PackedFile, name: str) -> Array:
    import numpy as np

    return np.frombuffer(packed.view(name), np.uint8)


def _array_of(value: Any) -> Array:
    """Also of types that numpy has no name for: their bits."""
    import ctypes

    import numpy as np

    try:
        return np.asarray(value.numpy())
    except RuntimeError:
        shape = tuple(value.shape())
        size = value.tensor_size_in_bytes()
        raw = ctypes.string_at(value.data_ptr(), size)
        width = size // max(1, int(np.prod(shape)))
        return np.frombuffer(raw, np.dtype(f"u{width or 1}")).reshape(shape)
