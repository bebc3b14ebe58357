"""Poetry's and Pipenv's dependency tables: a version constraint, or a table with one."""

from __future__ import annotations

import re
from typing import Any

from cfglint.model.value import Place
from cfglint.packages.requirement import Requirement, Skipped, canonical_name, skipped_at, specifier_kind
from cfglint.packages.toml_spans import Path
from cfglint.source import Source, Span

_CLAUSE = re.compile(r"(\^|~=|~|===?|!=|<=|>=|<|>)?\s*v?([0-9][^\s,|]*)")
_UNVERSIONED = ("git", "hg", "path", "url", "file")


def parse_poetry_dependency(
    source: Source, name: str, value: Any, spans: dict[Path, Span], path: Path
) -> list[Requirement | Skipped]:
    """Read one entry of a dependency table; ``path`` leads to it in the TOML ``spans`` of the source.

    The place is the constraint's text. A list holds alternatives that markers tell apart.
    """
    if isinstance(value, list):
        found: list[Requirement | Skipped] = []
        for index, item in enumerate(value):
            found += parse_poetry_dependency(source, name, item, spans, (*path, index))
        return found
    table = value if isinstance(value, dict) else {"version": value}
    package = canonical_name(name)
    marker = _marker(table)
    for key in _UNVERSIONED:
        if key in table:
            span = spans.get((*path, key))
            place = Place(source, span) if span else None
            return [Requirement(package, "", "url", place, None, marker, source.path)]
    at = (*path, "version") if isinstance(value, dict) else path
    span = spans.get(at)
    written = table.get("version")
    if span is None or not isinstance(written, str):
        span = next((spans[key] for key in spans if key[: len(path)] == path), Span(0, 0))
        if written is None:
            return [Requirement(package, "", "any", Place(source, span), None, marker, source.path)]
        return [skipped_at(source, span.start, "not a version constraint", f"{name} = {written!r}")]
    specifier = poetry_specifier(written)
    if specifier is None:
        return [
            skipped_at(
                source, span.start, "a version constraint that PEP 440 cannot say", f"{name} = {written}"
            )
        ]
    kind = specifier_kind(specifier)
    version_span = span if specifier else None
    return [Requirement(package, specifier, kind, Place(source, span), version_span, marker, source.path)]


def _marker(table: dict[str, Any]) -> str:
    parts = [table[key] for key in ("markers",) if isinstance(table.get(key), str)]
    if isinstance(table.get("platform"), str):
        parts.append(f"sys_platform == '{table['platform']}'")
    python = poetry_specifier(table["python"]) if isinstance(table.get("python"), str) else ""
    for clause in (python or "").split(","):
        match = re.fullmatch(r"([=<>!~]+)(.+)", clause)
        if match is not None:
            parts.append(f"python_version {match[1]} '{match[2]}'")
    return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)


def poetry_specifier(constraint: str) -> str | None:
    """A Poetry constraint as a PEP 440 specifier set; None for alternatives ("||") and anything else."""
    text = constraint.strip()
    if text in ("*", ""):
        return ""
    clauses = []
    rest = text
    while rest:
        match = _CLAUSE.match(rest)
        if match is None:
            return None
        clauses += _clauses(match[1] or "", match[2])
        rest = rest[match.end() :].lstrip(" ,")
    return ",".join(clauses)


def _clauses(operator: str, version: str) -> list[str]:
    if operator in ("^", "~"):
        release = re.match(r"\d+(?:\.\d+)*", version)
        parts = [int(part) for part in release[0].split(".")] if release else [0]
        if operator == "^":
            fixed = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
        else:
            fixed = min(1, len(parts) - 1)
        upper = [*parts[:fixed], parts[fixed] + 1]
        return [f">={version.removesuffix('.*')}", f"<{'.'.join(map(str, upper))}"]
    return [f"{operator or '=='}{version}"]
