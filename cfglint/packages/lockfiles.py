"""Lock files: uv.lock, poetry.lock, pdm.lock, pylock.toml and Pipfile.lock.

The TOML ones are written by programs, one key a line, so they are read line by line: a lock of a thousand
packages takes some milliseconds where a TOML parser takes a second, and each version comes with its span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at
from cfglint.parse.tree import Mapping, ParseError, Scalar
from cfglint.source import Source, Span

_PACKAGE = re.compile(r"^\[\[packages?\]\][ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TABLE = re.compile(r"^\[", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:<<<<<<<|=======|>>>>>>>)(?: |\r?$)", re.MULTILINE)
_KEY = re.compile(r"^(name|version|markers?|resolution-markers)[ \t]*=[ \t]*", re.MULTILINE)
_STRING = re.compile(r"\"((?:\\.|[^\"\\\n])*)\"|'([^'\n]*)'")
_ARRAY = re.compile(r"\[((?:\s|,|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')*)\]")


def read_toml_lock(source: Source) -> list[Requirement | Skipped]:
    """The entries of uv.lock, poetry.lock, pdm.lock or pylock.toml; markers tell entries of one apart."""
    text = source.text
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        return [skipped_at(source, conflict.start(), "holds a merge conflict")]
    found: list[Requirement | Skipped] = [_entry(source, start, end) for start, end in _blocks(text)]
    return found or [Skipped(source.path, 1, "holds no packages")]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """The range of each package's own keys: up to its first sub-table or the next package."""
    for header in _PACKAGE.finditer(text):
        following = _TABLE.search(text, header.end())
        yield header.end(), following.start() if following else len(text)


def _entry(source: Source, start: int, end: int) -> Requirement | Skipped:
    text = source.text
    values: dict[str, re.Match[str]] = {}
    marker = ""
    for key in _KEY.finditer(text, start, end):
        value = _STRING.match(text, key.end(), end)
        if value is not None:
            values.setdefault(key[1], value)
        elif key[1] == "resolution-markers":
            array = _ARRAY.match(text, key.end(), end)
            marker = " or ".join(f"({_value(item)})" for item in _STRING.finditer(array[1])) if array else ""
    for key_name in ("marker", "markers"):
        if key_name in values:
            marker = _value(values[key_name])
    if "name" not in values:
        return skipped_at(source, start, "an entry without a name")
    name = canonical_name(_value(values["name"]))
    if "version" not in values:
        place = Place(source, _span(values["name"]))
        return Requirement(name, "", "url", place, None, marker, source.path)
    span = _span(values["version"])
    version = _value(values["version"])
    return Requirement(name, f"=={version}", "lock", Place(source, span), span, marker, source.path)


def _value(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    return re.sub(r"\\([\"\\])", r"\1", match[1])


def _span(match: re.Match[str]) -> Span:
    return Span(match.start() + 1, match.end() - 1)


def read_pipfile_lock(source: Source) -> list[Requirement | Skipped]:
    """The entries of Pipfile.lock, of the default and every other category."""
    from cfglint.parse.json import parse_json

    try:
        tree = parse_json(source)
    except ParseError as error:
        return [skipped_at(source, error.offset, error.message)]
    found: list[Requirement | Skipped] = []
    for section in tree.entries if isinstance(tree, Mapping) else ():
        if section.key.value == "_meta" or not isinstance(section.value, Mapping):
            continue
        for entry in section.value.entries:
            if isinstance(entry.value, Mapping):
                found.append(_pipfile_entry(source, entry.key, entry.value))
    return found


def _pipfile_entry(source: Source, key: Scalar, table: Mapping) -> Requirement | Skipped:
    name = canonical_name(str(key.value))
    written = table.get("markers")
    marker = str(written.value.value) if written and isinstance(written.value, Scalar) else ""
    version = table.get("version")
    if version is None or not isinstance(version.value, Scalar):
        return Requirement(name, "", "url", Place(source, key.span), None, marker, source.path)
    specifier = str(version.value.value)
    span = Span(version.value.span.start + 1, version.value.span.end - 1)
    if not specifier.startswith("=="):
        return skipped_at(source, span.start, f"{name}: not a locked version: {specifier}")
    return Requirement(name, specifier, "lock", Place(source, span), span, marker, source.path)
