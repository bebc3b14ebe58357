"""The shape of a rule file, checked by pydantic; what each key means stands in rules/README.md."""

from __future__ import annotations

from typing import Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, field_validator

Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Scalar = Union[bool, int, float, str]


class Strict(BaseModel):
    """No key that is not known, so that a typing error is an error."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Related(Strict):
    """Another place that the finding shows, with a label; left out where the run has no such place."""

    at: str
    label: str


class Report(Strict):
    """Where and how a finding speaks: ``at`` is a field, ``packages.NAME``, ``steps.NAME`` or a list, first that has a place."""

    at: Union[str, list[str]]
    message: str
    also: list[Related] = []


class Fix(Strict):
    """What repairs it: edits on fields (``set``, ``unset``, ``rename``) or pins (``pin``); none of them is advice only."""

    title: str
    safety: Literal["safe", "unsafe"] = "unsafe"
    set: dict[str, Scalar] = {}
    unset: list[str] = []
    rename: dict[str, str] = {}
    pin: dict[str, str] = {}


class Case(Strict):
    """One of several conditions of a rule that say the same of different settings.

    ``what`` and ``instead`` fill the rule's message and title; ``source`` says where the library checks it.
    """

    at: Union[str, list[str]]
    when: str
    what: str
    instead: str
    affects: Any = None
    source: str = ""


class Evidence(Strict):
    """One piece of evidence: where it stands, what it says, for which versions it was read or measured."""

    type: Literal["report", "source", "fix", "article", "measured"]
    url: str = ""
    says: str = ""
    versions: str = ""
    command: str = ""
    date: str = ""

    @field_validator("date", "versions", mode="before")
    @classmethod
    def text(cls, value: Any) -> str:
        """YAML reads dates and versions as other types."""
        return str(value)


class Example(Strict):
    """Files and what must happen on them; ``bad`` marks the line with ``cfglint-expect`` or names it in ``expect``."""

    title: str = ""
    bad: dict[str, str] = {}
    good: dict[str, str] = {}
    undecided: dict[str, str] = {}
    fixed: dict[str, str] = {}
    expect: list[str] = []
    target: dict[str, Scalar] = {}


class Versions(Strict):
    """An advisory's reproducer: releases that show the symptom and releases that do not, and a run to try in both.

    ``with`` are further pins of both environments, ``run`` the canonical fields of the run.
    """

    affected: dict[str, str] = Field(min_length=1)
    fixed: dict[str, str] = Field(min_length=1)
    also: dict[str, str] = Field(default={}, alias="with")
    run: dict[str, Any] = {}


class Verify(BaseModel):
    """The experiment for ``cfglint --verify``; its other keys are those of cfglint.verify."""

    model_config = ConfigDict(extra="allow")

    versions: Union[Versions, None] = None


class Rule(Strict):
    """One rule file.

    ``check`` names a module of cfglint/checks that finds the places itself; ``when`` then only says on which runs it
    is asked, ``reads`` of which documents it asks (names of dialects, or call, mapping, command; all if it says none), and
    ``{what}`` in the message is what it found. ``cases`` are conditions with places and words of their own,
    each on top of ``when``.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    code: str = Field(pattern=r"^[A-Z]{2,4}\d{3}$")
    summary: str
    status: Literal["preview", "stable", "deprecated", "removed"] = "stable"
    since: str
    severity: Severity
    confidence: Confidence
    symptom: list[str] = Field(min_length=1)
    when: str = "True"
    check: str = Field(default="", pattern=r"^[a-z_]*$")
    reads: list[str] = []
    unless: str = ""
    affects: Any = None
    patched_by: dict[str, str] = {}
    supersedes: list[str] = []
    report: Report
    cases: list[Case] = []
    why: str
    false_positives: str = ""
    fix: Fix
    evidence: list[Evidence] = Field(min_length=1)
    verify: Union[Verify, None] = None
    raised: Literal["construction", "build", "first_step", ""] = ""
    examples: list[Example] = Field(min_length=1)
    aliases: list[str] = []
    withdrawn: str = ""
