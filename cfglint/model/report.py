"""Everything one command found out: what the reporters show."""

from __future__ import annotations

from typing import NamedTuple

from cfglint.model.finding import Finding


class RunSummary(NamedTuple):
    """One run as understood; ``model`` is the model's name or family, ``packages`` maps names to versions."""

    files: tuple[str, ...]
    dialects: tuple[str, ...]
    model: str | None
    packages: dict[str, str]


class Undecided(NamedTuple):
    """Checks that lacked a fact; ``missing`` counts them by it (``packages.trl``, ``target.gpu``, …)."""

    checks: int
    missing: dict[str, int]


class CheckedFile(NamedTuple):
    """A file that was recognised; ``dialects`` names what it was read as."""

    path: str
    dialects: tuple[str, ...]


class SkippedFile(NamedTuple):
    """A file or folder that was looked at and not checked, with the reason for the user."""

    path: str
    reason: str


class Report(NamedTuple):
    """The outcome of one command.

    ``findings`` are in the order in which they are shown. ``named_only`` says that every path on the command
    line was a file (no folder was searched). ``suppressed`` counts findings that comments in the files
    silenced.
    """

    findings: tuple[Finding, ...]
    runs: tuple[RunSummary, ...]
    undecided: Undecided
    checked: tuple[CheckedFile, ...]
    skipped: tuple[SkippedFile, ...]
    named_only: bool
    suppressed: int = 0
