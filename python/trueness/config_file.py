"""A file that a user wrote for us, as plain Python values."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path

from trueness.errors import UsageError


def read_config_file(what: str, path: str | PathLike[str]) -> object:
    """From JSON, TOML or YAML, by the suffix of the name; `what` begins each message. Raises
    UsageError for a file that is not one, and when the reader for the format is missing."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{what}: {file} cannot be read: {why}") from None
    readers = {".json": _json, ".toml": _toml, ".yaml": _yaml, ".yml": _yaml}
    if file.suffix not in readers:
        raise UsageError(f"{what}: the name of {file} ends in none of {', '.join(readers)}")
    try:
        return readers[file.suffix](what, text)
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{what}: {file} cannot be read: {why}") from None


def _json(what: str, text: str) -> object:
    content: object = json.loads(text)
    return content


def _toml(what: str, text: str) -> object:
    try:
        import tomllib
    except ModuleNotFoundError:
        raise UsageError(f"{what}: TOML needs Python 3.11; write it as JSON or YAML") from None
    return tomllib.loads(text)


def _yaml(what: str, text: str) -> object:
    try:
        import yaml
    except ModuleNotFoundError:
        raise UsageError(
            f"{what}: YAML needs PyYAML: pip install 'trueness[mapping]', or write it as JSON"
        ) from None
    try:
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    return content
