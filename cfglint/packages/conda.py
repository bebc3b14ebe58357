"""Conda environment files, their ``pip:`` section included."""

from __future__ import annotations

from cfglint.packages.conda_spec import parse_conda_spec
from cfglint.packages.requirement import OpenFile, Requirement, Skipped, skipped_at
from cfglint.packages.requirements_txt import read_line
from cfglint.parse.tree import Mapping, Node, ParseError, Scalar, Sequence
from cfglint.source import Source, Span


def read_conda_environment(source: Source, include: OpenFile | None = None) -> list[Requirement | Skipped]:
    """The packages of a conda environment file."""
    from cfglint.parse.yaml import parse_yaml

    try:
        tree = parse_yaml(source)
    except ParseError as error:
        return [skipped_at(source, error.offset, error.message)]
    listed = tree.get("dependencies") if isinstance(tree, Mapping) else None
    if listed is None or not isinstance(listed.value, Sequence):
        return [Skipped(source.path, 1, "holds no list of dependencies")]
    found: list[Requirement | Skipped] = []
    for item in listed.value.items:
        if isinstance(item, Scalar):
            text, span = _inner(source, item)
            found.append(parse_conda_spec(source, text, span, source.path))
        elif isinstance(item, Mapping):
            for entry in item.entries:
                if entry.key.value == "pip" and isinstance(entry.value, Sequence):
                    found += _pip(source, entry.value, include)
        else:
            found.append(skipped_at(source, item.span.start, "not a package"))
    return found


def _pip(source: Source, section: Sequence, include: OpenFile | None) -> list[Requirement | Skipped]:
    found: list[Requirement | Skipped] = []
    seen = {source.file or source.path}
    for item in section.items:
        if not isinstance(item, Scalar):
            found.append(skipped_at(source, item.span.start, "not a requirement"))
            continue
        text, span = _inner(source, item)
        found += read_line(source, span.start, text.strip(), include, seen)
    return found


def _inner(source: Source, scalar: Node) -> tuple[str, Span]:
    """A scalar's text, and its span without quotes where the text stands in the source as it is."""
    text = str(scalar.value) if isinstance(scalar, Scalar) else ""
    span = scalar.span
    if isinstance(scalar, Scalar) and scalar.quoted and source.text[span.start + 1 : span.end - 1] == text:
        return text, Span(span.start + 1, span.end - 1)
    return (text if isinstance(scalar, Scalar) and scalar.quoted else source.slice(span)), span
