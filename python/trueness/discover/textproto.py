"""The text form of protocol buffers, read without a schema and in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_DEPTH = 50
"""Of messages inside each other; a graph needs 5."""

Message = dict[str, list["Value"]]
Value = str | Message
"""Strings are decoded; numbers and enum names stay as they are written."""

# Alternatives start with different characters and no loop can split its text in two ways: matching
# is linear whatever the input.
_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*(?:\n|\Z))*
        (?:(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
         | (?P<punct>[{}<>:\[\],;])
         | (?P<word>[-+.\w/]+)
         | (?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:[xX]([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CLOSES = {"{": "}", "<": ">"}


class TextError(ValueError):
    """The text is not a text-form message; `offset` is where, in characters."""

    def __init__(self, offset: int, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.offset = offset
        self.expected = expected
        self.found = found


def parse(text: str) -> Iterator[tuple[str, Value]]:
    """Yields the top-level fields one by one, so that a large graph is never held whole. Raises
    TextError."""
    tokens = _Tokens(text)
    while tokens.kind != "end":
        key = _key(tokens)
        for value in _values(tokens, 0):
            yield key, value
        _separator(tokens)


def unquote(literal: str) -> str:
    """The value of a quoted literal. Bytes given as escapes are put together as UTF-8."""
    body = literal[1:-1]
    if "\\" not in body:
        return body
    raw = bytearray()
    end = 0
    for match in _ESCAPE.finditer(body):
        raw += body[end : match.start()].encode("utf-8", "replace")
        raw += _escaped(match)
        end = match.end()
    raw += body[end:].encode("utf-8", "replace")
    return raw.decode("utf-8", "replace")


def _escaped(match: re.Match[str]) -> bytes:
    hexa, octal, short, long, plain = match.groups()
    if hexa:
        return bytes((int(hexa, 16),))
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    if short or long:
        code = int(short or long, 16)
        return chr(code if code < 0x110000 else 0xFFFD).encode("utf-8", "replace")
    return _PLAIN.get(plain, plain).encode("utf-8", "replace")


class _Tokens:
    """The token in hand; `advance` takes the next one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> None:
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            raise TextError(
                self._end, "protobuf text", repr(self._text[self._end : self._end + 40])
            )
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]
        self._end = match.end()

    def skip(self, punct: str) -> bool:
        if self.kind != "punct" or self.token != punct:
            return False
        self.advance()
        return True

    def unexpected(self, wanted: str) -> TextError:
        found = repr(self.token[:40]) if self.kind != "end" else "the end"
        return TextError(self._end - len(self.token), wanted, found)


def _key(tokens: _Tokens) -> str:
    extension = tokens.skip("[")
    if tokens.kind != "word":
        raise tokens.unexpected("a field name")
    key = tokens.token
    tokens.advance()
    if extension and not tokens.skip("]"):
        raise tokens.unexpected("']'")
    return key


def _values(tokens: _Tokens, depth: int) -> Iterator[Value]:
    tokens.skip(":")
    if not tokens.skip("["):
        yield _value(tokens, depth)
        return
    while not tokens.skip("]"):
        yield _value(tokens, depth)
        _separator(tokens)


def _separator(tokens: _Tokens) -> None:
    if not tokens.skip(","):
        tokens.skip(";")


def _value(tokens: _Tokens, depth: int) -> Value:
    if tokens.kind == "word":
        word = tokens.token
        tokens.advance()
        return word
    if tokens.kind == "string":
        parts = []
        while tokens.kind == "string":
            parts.append(unquote(tokens.token))
            tokens.advance()
        return "".join(parts)
    if tokens.kind == "punct" and tokens.token in _CLOSES:
        return _message(tokens, depth + 1)
    raise tokens.unexpected("a value")


def _message(tokens: _Tokens, depth: int) -> Message:
    if depth > MAX_DEPTH:
        raise tokens.unexpected(f"at most {MAX_DEPTH} messages inside each other")
    close = _CLOSES[tokens.token]
    tokens.advance()
    message: Message = {}
    while not tokens.skip(close):
        message.setdefault(_key(tokens), []).extend(_values(tokens, depth))
        _separator(tokens)
    return message
