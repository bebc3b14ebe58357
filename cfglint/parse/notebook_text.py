"""The code of a notebook's cells as one Python text, with the way back to the JSON file, escapes included."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

from cfglint.parse.python_text import PythonText, line_of
from cfglint.parse.tree import ParseError
from cfglint.source import Cell, Span

_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class CellSource(NamedTuple):
    """One cell as the file has it: its number (from 1, every kind counted), its kind, language, and its texts.

    ``parts`` are the strings of its source: decoded text, and first and past-the-end offset between the quotes.
    """

    number: int
    kind: str
    language: str
    parts: tuple[tuple[str, int, int], ...]

    @property
    def text(self) -> str:
        """The whole source."""
        return "".join(part[0] for part in self.parts)


class NotebookText(PythonText):
    """The joined text of some cells; spans count code points of the notebook file."""

    def __init__(self, cells: list[tuple[CellSource, str]], file_text: str) -> None:
        """``cells`` pairs each cell (with a source) with its text as Python, of the same length as the source."""
        joined: list[str] = []
        self._cells: list[CellSource] = []
        #: Virtual offset at which each cell starts.
        self.cell_starts: list[int] = []
        #: Runs of code points that stand side by side in the file: virtual start, file start, width of one.
        self._virtual: list[int] = []
        self._file: list[int] = []
        self._width: list[int] = []
        at = 0
        for cell, text in cells:
            self._cells.append(cell)
            self.cell_starts.append(at)
            offset = at
            for decoded, start, end in cell.parts:
                self._add(decoded, start, end, offset, file_text)
                offset += len(decoded)
            if not text.endswith("\n"):
                # The line end between two cells stands nowhere in the file.
                self._run(offset, cell.parts[-1][2], 0)
                text += "\n"
            joined.append(text)
            at += len(text)
        super().__init__("".join(joined))

    def _run(self, virtual: int, file: int, width: int) -> None:
        self._virtual.append(virtual)
        self._file.append(file)
        self._width.append(width)

    def _add(self, decoded: str, start: int, end: int, virtual: int, file_text: str) -> None:
        if not decoded:
            return
        if len(decoded) == end - start:
            self._run(virtual, start, 1)
            return
        at = start
        for match in _ESCAPE.finditer(file_text, start, end):
            first, last = match.span()
            if first > at:
                self._run(virtual, at, 1)
                virtual += first - at
            self._run(virtual, first, last - first)
            virtual += 1
            at = last
        if at < end:
            self._run(virtual, at, 1)

    def file_offset(self, offset: int) -> int:
        """Where a code point of this text starts in the file."""
        if not self._virtual:
            return 0
        run = max(bisect_right(self._virtual, offset) - 1, 0)
        return self._file[run] + (offset - self._virtual[run]) * self._width[run]

    def file_end(self, offset: int) -> int:
        """Where the code point before an offset of this text ends in the file."""
        if offset <= 0 or not self._virtual:
            return self.file_offset(offset)
        run = max(bisect_right(self._virtual, offset - 1) - 1, 0)
        return self._file[run] + (offset - self._virtual[run]) * self._width[run]

    def place(self, start: int, end: int) -> Span:
        """Where a range of the joined text stands in the file."""
        first = self.file_offset(start)
        return Span(first, self.file_end(end) if end > start else first)

    def line_name(self, line: int) -> str:
        """``in cell 3, line 2``."""
        cell = self.cell_at(self.starts[line - 1])
        return f"in cell {cell.index}, line {cell.line}"

    def cell_text(self, number: int) -> str:
        """The source of a cell as written, by its place among the joined ones."""
        return self._cells[number].text

    def cell_at(self, offset: int) -> Cell:
        """The cell and the line in it of an offset of this text."""
        number = max(bisect_right(self.cell_starts, offset) - 1, 0)
        first = line_of(self.starts, self.cell_starts[number])
        return Cell(self._cells[number].number, line_of(self.starts, offset) - first + 1)

    def locate(self, offset: int) -> Cell | None:
        """The cell and line of an offset of the file, None outside the cells' sources."""
        cell = next((cell for cell in self._cells if _holds(cell, offset)), None)
        if cell is None:
            return None
        run = bisect_right(self._file, offset) - 1
        virtual = self._virtual[run] + (offset - self._file[run]) // max(self._width[run], 1)
        if run + 1 < len(self._virtual):
            virtual = min(virtual, self._virtual[run + 1] - 1)
        return self.cell_at(max(virtual, self._virtual[run]))


def _holds(cell: CellSource, offset: int) -> bool:
    return cell.parts[0][1] <= offset <= cell.parts[-1][2]


def read_cells(text: str) -> list[CellSource]:
    """The cells of a notebook with the places of their sources.

    Raises ParseError where the text is no JSON or no notebook.
    """
    try:
        return _Scanner(text).cells()
    except json.JSONDecodeError as error:
        raise ParseError(error.msg, error.pos) from None
    except StopIteration as error:
        raise ParseError("expecting a value", error.value or 0) from None
    except RecursionError:
        raise ParseError("nested too deeply") from None


class _Scanner:
    """Walks the outer structure by hand and leaves every other value to the standard library's C scanner."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._scan = json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]

    def cells(self) -> list[CellSource]:
        at = self._skip(0)
        if not self._text.startswith("{", at):
            raise ParseError("a notebook is a JSON object", at)
        found: list[CellSource] | None = None
        language = ""
        for key, start in self._members(at):
            if key == "cells" and self._text.startswith("[", start):
                found = []
                for place in self._elements(start):
                    found.append(self._cell(place, len(found) + 1))
            elif key == "metadata":
                language = _language(self._value(start))
            else:
                self._value(start)
        if found is None:
            raise ParseError("no list of cells: not a notebook of format 4", at)
        return [cell if cell.language else cell._replace(language=language) for cell in found]

    def _cell(self, at: int, number: int) -> CellSource:
        kind, language = "", ""
        parts: list[tuple[str, int, int]] = []
        if not self._text.startswith("{", at):
            self._value(at)
            return CellSource(number, "", "", ())
        for key, start in self._members(at):
            if key == "source":
                parts = self._source(start)
                continue
            value = self._value(start)
            if key == "cell_type":
                kind = str(value)
            elif key == "metadata" and isinstance(value, dict):
                editor = value.get("vscode")
                if isinstance(editor, dict):
                    language = str(editor.get("languageId") or "")
        return CellSource(number, kind, language, tuple(parts))

    def _source(self, at: int) -> list[tuple[str, int, int]]:
        if self._text.startswith('"', at):
            return [self._string(at)]
        if not self._text.startswith("[", at):
            self._value(at)
            return []
        parts: list[tuple[str, int, int]] = []
        for place in self._elements(at):
            if self._text.startswith('"', place):
                parts.append(self._string(place))
            else:
                self._value(place)
        return parts

    def _string(self, at: int) -> tuple[str, int, int]:
        value, self._end = scanstring(self._text, at + 1, False)
        # A lone surrogate can't be encoded, so neither parsed; "?" takes its place.
        return (value if value.isascii() else _LONE_SURROGATE.sub("?", value)), at + 1, self._end - 1

    def _value(self, at: int) -> object:
        value, self._end = self._scan(self._text, at)
        return value

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _members(self, at: int) -> Iterator[tuple[str, int]]:
        """The keys of the object at an offset and where their values start; the caller reads each value."""
        text = self._text
        at = self._skip(at + 1)
        if text.startswith("}", at):
            self._end = at + 1
            return
        while True:
            if not text.startswith('"', at):
                raise json.JSONDecodeError("expecting a name in double quotes", text, at)
            key, end = scanstring(text, at + 1, False)
            at = self._skip(end)
            if not text.startswith(":", at):
                raise json.JSONDecodeError("expecting ':'", text, at)
            yield key, self._skip(at + 1)
            at = self._skip(self._end)
            if text.startswith("}", at):
                self._end = at + 1
                return
            if not text.startswith(",", at):
                raise json.JSONDecodeError("expecting ',' or '}'", text, at)
            at = self._skip(at + 1)

    def _elements(self, at: int) -> Iterator[int]:
        """Where the elements of the array at an offset start; the caller reads each one."""
        text = self._text
        at = self._skip(at + 1)
        if text.startswith("]", at):
            self._end = at + 1
            return
        while True:
            yield at
            at = self._skip(self._end)
            if text.startswith("]", at):
                self._end = at + 1
                return
            if not text.startswith(",", at):
                raise json.JSONDecodeError("expecting ',' or ']'", text, at)
            at = self._skip(at + 1)


def _language(metadata: object) -> str:
    """The kernel's language, lower case; "" when the file does not say."""
    if isinstance(metadata, dict):
        for holder, key in (("language_info", "name"), ("kernelspec", "language")):
            part = metadata.get(holder)
            if isinstance(part, dict) and part.get(key):
                return str(part[key]).lower()
    return ""
