"""Python text and the way from ``ast`` positions (lines, UTF-8 bytes) to spans in the user's file."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right

from cfglint.parse.tree import ParseError
from cfglint.source import Span

_LINE_END = re.compile(r"\r\n|\r|\n")


class PythonText:
    """A Python text whose code points stand at the same offsets in the file.

    A notebook's joined cells are a subclass that places its spans in the JSON text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = _line_starts(text)
        self._ascii = text.isascii()

    def offset(self, line: int, byte: int) -> int:
        """The code point of a 1-based line and a 0-based UTF-8 byte, as ``ast`` counts them."""
        start = self.starts[line - 1]
        if self._ascii:
            return start + byte
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        row = self.text[start:end]
        if row.isascii():
            return start + byte
        return start + len(row.encode("utf-8", "surrogatepass")[:byte].decode("utf-8", "ignore"))

    def range(self, node: ast.AST) -> tuple[int, int]:
        """First and past-the-end code point of a node in this text."""
        if self._ascii:
            starts = self.starts
            return (
                starts[node.lineno - 1] + node.col_offset,  # type: ignore[attr-defined]
                starts[node.end_lineno - 1] + node.end_col_offset,  # type: ignore[attr-defined]
            )
        return (
            self.offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def slice(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.range(node)
        return self.text[start:end]

    def span(self, node: ast.AST) -> Span:
        """Where a node stands in the file."""
        return Span(*self.range(node))

    def place(self, start: int, end: int) -> Span:
        """Where a range of this text stands in the file."""
        return Span(start, end)

    def line_name(self, line: int) -> str:
        """How a note names a 1-based line of this text."""
        return f"on line {line}"


def _line_starts(text: str) -> list[int]:
    """Offsets of the lines as Python's tokenizer counts them: a lone carriage return ends one as well."""
    starts = [0]
    if "\r" in text:
        starts.extend(match.end() for match in _LINE_END.finditer(text))
        return starts
    find = text.find
    at = find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = find("\n", at + 1)
    return starts


def syntax_tree(text: PythonText) -> ast.Module:
    """Parse with the running interpreter's grammar; raises ParseError, whatever the text does to the parser.

    The error's offset counts code points of ``text``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.text)
    except SyntaxError as error:
        if error.lineno is None:
            raise ParseError(error.msg or "invalid syntax", max(text.text.find("\0"), 0)) from None
        line = min(max(error.lineno, 1), len(text.starts))
        offset = text.starts[line - 1] + max((error.offset or 1) - 1, 0)
        raise ParseError(error.msg or "invalid syntax", min(offset, len(text.text))) from None
    except (RecursionError, MemoryError):
        raise ParseError("nested too deeply") from None
    except UnicodeEncodeError as error:
        raise ParseError("a lone surrogate is no text", error.start) from None
    except ValueError as error:
        raise ParseError(str(error), max(text.text.find("\0"), 0)) from None


def line_of(starts: list[int], offset: int) -> int:
    """The 1-based line that holds an offset."""
    return bisect_right(starts, offset)
