"""How text takes up columns of a terminal: tabs, wide characters, and characters that must not reach it."""

from __future__ import annotations

from typing import NamedTuple

_TAB = 4


class Line(NamedTuple):
    """A printable line; ``columns[i]`` is where code point ``i`` of the original begins, the last its end."""

    text: str
    columns: list[int]


def printable(text: str) -> str:
    """A text on one line, safe to print: no escape sequence, line end or bidi mark of a config gets out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join([_visible(char) for char in text])


def laid_out(text: str) -> Line:
    """A line with tabs expanded and every code point's column known."""
    if text.isascii() and text.isprintable():
        return Line(text, list(range(len(text) + 1)))
    shown, columns, at = [], [], 0
    for char in text:
        columns.append(at)
        visible = " " * (_TAB - at % _TAB) if char == "\t" else _visible(char)
        shown.append(visible)
        at += len(visible) if char == "\t" else _width(visible)
    columns.append(at)
    return Line("".join(shown), columns)


def window(text: str, start: int, end: int, limit: int) -> tuple[str, int, int]:
    """A line cut to about ``limit`` columns around a span, with the span's place in what is left."""
    if len(text) * 2 <= limit or (len(text) <= limit and laid_out(text).columns[-1] <= limit):
        return text, start, end
    end = min(end, start + limit)
    left = min(limit // 3, max(0, limit - laid_out(text[start:end]).columns[-1]))
    first = start
    while first > 0 and left > 0:
        first -= 1
        left -= _width(_visible(text[first]))
    last, left = start, limit - laid_out(text[first:start]).columns[-1]
    while last < len(text) and left > 0:
        left -= _width(_visible(text[last]))
        last += 1
    head, tail = "…" if first > 0 else "", "…" if last < len(text) else ""
    shift = len(head) - first
    return head + text[first:last] + tail, start + shift, min(end, last) + shift


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if char in "\t\n":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    # A no-break or ideographic space does no harm, a zero-width joiner holds emoji together; a line
    # separator, a bidirectional override or half a surrogate pair does harm.
    if code == 0x200D or (char.isspace() and code >= 0xA0 and code not in (0x2028, 0x2029)):
        return char
    return "\ufffd"


def _width(char: str) -> int:
    if char.isascii():
        return 1
    import unicodedata

    if char == "\u200d" or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
