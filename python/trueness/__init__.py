"""Compare what a model computed with what it should have computed, tensor by tensor."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Light, and needed at once: a later import of the room `trueness.compare` would put the module in
# the place of the function.
from trueness.compare.arrays import Comparison, compare
from trueness.errors import (
    FormatError,
    LayoutError,
    PairingError,
    ReadError,
    TruenessError,
    UsageError,
)

if TYPE_CHECKING:
    from trueness._core import Sums
    from trueness.compare.files import compare_files
    from trueness.dumps import DumpComparison, compare_dumps
    from trueness.model import Pair, Result, State, TensorRef, Unmatched
    from trueness.read import open_file as open

__all__ = [
    "Comparison",
    "DumpComparison",
    "FormatError",
    "LayoutError",
    "Pair",
    "PairingError",
    "ReadError",
    "Result",
    "State",
    "Sums",
    "TensorRef",
    "TruenessError",
    "Unmatched",
    "UsageError",
    "compare",
    "compare_dumps",
    "compare_files",
    "open",
]

_LAZY = {
    "DumpComparison": ("trueness.dumps", "DumpComparison"),
    "Pair": ("trueness.model", "Pair"),
    "Result": ("trueness.model", "Result"),
    "State": ("trueness.model", "State"),
    "Sums": ("trueness._core", "Sums"),
    "TensorRef": ("trueness.model", "TensorRef"),
    "Unmatched": ("trueness.model", "Unmatched"),
    "compare_dumps": ("trueness.dumps", "compare_dumps"),
    "compare_files": ("trueness.compare.files", "compare_files"),
    "open": ("trueness.read", "open_file"),
}


def __getattr__(name: str) -> Any:
    """What loads numpy or the core comes at first use, so that `trueness --help` is quick."""
    if name not in _LAZY:
        raise AttributeError(f"module 'trueness' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
