"""Dataclasses of which millions are made."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


def quickly_made(cls: _Class) -> _Class:
    """The frozen dataclass with slots, without default factories, and an `__init__` that takes a
    third of the time. That of `dataclass` sets each field through `object.__setattr__`. Here the
    new instance is of a class with the same slots until all are set by plain assignment, which
    Python allows (https://docs.python.org/3/reference/datamodel.html#slots)."""
    given = fields(cls)
    names: dict[str, Any] = {f"_default_{field.name}": field.default for field in given}
    names["_become"] = object.__setattr__
    names["_open"] = type(cls.__name__, (), {"__slots__": [field.name for field in given]})
    names["_frozen"] = cls
    parameters = [
        field.name if field.default is MISSING else f"{field.name}=_default_{field.name}"
        for field in given
    ]
    lines = [
        f"def __init__(self, {', '.join(parameters)}):",
        "_become(self, '__class__', _open)",
        *(f"self.{field.name} = {field.name}" for field in given),
        "self.__class__ = _frozen",
    ]
    exec("\n  ".join(lines), names)
    names["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = names["__init__"]  # type: ignore[misc]
    return cls
