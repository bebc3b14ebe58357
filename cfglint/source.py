"""A source is one text the user wrote; spans point into it by code points."""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import NamedTuple

#: Larger files are not training configs; reading them would cost more than any finding is worth (bytes).
SIZE_LIMIT = 20_000_000


class Span(NamedTuple):
    """A half-open range of code points in a source's text."""

    start: int
    end: int


class Position(NamedTuple):
    """A place as readers count it: line and column start at 1, columns count code points."""

    line: int
    column: int


class Cell(NamedTuple):
    """Where a reader of a notebook finds a place: the cell's number in the file and the line in it, from 1."""

    index: int  # type: ignore[assignment]  # a field named like tuple.index, which nobody asks of a cell
    line: int


class UnreadableError(Exception):
    """A file cannot be read as text; the message says why, for the user."""


class Source:
    """One text with its displayed path.

    ``path`` is relative to where the command ran (POSIX separators), ``text`` is the decoded file with its line ends
    as they are and without a byte-order mark, ``file`` is the absolute path ("" for standard input).
    """

    __slots__ = ("_starts", "bom", "file", "path", "text")

    def __init__(self, path: str, text: str, file: str = "", bom: bool = False) -> None:
        self.path = path
        self.text = text
        self.file = file
        self.bom = bom
        self._starts: list[int] | None = None

    def __repr__(self) -> str:
        return f"Source({self.path!r})"

    @property
    def line_starts(self) -> list[int]:
        """Offsets of the first code point of each line; only ``\\n`` ends a line."""
        if self._starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> Position:
        """Line and column of an offset (clamped to the text)."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def line_text(self, line: int) -> str:
        """The text of a 1-based line without its line end."""
        starts = self.line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    def line_span(self, line: int) -> Span:
        """The span of a 1-based line with its line end."""
        starts = self.line_starts
        return Span(starts[line - 1], starts[line] if line < len(starts) else len(self.text))

    def slice(self, span: Span) -> str:
        """The text that a span covers."""
        return self.text[span.start : span.end]


def read_source(file: str, display: str) -> Source:
    """Read a file as UTF-8 text.

    Raises UnreadableError with a reason for the user when it is missing, too large, binary or not UTF-8.
    """
    try:
        if not os.path.isfile(file):
            raise UnreadableError("not a regular file" if os.path.exists(file) else "no such file")
        size = os.path.getsize(file)
        if size > SIZE_LIMIT:
            raise UnreadableError(
                f"too large to be a training config ({size / 1e6:.0f} MB, the limit is {SIZE_LIMIT // 10**6} MB)"
            )
        with open(file, "rb") as handle:
            data = handle.read()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
    return decode_source(data, display, file)


def decode_source(data: bytes, display: str, file: str = "") -> Source:
    """Decode bytes to a Source; raises UnreadableError for binary or non-UTF-8 content."""
    bom = data.startswith(b"\xef\xbb\xbf")
    if bom:
        data = data[3:]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError("UTF-16 text; training tools read UTF-8")
    if b"\0" in data[:8192]:
        raise UnreadableError("a binary file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"not UTF-8: byte 0x{data[error.start]:02x} on line {line}") from error
    return Source(display, text, file, bom)
