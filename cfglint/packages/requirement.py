"""One statement about one package, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from cfglint.model.value import Place
from cfglint.source import Source, Span

#: Opens a file by path for a reader; raises UnreadableError with a reason (missing, outside the project).
OpenFile = Callable[[str], Source]

_SEPARATORS = re.compile(r"[-_.]+")
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


class Requirement(NamedTuple):
    """What one line, lock entry or installed distribution says about a package.

    ``name`` is canonical (PEP 503: "unsloth-zoo"). ``specifier`` is a PEP 440 specifier set as text: "" when
    nothing is said, "==1.2.3" for a lock entry or an installed distribution. ``kind`` is one of

    - "target": the user stated it; "lock": an entry of a lock file; "pin": ``==`` or ``===`` one version;
    - "installed": a distribution of an environment; "url": a repository, path or URL, so the version is
      unknown;
    - "range": any other specifier; "any": no version.

    ``place`` is the smallest text that carries it (None for an installed distribution): the requirement
    without trailing comment, the version string of a lock entry. ``version_span`` covers the specifier text
    alone, for fixes (None where there is none or where it cannot be edited by itself). ``marker`` is PEP 508
    marker text or "". ``origin`` names where it was read, for people: a path, or "installed in .venv".
    """

    name: str
    specifier: str
    kind: str
    place: Place | None
    version_span: Span | None
    marker: str
    origin: str


class Skipped(NamedTuple):
    """A part of a dependency source that was not understood or followed, and why; lines count from 1."""

    path: str
    line: int
    reason: str


def canonical_name(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return _SEPARATORS.sub("-", name).lower()


def specifier_kind(specifier: str) -> str:
    """The kind of a requirement that has this specifier and no URL: "pin", "range" or "any"."""
    if not specifier:
        return "any"
    for clause in specifier.split(","):
        if clause.startswith("==") and not clause.endswith(".*"):
            return "pin"
    return "range"


def skipped_at(source: Source, offset: int, reason: str, text: str = "") -> Skipped:
    """A Skipped entry for the line that holds an offset; ``text`` is the text of the user's that it is about.

    The text is shown on one line, not too long, and without the credentials of a URL.
    """
    text = _CREDENTIALS.sub("://…@", " ".join(text.split()))
    text = text if len(text) <= 80 else f"{text[:79]}…"
    return Skipped(source.path, source.position(offset).line, f"{text}: {reason}" if text else reason)
