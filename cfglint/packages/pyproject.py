"""Dependencies in pyproject.toml: PEP 621, dependency groups (PEP 735), Poetry, setuptools' files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cfglint.model.value import Place
from cfglint.packages.poetry_constraint import parse_poetry_dependency
from cfglint.packages.requirement import OpenFile, Requirement, Skipped, skipped_at, specifier_kind
from cfglint.packages.requirement_text import parse_requirement
from cfglint.packages.requirements_txt import included
from cfglint.packages.toml_spans import Path, TomlError, read_toml, toml_spans
from cfglint.source import Source, Span

_LINE = re.compile(r"\(at line (\d+)")


def read_pyproject(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """All that a project depends on, every extra and group: which of them a run uses is not written down.

    What is needed only to build the project (``build-system.requires``) and uv's own settings say nothing
    about runs.
    """
    try:
        data = read_toml(source.text)
    except TomlError as error:
        return [toml_skipped(source, error)]
    spans = toml_spans(source.text)
    found: list[Requirement | Skipped] = []
    for path, texts in _requirement_lists(data):
        found += read_texts(source, spans, path, texts)
    python = _table(data, "project").get("requires-python")
    if isinstance(python, str):
        found += _python(source, python, spans[("project", "requires-python")])
    for path, dependencies in _poetry_tables(data):
        for name, value in dependencies.items():
            found += parse_poetry_dependency(source, name, value, spans, (*path, name))
    return found + _dynamic(source, data, spans, include)


def toml_skipped(source: Source, error: TomlError) -> Skipped:
    """A Skipped entry for a text that is no TOML, at the line that the reader's message names."""
    line = _LINE.search(str(error))
    return Skipped(source.path, int(line[1]) if line else 1, str(error))


def read_texts(
    source: Source, spans: dict[Path, Span], path: Path, texts: object
) -> list[Requirement | Skipped]:
    """The requirements of a TOML array of texts; tables in it (``include-group``) are read elsewhere."""
    found: list[Requirement | Skipped] = []
    for index, text in enumerate(texts if isinstance(texts, list) else ()):
        at = (*path, index)
        if isinstance(text, str):
            found.append(parse_requirement(source, text, spans[at], source.path))
    return found


def _table(data: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        inner = data.get(name)
        if not isinstance(inner, dict):
            return {}
        data = inner
    return data


def _requirement_lists(data: dict[str, Any]) -> Iterator[tuple[Path, object]]:
    yield ("project", "dependencies"), _table(data, "project").get("dependencies")
    for name, texts in _table(data, "project", "optional-dependencies").items():
        yield ("project", "optional-dependencies", name), texts
    for name, texts in _table(data, "dependency-groups").items():
        yield ("dependency-groups", name), texts


def _poetry_tables(data: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for name in ("dependencies", "dev-dependencies"):
        yield ("tool", "poetry", name), _table(data, "tool", "poetry", name)
    for group in _table(data, "tool", "poetry", "group"):
        path = ("tool", "poetry", "group", group, "dependencies")
        yield path, _table(data, *path)


def _python(source: Source, specifier: str, span: Span) -> list[Requirement | Skipped]:
    specifier = specifier.replace(" ", "")
    kind = specifier_kind(specifier)
    return (
        [Requirement("python", specifier, kind, Place(source, span), span, "", source.path)]
        if specifier
        else []
    )


def _dynamic(
    source: Source, data: dict[str, Any], spans: dict[Path, Span], include: OpenFile | None
) -> list[Requirement | Skipped]:
    """``dynamic = ["dependencies"]``: setuptools may name files for it; any other way is code."""
    dynamic = _table(data, "project").get("dynamic")
    if not isinstance(dynamic, list) or "dependencies" not in dynamic:
        return []
    named = _table(data, "tool", "setuptools", "dynamic", "dependencies").get("file")
    files = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    at = spans[("project", "dynamic", dynamic.index("dependencies"))].start
    if not files:
        return [skipped_at(source, at, "dependencies are computed by the build, which is not run")]
    found: list[Requirement | Skipped] = []
    seen = {source.file or source.path}
    for name in files:
        found += included(source, at, str(name), include, seen)
    return found
