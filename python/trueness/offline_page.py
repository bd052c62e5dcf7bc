"""What HTML pages that open without a network are made of: scripts that an installed package
brings, their hashes for a Content-Security-Policy, and compressed blocks of data."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from trueness.errors import UsageError


def bokeh_scripts(names: Iterable[str], missing: str) -> str:
    """Bokeh's own scripts, as its package brings them. Raises UsageError with the text `missing`
    when it is not installed."""
    spec = find_spec("bokeh")
    if spec is None or not spec.origin:
        raise UsageError(missing)
    folder = Path(spec.origin).parent / "server" / "static" / "js"
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    # A debugger would look for the maps that the last line of a script names.
    return "\n".join(text.split("//# sourceMappingURL=")[0] for text in texts)


def script_hash(script: str) -> str:
    """As a Content-Security-Policy names a script: the base64 of its SHA-256."""
    return b64encode(sha256(script.encode()).digest()).decode()


def packed(text: str) -> str:
    """Deflated, as base64, for the page to unpack."""
    return b64encode(zlib.compress(text.encode(), 9)).decode()
