"""Who made the calls of an msprobe dump: `construct.json` names the module around each,
`stack.json` the line of the user's code. Without them a name is all there is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trueness.model import Leftover, TensorRef

_FRAME = re.compile(
    r'\s*File "?(?P<file>[^",\n]+)"?, line \d+, in (?P<function>[^\s,]+),?\s*(?P<code>.*)',
    re.DOTALL,
)
_TORCH = re.compile(r"(?:^|[/\\])(?:torch|torch_npu|mindspore|msprobe)[/\\]")
CODE_SHOWN = 80
"""Characters of a line of code that tell it from others."""


def callers(folder: str, where: TensorRef, leftover: list[Leftover]) -> dict[str, str]:
    """The module by the name of the call, else the place in the code. What cannot be read is left
    over."""
    found: dict[str, str] = {}
    for file, read in (("stack.json", _sites), ("construct.json", _modules)):
        path = os.path.join(folder, file)
        try:
            content = json.loads(Path(path).read_bytes())
            if not isinstance(content, dict):
                raise ValueError("it is no table of calls")
            found.update(read(content))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            ref = replace(where, path=path)
            leftover.append(Leftover(ref, f"cannot be read: {error}", expected=True))
    return found


def _modules(content: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Newer files hold [module, stage]."""
    for name, parent in content.items():
        first = parent[0] if isinstance(parent, list) and parent else parent
        if isinstance(first, str) and first:
            yield name, first


def _sites(content: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Older files hold the frames of each call, newer ones [calls, frames] of each stack."""
    for name, value in content.items():
        if not isinstance(value, list):
            continue
        shared = len(value) == 2 and all(isinstance(part, list) for part in value)
        calls, frames = value if shared else ([name], value)
        site = _site(frames)
        if site:
            yield from ((call, site) for call in calls if isinstance(call, str))


def _site(frames: list[object]) -> str:
    """`file function: code` of the innermost frame outside of the framework. No folder and no line
    number: the two sides need not have the same version of everything around."""
    for frame in frames:
        match = _FRAME.match(frame) if isinstance(frame, str) else None
        if match and not _TORCH.search(match["file"]):
            file = re.split(r"[/\\]", match["file"])[-1]
            code = " ".join(match["code"].split())[:CODE_SHOWN]
            return f"{file} {match['function']}" + (f": {code}" if code else "")
    return ""
