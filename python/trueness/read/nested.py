"""Names for the tensors inside nested dictionaries, lists and tuples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueness.errors import FormatError

MAX_VALUES = 1_000_000
MAX_DEPTH = 64
MAX_NAME = 4096
MAX_LISTED = 100


def named_values(path: str, root: object) -> Iterator[tuple[str, object]]:
    """Leaves of nested containers in order, named by the way to them ("a.b.0"; "" for a bare one).

    One object may be reached on many ways, and may contain itself, so depth, count and name length
    are bounded: FormatError beyond.
    """
    pending: list[tuple[str, object, int]] = [("", root, 0)]
    for _ in range(MAX_VALUES):
        if not pending:
            return
        name, value, depth = pending.pop()
        if isinstance(value, dict):
            items = [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            items = [(str(i), item) for i, item in enumerate(value)]
        else:
            yield name, value
            continue
        if depth == MAX_DEPTH or len(pending) + len(items) > MAX_VALUES:
            break
        for key, item in reversed(items):
            inner = f"{name}.{key}" if depth else key
            if len(inner) > MAX_NAME:
                raise FormatError(path, 0, "", f"names of at most {MAX_NAME} characters", "more")
            pending.append((inner, item, depth + 1))
    limits = f"at most {MAX_VALUES} values, nested at most {MAX_DEPTH} deep"
    raise FormatError(path, 0, "", limits, "more")


def describe_others(others: Sequence[tuple[str, object]]) -> list[str]:
    """A sentence for each value that is no tensor; beyond a hundred, one for all the rest."""
    listed = [f"'{name}' is no tensor ({type(value).__name__})" for name, value in others]
    hidden = len(listed) - MAX_LISTED
    if hidden > 0:
        listed[MAX_LISTED:] = [f"{hidden} further values are no tensors"]
    return listed
