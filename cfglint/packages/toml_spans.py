"""Where the values of a TOML text stand: the standard library reads TOML without positions.

The walk trusts that ``tomllib`` accepted the text, so it needs no error handling of its own.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from cfglint.source import Span

Path = tuple[str | int, ...]

_STRING = r"\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>#[^\n]*)|(?P<space>[ \t\r]+)|(?P<mark>[\n\[\]{{}}=,.])"
    r"|(?P<bare>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


class TomlError(Exception):
    """A text is not TOML, or this Python cannot read TOML; the message says which."""


def read_toml(text: str) -> dict[str, Any]:
    """The values of a TOML text; raises TomlError."""
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise TomlError("reading TOML on Python 3.10 needs the package tomli") from error
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TomlError(f"not valid TOML: {error}") from error
    return values


def toml_spans(text: str) -> dict[Path, Span]:
    """The span of each scalar (a string's without quotes) by the path of keys and indexes to it."""
    return _Walk(text).spans


class _Walk:
    """One pass over the tokens of a text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self.spans: dict[Path, Span] = {}
        self._tokens = [
            (match.lastgroup or "", match[0], match.start())
            for match in _TOKEN.finditer(text)
            if match.lastgroup not in ("comment", "space")
        ]
        self._at = 0
        self._arrays: dict[Path, int] = {}
        self._document()

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _document(self) -> None:
        table: Path = ()
        while self._at < len(self._tokens):
            if self._peek() == "\n":
                self._at += 1
            elif self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        self._at += 1
        is_array = self._peek() == "["
        self._at += is_array
        names = self._key()
        self._at += 1 + is_array
        path: Path = ()
        for name in names[:-1]:
            path = self._current((*path, name))
        path = (*path, names[-1])
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
        return self._current(path)

    def _current(self, path: Path) -> Path:
        """A table's path, with the index of the latest item where it is an array of tables."""
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _key(self) -> list[str]:
        names = []
        while True:
            kind, token, _ = self._tokens[self._at]
            names.append(_unquoted(token) if kind == "string" else token)
            self._at += 1
            if self._peek() != ".":
                return names
            self._at += 1

    def _pair(self, table: Path) -> None:
        path = (*table, *self._key())
        self._at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        kind, token, start = self._tokens[self._at]
        if kind == "string":
            quote = 3 if token[:3] in ('"""', "'''") else 1
            self.spans[path] = Span(start + quote, start + len(token) - quote)
            self._at += 1
        elif token == "[":
            self._array(path)
        elif token == "{":
            self._table(path)
        else:
            end = start
            while self._at < len(self._tokens) and self._peek() not in (",", "]", "}", "\n"):
                end = self._tokens[self._at][2] + len(self._peek())
                self._at += 1
            self.spans[path] = Span(start, end)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._peek() != "]":
            if self._peek() in ("\n", ","):
                self._at += 1
            else:
                self._value((*path, index))
                index += 1
        self._at += 1

    def _table(self, path: Path) -> None:
        self._at += 1
        while self._peek() != "}":
            if self._peek() in ("\n", ","):
                self._at += 1
            else:
                self._pair(path)
        self._at += 1


def _unquoted(token: str) -> str:
    if token.startswith("'") or "\\" not in token:
        return token[1:-1]
    name = next(iter(read_toml(f"{token} = 0")))
    return str(name)
