"""A rule that held on a run: frozen, complete, ready to be shown."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.source import Cell, Source, Span

SEVERITIES = ("info", "warning", "error")


class Location(NamedTuple):
    """A place in a file; ``label`` says what stands there (for related places), ``cell`` where in a notebook."""

    source: Source
    span: Span
    label: str = ""
    cell: Cell | None = None


class Edit(NamedTuple):
    """Replace a span of a source by a text."""

    source: Source
    span: Span
    text: str


class Fix(NamedTuple):
    """A change that repairs the finding; ``safety`` is "safe" or "unsafe"; no edits means advice only."""

    title: str
    safety: str
    edits: tuple[Edit, ...]


class Finding(NamedTuple):
    """One finding; ``packages`` maps package names to the versions that were judged, ``evidence`` lists type and url."""

    rule: str
    code: str
    severity: str
    confidence: str
    location: Location
    related: tuple[Location, ...]
    message: str
    why: str
    help: str
    symptom: tuple[str, ...]
    fields: tuple[str, ...]
    packages: dict[str, str]
    evidence: tuple[dict[str, str], ...]
    fix: Fix | None
    fingerprint: str
    route: str
    verdict: dict[str, object] | None = None
