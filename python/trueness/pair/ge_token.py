"""The golden GE operators of one token, and which of their tensors found a partner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from trueness.errors import FormatError
from trueness.model import Describe, Described, TensorRef, Unmatched
from trueness.pair.operator import headers, member

Tensor = tuple[TensorRef, Described]


class GeToken:
    def __init__(self, refs: Iterable[TensorRef], describe: Describe) -> None:
        self._refs = {ref.op_name: ref for ref in refs}
        self._describe = describe
        self._opened: dict[str, list[Tensor] | str] = {}
        self._used: set[TensorRef] = set()
        self._excused: dict[TensorRef, tuple[str, bool]] = {}

    def operator(self, name: str) -> TensorRef | None:
        return self._refs.get(name)

    def tensors(self, name: str) -> list[Tensor] | str:
        """Those of an operator, or why there are none."""
        found = self._opened.get(name)
        if found is None:
            found = self._opened[name] = self._open(name)
        return found

    def _open(self, name: str) -> list[Tensor] | str:
        ref = self._refs.get(name)
        if ref is None:
            return f"golden has no file of operator {name}"
        try:
            return [(member(ref, t.io, t.index), t) for t in headers(ref, self._describe)]
        except (FormatError, OSError) as error:
            return str(error)

    def use(self, ref: TensorRef) -> TensorRef:
        self._used.add(ref)
        return ref

    def excuse(self, ref: TensorRef, reason: str, expected: bool) -> None:
        """Gives the reason for the case that no other operator takes the tensor."""
        self._excused.setdefault(ref, (reason, expected))

    def unused(self, graph_names: Collection[str]) -> Iterator[Unmatched]:
        for name, ref in self._refs.items():
            tensors = self._opened.get(name)
            if tensors is None or isinstance(tensors, str):
                if ref not in self._used:
                    yield self._never_asked(ref, tensors or "", name in graph_names)
                continue
            for tensor, _ in tensors:
                if tensor not in self._used:
                    why = "no tensor of my operators was paired with it", False
                    yield Unmatched(tensor, None, *self._excused.get(tensor, why))

    def _never_asked(self, ref: TensorRef, error: str, in_graph: bool) -> Unmatched:
        if error:
            return Unmatched(ref, None, f"cannot be read: {error}")
        if in_graph:
            return Unmatched(ref, None, f"my dump has no operator {ref.op_name}")
        return Unmatched(ref, None, "not in the graph: inserted by the GE compiler", expected=True)
