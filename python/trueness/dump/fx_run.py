"""Runs a model operator by operator and hands every tensor on."""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from trueness.dump.fx_files import FxFiles
from trueness.dump.guard import LOGGER, Forgiving, say_once
from trueness.dump.place import Choice, Place, Sink, arguments, choice_of, members, results
from trueness.dump.unchanged import check_unchanged
from trueness.dump.writer import BUFFER_BYTES, Writer
from trueness.errors import TruenessError, UsageError

Node = Any
"""torch.fx.Node"""

_SUBSCRIPT = re.compile(r"\[['\"]?(\w+)['\"]?\]")


def fx(
    model: Any = None,
    path: str | os.PathLike[str] = "",
    *,
    layers: str | Sequence[str] | None = None,
    tokens: int | Collection[int] | None = None,
    inputs: bool = True,
    outputs: bool = True,
    statistics: bool = False,
    widen: bool = False,
    check: bool = False,
    strict: bool = False,
    dynamic: bool | None = None,
    buffer_bytes: int = BUFFER_BYTES,
) -> Any:
    """A golden dump without an NPU: the model, a module, function or ExportedProgram, is run as an
    FX graph of aten operators, one by one, and each tensor goes to `path` in torchair's layout.

    Returns an `FxDump` to call in place of the model; `with` or `close()` ends it. Without a model
    it decorates one: `@fx(path="golden")`. Every call of it is a token.

    `layers` are globs for modules ("layers.3", "*.attn") or operators ("aten.mm*"); `tokens` the
    calls to dump. `statistics` keeps extremes, mean, norm and counts of NaN and Inf in place of
    values. Values keep their dtype; .npy files of bfloat16 and 8-bit floats need ml_dtypes in
    other readers, for which `widen` writes them as float32, as torchair does. `check` runs the
    model undumped before each call and compares the outputs bit for bit; the state of its buffers
    and of the random generators is put back. At most `buffer_bytes` wait to be written.

    What goes wrong while dumping is logged once and the model runs on, unless `strict`. Raises
    UsageError for options that do not fit, or a folder that is in use."""
    if model is None:
        options = {**locals()}
        del options["model"]
        return lambda function: _decorated(function, fx(function, **options))
    if isinstance(model, str | os.PathLike):
        raise UsageError("the model comes before the folder; without one give @fx(path=...)")
    if not os.fspath(path):
        raise UsageError("path is missing: the folder to dump into")
    choice = choice_of(layers, tokens, inputs, outputs)
    _torch()
    writer = Writer(buffer_bytes)
    sink = FxFiles(os.fspath(path), statistics=statistics, widen=widen, writer=writer)
    return FxDump(model, sink, choice, check=check, strict=strict, dynamic=dynamic)


def _decorated(function: Callable[..., Any], dump: FxDump) -> Callable[..., Any]:
    """A plain function, so that methods can be decorated too; `dump` is how to close it."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return dump(*args, **kwargs)

    run.__dict__["dump"] = dump
    return run


class FxDump:
    """The model, dumping while it runs. `estimate` is how many bytes the tensors of a token take in
    the graphs seen so far, known before the first is written; `unchanged` says after a call with
    `check` whether the output was that of an undumped run, None before."""

    def __init__(
        self,
        model: Any,
        sink: Sink,
        choice: Choice,
        *,
        check: bool = False,
        strict: bool = False,
        dynamic: bool | None = None,
    ) -> None:
        self.sink = sink
        self.choice = choice
        self.strict = strict
        self.token = -1
        self.estimate = 0
        self.unchanged: bool | None = None
        self.dumping = True
        self._model = model
        self._check = check
        self._graphs = 0
        self._ran = False
        self._time = 0
        self._run = self._exported() if hasattr(model, "graph_module") else self._compiled(dynamic)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.token += 1
        self._ran = False
        expected = None
        if self._check:
            expected = check_unchanged(self._model, args, kwargs)
        found = self._run(*args, **kwargs)
        if expected is not None:
            self.unchanged = expected(found)
            if not self.unchanged:
                self._complain("the output is not that of an undumped run")
        if not self._ran:
            self._complain(
                "no graph ran, so nothing was dumped: torch.compile ran the model as it is, which "
                "TORCH_LOGS=recompiles,graph_breaks explains"
            )
        return found

    def __enter__(self) -> FxDump:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Waits until all is written. Raises, when `strict`, what could not be."""
        with Forgiving("dump.fx", self.strict):
            self.sink.close()

    def _complain(self, text: str) -> None:
        if self.strict:
            raise TruenessError(f"dump.fx: {text}")
        say_once("dump.fx", text[:20], text)

    def _compiled(self, dynamic: bool | None) -> Any:
        torch = _torch()
        from torch._dynamo.backends.common import aot_autograd

        backend = aot_autograd(fw_compiler=self._backend)
        return torch.compile(self._model, backend=backend, dynamic=dynamic)

    def _exported(self) -> Callable[..., Any]:
        from torch.export._tree_utils import reorder_kwargs
        from torch.utils import _pytree as pytree

        module = self._model.module()
        recorded = self._recorded(module)

        def run(*args: Any, **kwargs: Any) -> Any:
            ordered = reorder_kwargs(kwargs, module._in_spec)
            flat, _ = pytree.tree_flatten((args, ordered))
            return pytree.tree_unflatten(recorded(*flat), module._out_spec)

        return run

    def _backend(self, module: Any, example_inputs: Sequence[Any]) -> Any:
        run = self._recorded(module)

        def boxed(arguments: list[Any]) -> Any:
            # The list is ours to empty, so that what is not needed any more can be freed.
            taken = tuple(arguments)
            arguments.clear()
            return run(*taken)

        boxed.__dict__["_boxed_call"] = True
        return boxed

    def _recorded(self, module: Any) -> Callable[..., Any]:
        """The graph as a function that hands on its tensors."""
        self._graphs += 1
        graph = f"graph_{self._graphs}"
        nodes = list(module.graph.nodes)
        names = {node: op_name(node) for node in nodes if _is_operator(node)}
        chosen = {
            node: name
            for node, name in names.items()
            if self.choice.takes_layer(name, str(node.target), scope_of(node))
        }
        with Forgiving("dump.fx", self.strict):
            self._announce(graph, nodes, names, chosen)
        interpreter = _interpreter(module, self, graph, chosen)

        def run(*args: Any) -> Any:
            self._ran = True
            return interpreter.run(*args, enable_io_processing=False)

        return run

    def _announce(
        self, graph: str, nodes: Sequence[Node], names: Mapping[Node, str], chosen: Collection[Node]
    ) -> None:
        self.estimate += sum(map(self._size, chosen))
        LOGGER.info("%s: about %d bytes a token", graph, self.estimate)
        if isinstance(self.sink, FxFiles):
            os.makedirs(self.sink.folder, mode=0o750, exist_ok=True)
            free = shutil.disk_usage(self.sink.folder).free
            if self.estimate > free:
                self.dumping = False
                raise UsageError(
                    f"a token takes about {self.estimate} bytes and {self.sink.folder} has {free} "
                    "left: nothing is dumped; choose layers, outputs only or statistics"
                )
            self.sink.begin_graph(graph, [_described(node, names) for node in nodes])

    def _size(self, node: Node) -> int:
        values = [node.meta.get("val")] if self.choice.outputs else []
        if self.choice.inputs:
            values += [other.meta.get("val") for other in node.all_input_nodes]
        return sum(_nbytes(value) for value in values)

    def record(self, name: str, graph: str, io: str, value: Any) -> None:
        """Hands on the tensors of one side of an operator's call."""
        with Forgiving("dump.fx", self.strict):
            parts = list(arguments(value) if io == "input" else results(value))
            for index, nested, tensor in parts:
                place = Place(name, io, index, nested, self.token, graph, self._time)
                self.sink.take(place, tensor)

    def begin_call(self) -> bool:
        """Sets the time of an operator's call; whether this token is wanted."""
        if not self.dumping or not self.choice.takes_token(self.token):
            return False
        now = int(datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S%f"))
        self._time = max(now, self._time + 1)
        return True


def _interpreter(module: Any, dump: FxDump, graph: str, chosen: Mapping[Node, str]) -> Any:
    plain = _torch().fx.Interpreter

    def run_node(self: Any, node: Node) -> Any:
        name = chosen.get(node)
        if name is None or not dump.begin_call():
            return plain.run_node(self, node)
        if dump.choice.inputs:
            # Before the call: it may change them.
            dump.record(name, graph, "input", self.fetch_args_kwargs_from_env(node)[0])
        found = plain.run_node(self, node)
        if dump.choice.outputs:
            dump.record(name, graph, "output", found)
        return found

    return type("Recorder", (plain,), {"run_node": run_node})(module)


def op_name(node: Node) -> str:
    """What torchair calls an operator of the graph."""
    return f"{node.name}-{node.target}"


def scope_of(node: Node) -> str:
    """The module that called it, as `named_modules` calls it; "" for the model or when not told."""
    stack = node.meta.get("nn_module_stack") or node.meta.get("fwd_nn_module_stack") or {}
    innermost = list(stack.values())[-1][0] if stack else ""
    name = _SUBSCRIPT.sub(r".\1", innermost).replace("._modules.", ".")
    # L['self'].layers.0 when it was compiled, layers.0 when it was exported.
    return ".".join(name.split(".")[2:]) if innermost.startswith("L[") else name


def _is_operator(node: Node) -> bool:
    return node.op == "call_function" and type(node.target).__name__ == "OpOverload"


def _described(node: Node, names: Mapping[Node, str]) -> dict[str, Any]:
    edges = [[".".join(map(str, place)), _edge(other, names)] for place, other in _producers(node)]
    return {
        "name": names.get(node, node.name),
        "op": node.op,
        "target": str(node.target),
        "scope": scope_of(node),
        "inputs": edges,
    }


def _producers(node: Node) -> Iterator[tuple[tuple[int | str, ...], Node]]:
    waiting: list[tuple[tuple[int | str, ...], Any]] = [
        *(((index,), value) for index, value in enumerate(node.args)),
        *(((name,), value) for name, value in node.kwargs.items()),
    ]
    while waiting:
        place, value = waiting.pop(0)
        if hasattr(value, "all_input_nodes"):
            yield place, value
        else:
            waiting[:0] = [((*place, i), part) for i, part in enumerate(members(value) or ())]


def _edge(node: Node, names: Mapping[Node, str]) -> str:
    """`producer:output`; taking a member out of a result is no operator."""
    if node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem":
        source, index = node.args
        if hasattr(source, "all_input_nodes") and isinstance(index, int):
            return f"{_edge(source, names).rpartition(':')[0]}:{index}"
    return f"{names.get(node, node.name)}:0"


def _nbytes(value: Any) -> int:
    inner = members(value)
    if inner is not None:
        return sum(map(_nbytes, inner))
    if not hasattr(value, "element_size"):
        return 0
    count = value.element_size()
    for extent in value.shape:
        # To ask a symbol for its value would tie the graph to it; its hint costs nothing.
        count *= extent if isinstance(extent, int) else getattr(extent.node, "hint", None) or 1
    return int(count)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UsageError('this needs torch: pip install "trueness[torch]"') from error
    return torch
