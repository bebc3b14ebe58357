"""JSON to a tree with exact spans: strict, as ``json.load`` reads it, with positions that the library does not give."""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

from cfglint.parse.tree import Entry, Mapping, Node, ParseError, Scalar, Sequence
from cfglint.source import Source, Span

#: Deeper nesting than any real config.
DEPTH_LIMIT = 200

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_WORD = re.compile(r"-?[A-Za-z]+")


def parse_json(source: Source) -> Node:
    """A JSON text as a tree. Raises ParseError where ``json.load`` would fail, and for absurdly deep nesting."""
    text = source.text
    node, at = _value(text, _skip(text, 0), 0)
    at = _skip(text, at)
    if at != len(text):
        raise ParseError("not valid JSON: text after the end of the document", at)
    return node


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    if depth > DEPTH_LIMIT:
        raise ParseError(f"nested more than {DEPTH_LIMIT} levels deep", at)
    char = text[at : at + 1]
    if char == "{":
        return _object(text, at, depth)
    if char == "[":
        return _array(text, at, depth)
    if char == '"':
        return _string(text, at)
    match = _NUMBER.match(text, at)
    if match:
        raw = match.group()
        number: object = float(raw) if match.group(1) or match.group(2) else _integer(raw, at)
        return Scalar(number, raw, Span(at, match.end())), match.end()
    match = _WORD.match(text, at)
    if match and match.group() in _WORDS:
        return Scalar(_WORDS[match.group()], match.group(), Span(at, match.end())), match.end()
    if not char:
        raise ParseError("not valid JSON: the text ends in the middle of a value", at)
    if char in "/#":
        raise ParseError("not valid JSON: comments are not allowed (json.load refuses them)", at)
    if char in "}]":
        raise ParseError("not valid JSON: expected a value (a trailing comma?)", at)
    raise ParseError(f"not valid JSON: expected a value, found {text[at : at + 12].split()[0]!r}", at)


def _integer(raw: str, at: int) -> int:
    try:
        return int(raw)
    except ValueError:
        raise ParseError("not a number that Python reads: too many digits", at) from None


def _string(text: str, at: int) -> tuple[Scalar, int]:
    try:
        value, end = scanstring(text, at + 1, True)
    except JSONDecodeError as error:
        raise ParseError(f"not valid JSON: {error.msg[0].lower()}{error.msg[1:]}", error.pos) from None
    return Scalar(value, text[at:end], Span(at, end), True), end


def _object(text: str, start: int, depth: int) -> tuple[Mapping, int]:
    entries: list[Entry] = []
    at = _skip(text, start + 1)
    if text[at : at + 1] == "}":
        return Mapping((), Span(start, at + 1)), at + 1
    while True:
        if text[at : at + 1] != '"':
            trailing = text[at : at + 1] == "}"
            raise ParseError(
                f"not valid JSON: {'a trailing comma' if trailing else 'expected a key in double quotes'}", at
            )
        key, at = _string(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ParseError("not valid JSON: expected ':' after a key", at)
        value, at = _value(text, _skip(text, at + 1), depth + 1)
        entries.append(Entry(key, value))
        at = _skip(text, at)
        char = text[at : at + 1]
        if char == "}":
            return Mapping(tuple(entries), Span(start, at + 1)), at + 1
        if char != ",":
            raise ParseError("not valid JSON: expected ',' or '}'", at)
        at = _skip(text, at + 1)


def _array(text: str, start: int, depth: int) -> tuple[Sequence, int]:
    items: list[Node] = []
    at = _skip(text, start + 1)
    if text[at : at + 1] == "]":
        return Sequence((), Span(start, at + 1)), at + 1
    while True:
        item, at = _value(text, at, depth + 1)
        items.append(item)
        at = _skip(text, at)
        char = text[at : at + 1]
        if char == "]":
            return Sequence(tuple(items), Span(start, at + 1)), at + 1
        if char != ",":
            raise ParseError("not valid JSON: expected ',' or ']'", at)
        at = _skip(text, at + 1)
