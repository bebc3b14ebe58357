"""The releases of a package that a run may see, from everything that was said about it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from cfglint.packages.requirement import Requirement
from cfglint.rules_dir import rules_dir

#: What speaks louder. Locks and pins are weighed with the nearness of their files (``version_sets``).
_ORDER = ("target", "lock", "pin", "installed", "url", "range", "any")
_EXACT = frozenset(("target", "lock", "pin", "installed"))

#: PEP 508 variables of the machine that a run is read for unless the user states another.
DEFAULT_ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.9",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.11.9",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def environment_of(python: str) -> dict[str, str]:
    """The PEP 508 variables of a Python version ("3.10" or "3.10.4"); {} for a text that is no version."""
    if not re.fullmatch(r"\d+\.\d+(?:\.\d+)?", python):
        return {}
    short = ".".join(python.split(".")[:2])
    full = python if python != short else f"{short}.9"
    return {"python_version": short, "python_full_version": full, "implementation_version": full}


#: Which extras and groups get installed is not written down, so a marker's part about them may hold.
_CHOICE = re.compile(
    r"\bextra\b\s*[!=]=\s*(?:'[^']*'|\"[^\"]*\")"
    r"|(?:'[^']*'|\"[^\"]*\")\s*(?:[!=]=\s*extra\b|(?:not\s+)?in\s+(?:extras|dependency_groups)\b)"
)


@lru_cache(maxsize=2)
def _table(name: str) -> dict[str, list[str]]:
    try:
        with open(os.path.join(rules_dir(), "facts", name), encoding="utf-8") as handle:
            table: dict[str, list[str]] = json.load(handle)
    except FileNotFoundError:
        return {}
    return table


@lru_cache(maxsize=256)
def releases(package: str) -> tuple[str, ...]:
    """The tabled releases of a package in version order, yanked ones included; () if it has no table."""
    return tuple(_table("releases.json").get(package, ()))


@lru_cache(maxsize=1)
def tabled() -> frozenset[str]:
    """The packages whose releases are tabled."""
    return frozenset(_table("releases.json"))


@lru_cache(maxsize=512)
def admitted(package: str, specifier: str) -> tuple[str, ...]:
    """The tabled releases an installer may choose for a specifier: it passes over yanked and pre-releases."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifiers = SpecifierSet(specifier)
    except InvalidSpecifier:
        return ()
    yanked = frozenset(_table("yanked.json").get(package, ()))
    return tuple(specifiers.filter(version for version in releases(package) if version not in yanked))


class VersionSet:
    """The releases of one package that a run may see.

    ``kind`` is the kind of the requirements that decided ("target", "lock", "pin", "installed", "url",
    "range", "any"), or "unsaid"; ``requirements`` are those requirements, ``overruled`` those that said
    something else. ``versions`` holds the exact versions (several when a lock file has one for each of
    several platforms), () when the set is not exact.
    """

    __slots__ = ("_answers", "kind", "overruled", "package", "requirements", "versions")

    def __init__(
        self,
        package: str,
        requirements: tuple[Requirement, ...] = (),
        kind: str = "unsaid",
        versions: tuple[str, ...] = (),
        overruled: tuple[Requirement, ...] = (),
    ) -> None:
        self.package = package
        self.requirements = requirements
        self.kind = kind
        self.versions = versions
        self.overruled = overruled
        self._answers: dict[str, bool | None] = {}

    def __repr__(self) -> str:
        return f"VersionSet({self.package!r}, {self.kind!r}, {self.text()!r})"

    @property
    def specifier(self) -> str:
        """Everything that the requirements of a range say, as one specifier set; "" for any other kind."""
        if self.kind != "range":
            return ""
        return ",".join(dict.fromkeys(requirement.specifier for requirement in self.requirements))

    def satisfies(self, spec: str) -> bool | None:
        """True if every release of the set lies in a range, False if none does, else None (undecided).

        Comparison follows version order (0.9.3.dev0 is in ``<0.9.3``). Raises ValueError for a malformed
        range.
        """
        if spec not in self._answers:
            self._answers[spec] = self._decide(spec)
        return self._answers[spec]

    def _decide(self, spec: str) -> bool | None:
        from cfglint.packages.version_match import bounds, clauses, disjoint, in_range, inside, version_of

        clauses(spec)
        if self.kind == "url":
            return None
        versions = [version_of(text) for text in self.versions or admitted(self.package, self.specifier)]
        if versions:
            answers = {None if version is None else in_range(version, spec) for version in versions}
            return answers.pop() if len(answers) == 1 else None
        if self.kind != "range":
            return None
        try:
            said, asked = bounds(self.specifier), bounds(spec)
        except ValueError:
            return None
        if disjoint(said, said):
            return None
        return True if inside(said, asked) else False if disjoint(said, asked) else None

    def newest(self) -> VersionSet | None:
        """For a range: the pin of the newest tabled release it admits, which an installer takes today."""
        versions = admitted(self.package, self.specifier) if self.kind == "range" else ()
        return VersionSet(self.package, self.requirements, "pin", versions[-1:]) if versions else None

    def text(self) -> str:
        """What to show: "4.50.3", ">=4.40,<4.50", "not pinned"."""
        if self.versions:
            return " or ".join(self.versions)
        if self.kind == "url":
            return "installed from a URL or path"
        return self.specifier or "not pinned"


def version_sets(
    requirements: Iterable[Requirement], environment: Mapping[str, str] | None = None
) -> dict[str, VersionSet]:
    """What all requirements together say, package by package.

    The loudest kind decides: target, lock, pin, installed, URL, range, any. Among locks and pins those of the
    deepest folder (a script's or notebook's own lines deeper still) come first, since the nearest file is the
    one in use; where several of them remain, the run may see each. Ranges intersect. Requirements whose
    marker is false for the ``environment`` (PEP 508 variables; default: CPython 3.11 on Linux x86_64) are
    left out.
    """
    variables = {**DEFAULT_ENVIRONMENT, **(environment or {})}
    holds: dict[str, bool] = {"": True}
    by_package: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        marker = requirement.marker
        if marker not in holds:
            holds[marker] = applies(marker, variables)
        if holds[marker]:
            by_package.setdefault(requirement.name, []).append(requirement)
    return {package: _version_set(package, said) for package, said in by_package.items()}


def _version_set(package: str, said: list[Requirement]) -> VersionSet:
    everything = said
    kind = min((requirement.kind for requirement in said), key=_ORDER.index)
    if kind in ("lock", "pin"):
        exact = [requirement for requirement in said if requirement.kind in ("lock", "pin")]
        depth = max(map(_depth, exact))
        said = [requirement for requirement in exact if _depth(requirement) == depth]
        kind = min((requirement.kind for requirement in said), key=_ORDER.index)
    chosen = tuple(requirement for requirement in said if requirement.kind == kind)
    overruled = tuple(requirement for requirement in everything if requirement not in chosen)
    versions: tuple[str, ...] = ()
    if kind in _EXACT:
        versions = tuple(dict.fromkeys(_pinned(requirement.specifier) for requirement in chosen))
        if "" in versions:
            return VersionSet(package, chosen, "range", (), overruled)
    return VersionSet(package, chosen, kind, versions, overruled)


def _pinned(specifier: str) -> str:
    for clause in specifier.split(","):
        if clause.startswith("==") and not clause.endswith(".*"):
            return clause.lstrip("=").strip()
    return ""


def _depth(requirement: Requirement) -> int:
    if requirement.place is None:
        return 0
    source = requirement.place.source
    path = (source.file or source.path).replace(os.sep, "/")
    return path.count("/") + path.endswith((".py", ".ipynb"))


def applies(marker: str, variables: Mapping[str, str]) -> bool:
    """Whether a PEP 508 marker may hold: one that cannot be evaluated may, as may any choice of extras."""
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    try:
        return Marker(_CHOICE.sub("python_version >= '0'", marker)).evaluate(dict(variables))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return True
