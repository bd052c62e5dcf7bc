"""Standards by name: each a file of `profiles`, or one that a user wrote in the same form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from trueness.compare.standards.standard import Standard, lower_precision
from trueness.config_file import read_config_file
from trueness.errors import UsageError

__all__ = [
    "DEFAULT",
    "Standard",
    "check_reference",
    "lower_precision",
    "profile_content",
    "standard_names",
    "standard_of",
]

DEFAULT = "auto"
_PROFILES = Path(__file__).with_name("profiles")
_SUFFIXES = (".json", ".toml", ".yaml", ".yml")


@cache
def standard_names() -> Sequence[str]:
    """Those that come with trueness, the default first."""
    return sorted((path.stem for path in _PROFILES.glob("*.json")), key=lambda n: (n != DEFAULT, n))


def standard_of(standard: str | Standard | None) -> Standard:
    """The standard of that name, with or without its version, or in that JSON, TOML or YAML file;
    the default for None. Raises UsageError for an unknown name or a file that is no profile."""
    if isinstance(standard, Standard):
        return standard
    name = DEFAULT if standard is None else str(standard)
    if name in standard_names():
        return _built_in(name)
    if name.endswith(_SUFFIXES):
        from trueness.compare.standards.read_profile import read_profile

        return read_profile(read_config_file("standard", name), name)
    stem, _, version = name.rpartition("@")
    if stem in standard_names() and _built_in(stem).version == version:
        return _built_in(stem)
    known = ", ".join(standard_names())
    raise UsageError(f"no standard is called {name!r}; known: {known}, or a file of your own")


def check_reference(standard: Standard, given: bool) -> None:
    """Raises UsageError for a standard without the third dump it needs, or one it does not use."""
    if standard.needs_reference and not given:
        raise UsageError(f"standard {standard.label} needs a reference: --reference DIR")
    if given and not standard.needs_reference:
        raise UsageError(f"a reference is given, which standard {standard.label} does not use")


def profile_content(name: str) -> object:
    """The profile of a standard as it is written, of plain values. Raises UsageError as
    `standard_of`."""
    standard = standard_of(name)
    for known in standard_names():
        if _built_in(known) is standard:
            return json.loads(_path(known).read_text(encoding="utf-8"))
    return read_config_file("standard", name)


@cache
def _built_in(name: str) -> Standard:
    from trueness.compare.standards.read_profile import read_profile

    path = _path(name)
    return read_profile(json.loads(path.read_text(encoding="utf-8")), path.name)


def _path(name: str) -> Path:
    return _PROFILES / f"{name}.json"
