"""A notebook's JSON: its cells with the places of their source strings in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

from cfglint.parse.tree import ParseError

_SPACE = re.compile(r"[ \t\r\n]*")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class CellSource(NamedTuple):
    """One cell as the file has it: its number (from 1, every kind counted), kind, language and texts.

    ``parts`` are the strings of its source: decoded text, first and past-the-end offset between the quotes.
    """

    number: int
    kind: str
    language: str
    parts: tuple[tuple[str, int, int], ...]

    @property
    def text(self) -> str:
        """The whole source."""
        return "".join(part[0] for part in self.parts)


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
