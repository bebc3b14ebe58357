"""Requirements and constraints files as pip reads them (its "requirements file format")."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from cfglint.packages.requirement import OpenFile, Requirement, Skipped, skipped_at
from cfglint.packages.requirement_text import parse_requirement
from cfglint.source import Source, Span, UnreadableError

_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_PER_REQUIREMENT = re.compile(r"\s--?[a-z]")
_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s*)(.*)", re.DOTALL)
_FILES = {
    "-r": "requirements",
    "--requirement": "requirements",
    "-c": "constraints",
    "--constraint": "constraints",
}
#: More files than any project includes from one.
_FILES_LIMIT = 100
_EDITABLE = ("-e", "--editable")
#: Options that change where or how pip installs, not what.
_SETTINGS_TEXT = """
-i --index-url --pypi-url --extra-index-url --no-index -f --find-links --trusted-host --no-binary
--only-binary --prefer-binary --pre --require-hashes --use-feature --always-unzip -Z
--process-dependency-links --config-settings --global-option
"""
_SETTINGS = frozenset(_SETTINGS_TEXT.split())


def read_requirements(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """Read a requirements or constraints file and, through ``include``, the files that it names."""
    return _read(source, include, {source.file or source.path})


def _read(source: Source, include: OpenFile | None, seen: set[str]) -> list[Requirement | Skipped]:
    found: list[Requirement | Skipped] = []
    for start, line in _logical_lines(source.text):
        text = line.strip()
        if text:
            found += read_line(source, start + line.index(text), text, include, seen)
    return found


def read_line(
    source: Source, start: int, text: str, include: OpenFile | None, seen: set[str]
) -> list[Requirement | Skipped]:
    """A requirement or option: one line without its comment. ``seen`` holds the files being read."""
    if text.startswith("-"):
        return _option(source, start, text, include, seen)
    return [_requirement(source, start, text)]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations blanked out and comments cut, so that offsets stay those of the text."""
    start = 0
    parts: list[str] = []
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end + 1
        line = text[at:end]
        body = line.rstrip("\r\n")
        at = end
        if body.endswith("\\") and not body.lstrip().startswith("#"):
            parts.append(body[:-1] + " " * (len(line) - len(body) + 1))
            continue
        parts.append(body)
        yield start, _COMMENT.sub("", "".join(parts))
        start = at
        parts = []
    if parts:
        yield start, _COMMENT.sub("", "".join(parts))


def _requirement(source: Source, start: int, text: str) -> Requirement | Skipped:
    options = _PER_REQUIREMENT.search(text)
    if options is not None:
        text = text[: options.start()].rstrip()
    variable = _VARIABLE.search(text)
    if variable is not None:
        return skipped_at(source, start, f"depends on the environment variable {variable[1]}", text)
    return parse_requirement(source, text, Span(start, start + len(text)), source.path)


def _option(
    source: Source, start: int, text: str, include: OpenFile | None, seen: set[str]
) -> list[Requirement | Skipped]:
    match = _OPTION.match(text)
    name, argument = (match[1], match[2].strip()) if match else (text, "")
    if name not in _FILES and name[:2] in ("-r", "-c", "-e", "-i", "-f") and not name.startswith("--"):
        name, argument = name[:2], text[2:].strip()
    if name in _SETTINGS:
        return []
    if name in _EDITABLE:
        return [_requirement(source, start + text.rindex(argument), argument)] if argument else []
    if name not in _FILES:
        return [skipped_at(source, start, "an option that pip does not take here", text)]
    return included(source, start, argument, include, seen)


def included(
    source: Source, start: int, name: str, include: OpenFile | None, seen: set[str]
) -> list[Requirement | Skipped]:
    """The requirements of a file that a source names, or why it was not read."""
    if not name:
        return [skipped_at(source, start, "names no file")]
    if "://" in name:
        return [skipped_at(source, start, "a URL is not fetched", name)]
    if "$" in name:
        return [skipped_at(source, start, "depends on an environment variable", name)]
    if len(seen) > _FILES_LIMIT:
        return [skipped_at(source, start, f"not followed after {_FILES_LIMIT} files", name)]
    path = os.path.normpath(os.path.join(os.path.dirname(source.file or source.path), name))
    if path in seen:
        return []
    if include is None:
        return [skipped_at(source, start, "not followed", name)]
    try:
        opened = include(path)
    except UnreadableError as error:
        return [skipped_at(source, start, str(error), name)]
    key = opened.file or opened.path
    if key in seen:
        return []
    seen |= {path, key}
    return _read(opened, include, seen)
