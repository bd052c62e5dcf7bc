"""The file of `--mapping`: what is called how on the other side."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from trueness.config_file import read_config_file
from trueness.errors import UsageError

KINDS = ("pairs", "globs", "renames")
_GLOB_PART = re.compile(r"\*\*|\*|\?")
_GLOB_MEANING = {"**": "(.*)", "*": "([^/]*)", "?": "([^/])"}


@dataclass(frozen=True, slots=True)
class Rule:
    """`golden` and `my` as they are in the file; `text` is the rule as shown in reports."""

    golden: str
    my: str

    @property
    def text(self) -> str:
        return f"{self.golden} = {self.my}"


@dataclass(frozen=True, slots=True)
class NameMapping:
    """Exact names of both sides; globs whose wildcards have to stand for the same text on both; and
    regular expressions that turn names of mine, one after the other, into golden ones."""

    path: str
    pairs: Sequence[Rule] = ()
    globs: Sequence[Rule] = ()
    renames: Sequence[Rule] = ()


def read_mapping(path: str | PathLike[str]) -> NameMapping:
    """From JSON, TOML or YAML, by the suffix of the name. Raises UsageError for a file that is not
    one, for rules that mean nothing, and when the reader for the format is missing."""
    return _checked(os.fspath(path), read_config_file("mapping", path))


def glob_pattern(glob: str) -> re.Pattern[str]:
    """`*` is any text without a slash, `**` any text, `?` one character; each is a group."""
    parts, end = "", 0
    for wild in _GLOB_PART.finditer(glob):
        parts += re.escape(glob[end : wild.start()]) + _GLOB_MEANING[wild[0]]
        end = wild.end()
    return re.compile(parts + re.escape(glob[end:]), re.DOTALL)


def _checked(path: str, content: object) -> NameMapping:
    if not isinstance(content, dict) or not content or not set(content) <= set(KINDS):
        raise UsageError(f"mapping: {path} has to hold lists called {', '.join(KINDS)}")
    rules = {kind: _rules(path, kind, entries) for kind, entries in content.items()}
    for rule in rules.get("globs", ()):
        if _GLOB_PART.findall(rule.golden) != _GLOB_PART.findall(rule.my):
            raise UsageError(f"mapping: {path}: the wildcards of {rule.text} are not the same")
    for rule in rules.get("renames", ()):
        try:
            re.compile(rule.my)
        except re.error as error:
            raise UsageError(f"mapping: {path}: rename {rule.my!r}: {error}") from None
    return NameMapping(path, **rules)


def _rules(path: str, kind: str, entries: object) -> list[Rule]:
    if not isinstance(entries, list):
        raise UsageError(f"mapping: {path}: {kind} is no list")
    found = []
    for entry in entries:
        fits = isinstance(entry, dict) and set(entry) == {"golden", "my"}
        if not fits or not all(isinstance(name, str) for name in entry.values()):
            shown = repr(entry)[:100]
            raise UsageError(f"mapping: {path}: {kind}: {shown} is not a golden and a my text")
        found.append(Rule(entry["golden"], entry["my"]))
    return found
