from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from cfglint.packages.requirement import Requirement, Skipped

Fact = tuple[str, str, str, str, str]


def _facts(found: Iterable[Requirement | Skipped]) -> list[Fact]:
    facts = []
    for entry in found:
        if isinstance(entry, Requirement):
            source, span = entry.place if entry.place else (None, None)
            text = source.slice(span) if source and span else ""
            version = source.slice(entry.version_span) if source and entry.version_span else ""
            facts.append((entry.name, entry.specifier, entry.kind, text, version))
    return facts


@pytest.fixture
def facts() -> Callable[[Iterable[Requirement | Skipped]], list[Fact]]:
    """Requirements as (name, specifier, kind, text of the place, text of the version span)."""
    return _facts


@pytest.fixture
def skipped() -> Callable[[Iterable[Requirement | Skipped]], list[tuple[int, str]]]:
    """What was skipped as (line, reason)."""
    return lambda found: [(entry.line, entry.reason) for entry in found if isinstance(entry, Skipped)]
