"""The file of `--op-mapping-file`: which torch modules an ATB operator stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from trueness.errors import UsageError

FILE_NAME = "op_mapping_file.json"
_TYPE = re.compile(r"\w+", re.ASCII)


def read_op_mapping(path: str | PathLike[str]) -> dict[str, Sequence[str]]:
    """ATB types to torch types, from the file or from FILE_NAME in the folder. Raises UsageError
    for what is not `{"AtbType": "TorchType" or ["TorchType", ...]}`."""
    file = Path(path)
    if file.is_dir():
        file /= FILE_NAME
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"op mapping: {file} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"op mapping: {file} is no table of ATB types")
    found: dict[str, Sequence[str]] = {}
    for atb, torch in content.items():
        types = [torch] if isinstance(torch, str) else torch
        if not isinstance(types, list) or not all(_is_type(text) for text in (atb, *types)):
            raise UsageError(f"op mapping: {file}: {atb!r} is not a type with one or more types")
        found[atb] = types
    return found


def _is_type(text: object) -> bool:
    return isinstance(text, str) and _TYPE.fullmatch(text) is not None
