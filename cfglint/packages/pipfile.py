"""Dependencies in a Pipfile."""

from __future__ import annotations

from cfglint.packages.poetry_constraint import parse_poetry_dependency
from cfglint.packages.pyproject import toml_skipped
from cfglint.packages.requirement import Requirement, Skipped
from cfglint.packages.toml_spans import TomlError, read_toml, toml_spans
from cfglint.source import Source

_NOT_PACKAGES = frozenset(("source", "requires", "scripts", "pipenv"))


def read_pipfile(source: Source) -> list[Requirement | Skipped]:
    """The entries of ``[packages]``, ``[dev-packages]`` and any further category."""
    try:
        data = read_toml(source.text)
    except TomlError as error:
        return [toml_skipped(source, error)]
    spans = toml_spans(source.text)
    found: list[Requirement | Skipped] = []
    for category, dependencies in data.items():
        if category in _NOT_PACKAGES or not isinstance(dependencies, dict):
            continue
        for name, value in dependencies.items():
            found += parse_poetry_dependency(source, name, value, spans, (category, name))
    return found
