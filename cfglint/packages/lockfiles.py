"""Lock files: uv.lock, poetry.lock, pdm.lock, pylock.toml and Pipfile.lock.

The TOML ones are written by programs, one key a line, so they are read line by line: a lock of a thousand
packages takes some milliseconds where a TOML parser takes a second, and each version comes with its span.
"""

from __future__ import annotations

import re

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at
from cfglint.parse.tree import Mapping, ParseError, Scalar
from cfglint.source import Source, Span

_PACKAGE = re.compile(r"\[\[packages?\]\]\s*(?:#.*)?")
_CONFLICT = ("<<<<<<< ", "=======", ">>>>>>> ")
_KEY = re.compile(r"(name|version|markers?|resolution-markers)[ \t]*=[ \t]*")
_STRING = re.compile(r"\"((?:\\.|[^\"\\\n])*)\"|'([^'\n]*)'")
_ARRAY = re.compile(r"\[((?:\s|,|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')*)\]")


def read_toml_lock(source: Source) -> list[Requirement | Skipped]:
    """The entries of uv.lock, poetry.lock, pdm.lock or pylock.toml; markers tell entries of one apart."""
    text = source.text
    found: list[Requirement | Skipped] = []
    values: dict[str, re.Match[str]] | None = (
        None  # of the entry being read; None outside an entry's own keys
    )
    at = start = 0
    for line in text.split("\n"):
        first = line[:1]
        if first == "[":
            if values is not None:
                found.append(_entry(source, start, values))
            values, start = ({}, at) if _PACKAGE.fullmatch(line) else (None, at)
        elif values is not None and first in ("n", "v", "m", "r"):
            key = _KEY.match(text, at)
            if key is not None:
                value = (_ARRAY if key[1] == "resolution-markers" else _STRING).match(text, key.end())
                if value is not None:
                    values.setdefault(key[1], value)
        elif first in ("<", "=", ">") and line.startswith(_CONFLICT):
            return [skipped_at(source, at, "holds a merge conflict")]
        at += len(line) + 1
    if values is not None:
        found.append(_entry(source, start, values))
    return found or [Skipped(source.path, 1, "holds no packages")]


def _entry(source: Source, start: int, values: dict[str, re.Match[str]]) -> Requirement | Skipped:
    if "name" not in values:
        return skipped_at(source, start, "an entry without a name")
    marker = ""
    if "resolution-markers" in values:
        array = values["resolution-markers"][1]
        marker = " or ".join(f"({_value(item)})" for item in _STRING.finditer(array))
    for key in ("marker", "markers"):
        if key in values:
            marker = _value(values[key])
    name = canonical_name(_value(values["name"]))
    if "version" not in values:
        return Requirement(name, "", "url", Place(source, _span(values["name"])), None, marker, source.path)
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
        return skipped_at(source, span.start, "not a locked version", f"{name} {specifier}")
    return Requirement(name, specifier, "lock", Place(source, span), span, marker, source.path)
