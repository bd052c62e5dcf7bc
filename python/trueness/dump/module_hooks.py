"""What modules take and give, for models that do not compile."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import ContextDecorator
from typing import Any

from trueness.dump.guard import Forgiving, say_once
from trueness.dump.module_files import ModuleFiles
from trueness.dump.place import Choice, Place, Sink, arguments, choice_of, members, results
from trueness.dump.writer import BUFFER_BYTES, Writer
from trueness.errors import UsageError

Module = Any
"""torch.nn.Module"""


def modules(
    model: Module,
    path: str | os.PathLike[str],
    *,
    layers: str | Sequence[str] | None = None,
    tokens: int | Collection[int] | None = None,
    inputs: bool = True,
    outputs: bool = True,
    statistics: bool = False,
    strict: bool = False,
    buffer_bytes: int = BUFFER_BYTES,
) -> ModulesDump:
    """Dumps what goes into and comes out of every module while the model runs:
    `with modules(model, "golden"): model(x)`, or as a decorator of the function that runs it. Every
    call of the model is a token. Options as of `fx`; `layers` are globs for names of modules.

    What goes wrong while dumping is logged once and the model runs on, unless `strict`. Raises
    UsageError for options that do not fit, or a folder that is in use."""
    if not hasattr(model, "named_modules"):
        raise UsageError(f"a {type(model).__name__} is no torch module")
    choice = choice_of(layers, tokens, inputs, outputs)
    writer = Writer(buffer_bytes)
    sink = ModuleFiles(os.fspath(path), model, statistics=statistics, writer=writer)
    return ModulesDump(model, sink, choice, strict=strict)


class ModulesDump(ContextDecorator):
    """Dumps between `__enter__` and `__exit__`, any number of times; tokens count on."""

    def __init__(self, model: Module, sink: Sink, choice: Choice, *, strict: bool = False) -> None:
        self.sink = sink
        self.strict = strict
        self.token = -1
        self._model = model
        self._choice = choice
        self._hooks: list[Any] = []
        self._seen: set[tuple[str, str]] = set()

    def __enter__(self) -> ModulesDump:
        self._hooks.append(self._model.register_forward_pre_hook(self._next_token))
        for name, module in self._model.named_modules():
            if not self._choice.takes_layer(name):
                continue
            full = f"root.{name}" if name else "root"
            if self._choice.inputs:
                self._hooks.append(
                    module.register_forward_pre_hook(self._before(full), with_kwargs=True)
                )
            if self._choice.outputs:
                self._hooks.append(module.register_forward_hook(self._after(full)))
        return self

    def __exit__(self, *_: object) -> None:
        """Waits until all is written. Raises, when `strict`, what could not be."""
        while self._hooks:
            self._hooks.pop().remove()
        with Forgiving("dump.modules", self.strict):
            self.sink.close()

    def estimate(self, *args: Any, **kwargs: Any) -> int:
        """Bytes of a token, without writing any: runs the model once and counts."""
        counter = _Counter()
        with ModulesDump(self._model, counter, self._choice):
            self._model(*args, **kwargs)
        return counter.nbytes

    def _next_token(self, module: Module, args: Any) -> None:
        self.token += 1
        self._seen.clear()

    def _before(self, name: str) -> Any:
        def hook(module: Module, args: Any, kwargs: dict[str, Any]) -> None:
            self._record(name, "input", [*args, *kwargs.values()])

        return hook

    def _after(self, name: str) -> Any:
        def hook(module: Module, args: Any, found: Any) -> None:
            self._record(name, "output", found)

        return hook

    def _record(self, name: str, io: str, value: Any) -> None:
        # Before the first call of the whole model its parts belong to the token to come.
        token = max(self.token, 0)
        if not self._choice.takes_token(token):
            return
        with Forgiving("dump.modules", self.strict):
            if (name, io) in self._seen:
                say_once(
                    "dump.modules",
                    "again",
                    f"{name} ran twice in a token; its last tensors are kept",
                )
            self._seen.add((name, io))
            single = io == "output" and members(value) is None
            for index, nested, tensor in results(value) if io == "output" else arguments(value):
                self.sink.take(Place(name, io, index, nested, token, single=single), tensor)


class _Counter:
    """A sink that only adds up."""

    def __init__(self) -> None:
        self.nbytes = 0

    def take(self, place: Place, tensor: Any) -> None:
        self.nbytes += int(tensor.nbytes)

    def close(self) -> None:
        pass
