"""Whether a set of versions is one that the libraries themselves allow, from their tabled ``Requires-Dist``.

Resolvers enforce this only when they install everything at once: ``--no-deps``, several install commands and
overrides go past it. Tables: ``rules/facts/fields/<library>.json``, read from each release's own metadata.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from cfglint.model.value import Place
from cfglint.packages.requirement import canonical_name
from cfglint.packages.version_match import in_range, version_of
from cfglint.packages.versions import DEFAULT_ENVIRONMENT, VersionSet, admitted, applies, releases
from cfglint.rules_dir import rules_dir


class Demand(NamedTuple):
    """What one release of a library demands of another package."""

    package: str
    specifier: str
    marker: str


class Conflict(NamedTuple):
    """A package whose version another package's release does not allow.

    ``version`` is what the run sees ("4.50.3", or the range when no release in it is allowed), ``specifier``
    what ``requirer`` at ``requirer_version`` demands. ``place`` is where the package is pinned, else where
    the requirer is.
    """

    package: str
    version: str
    requirer: str
    requirer_version: str
    specifier: str
    place: Place | None


@lru_cache(maxsize=64)
def _facts(library: str) -> dict[str, Any]:
    path = os.path.join(rules_dir(), "facts", "fields", f"{library}.json")
    try:
        with open(path, encoding="utf-8") as handle:
            facts: dict[str, Any] = json.load(handle)
    except FileNotFoundError:
        return {}
    return facts


@lru_cache(maxsize=1)
def requirers() -> tuple[str, ...]:
    """The libraries whose demands are tabled."""
    try:
        names = os.listdir(os.path.join(rules_dir(), "facts", "fields"))
    except OSError:
        return ()
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


@lru_cache(maxsize=64)
def _rows(library: str) -> dict[Version, int]:
    return {Version(release): row for row, release in enumerate(_facts(library).get("releases", ()))}


def _row(library: str, version: str) -> int | None:
    wanted = version_of(version)
    return None if wanted is None else _rows(library).get(Version(wanted.public))


def _at(history: Mapping[str, list[int]], row: int) -> list[str]:
    """The entries of a history (text -> first and last row, repeated) that hold at a row."""
    return [
        text
        for text, ends in history.items()
        if any(first <= row <= last for first, last in zip(ends[::2], ends[1::2], strict=True))
    ]


@lru_cache(maxsize=4096)
def _demand(text: str) -> Demand | None:
    """A ``Requires-Dist`` text; None for one that demands no version or belongs to an extra."""
    parsed = Parsed(text)
    marker = str(parsed.marker or "")
    if not parsed.specifier or "extra" in marker:
        return None
    return Demand(canonical_name(parsed.name), str(parsed.specifier), marker)


@lru_cache(maxsize=4096)
def demands(library: str, version: str) -> tuple[Demand, ...]:
    """What a release demands without any extra; () for a release that is not tabled."""
    row = _row(library, version)
    if row is None:
        return ()
    found = [_demand(text) for text in _at(_facts(library).get("requires", {}), row)]
    return tuple(demand for demand in found if demand is not None)


@lru_cache(maxsize=4096)
def _allows(specifier: str, version: str) -> bool:
    return version_of(version) is None or SpecifierSet(specifier).contains(version, prereleases=True)


def conflicts(
    version_sets: Mapping[str, VersionSet], environment: Mapping[str, str] | None = None
) -> list[Conflict]:
    """Every tabled demand of an exactly known version that no version which the run may see of the package
    meets.
    """
    variables = {**DEFAULT_ENVIRONMENT, **(environment or {})}
    found = []
    for requirer in requirers():
        if requirer in version_sets:
            for version in version_sets[requirer].versions:
                found += list(_unmet(requirer, version, version_sets, variables))
    return found


def _unmet(
    requirer: str, version: str, version_sets: Mapping[str, VersionSet], variables: Mapping[str, str]
) -> Iterator[Conflict]:
    for demand in demands(requirer, version):
        said = version_sets.get(demand.package)
        if said is None or (demand.marker and not applies(demand.marker, variables)):
            continue
        versions = said.versions or (admitted(said.package, said.specifier) if said.kind == "range" else ())
        if versions and not any(_allows(demand.specifier, each) for each in versions):
            place = _place(said) or _place(version_sets[requirer])
            yield Conflict(demand.package, said.text(), requirer, version, demand.specifier, place)


def _place(said: VersionSet) -> Place | None:
    return next((each.place for each in said.requirements if each.place is not None), None)


def nearest(
    package: str,
    version_sets: Mapping[str, VersionSet],
    avoid: str | Iterable[str] = "",
    environment: Mapping[str, str] | None = None,
    accept: Callable[[str], bool] | None = None,
) -> str | None:
    """The release of a package closest to what the run sees that lies in no range to avoid and that everybody
    allows. ``accept`` is asked about each release that is left, for what no range can say.

    Every tabled demand on the package is met, what the user's own range says is kept, no demand of the
    release itself is broken that is met now, and it supports the run's Python. Upgrades within a major
    version come first, then downgrades within it, then other majors; versions that are years have no majors.
    None if there is no such release.
    """
    said = version_sets.get(package) or VersionSet(package)
    variables = {**DEFAULT_ENVIRONMENT, **(environment or {})}
    current = _current(said)
    ranges = [spec for spec in ([avoid] if isinstance(avoid, str) else avoid) if spec]
    caps = _caps(package, version_sets, variables)
    tolerated = {
        each.package for old in said.versions for each in _unmet(package, old, version_sets, variables)
    }
    fitting = []
    for candidate in admitted(package, said.specifier):
        version = Version(candidate)
        if any(in_range(version, spec) for spec in ranges) or not all(
            _allows(cap.specifier, candidate) for cap in caps
        ):
            continue
        if accept is not None and not accept(candidate):
            continue
        broken = {each.package for each in _unmet(package, candidate, version_sets, variables)}
        if (broken <= tolerated if ranges or accept else not broken) and _supports(
            package, candidate, variables
        ):
            fitting.append(version)
    if not fitting:
        return None
    best = fitting[-1] if current is None else _closest(fitting, current)
    return next(each for each in releases(package) if version_of(each) == best)


def _current(said: VersionSet) -> Version | None:
    """The release that is in use: the exact one, or the newest that a range admits."""
    newest = said.newest() if said.kind == "range" else said
    return version_of(newest.versions[-1]) if newest is not None and newest.versions else None


def obstacle(
    package: str,
    version_sets: Mapping[str, VersionSet],
    accept: Callable[[str], bool],
    environment: Mapping[str, str] | None = None,
) -> str:
    """Who stands in the way of the accepted release that is closest to what the run sees; "" for nobody.

    It is a tabled demand ("llamafactory 0.9.2 requires transformers<=4.49.0"), the user's own range, or the
    run's Python.
    """
    said = version_sets.get(package) or VersionSet(package)
    variables = {**DEFAULT_ENVIRONMENT, **(environment or {})}
    accepted = [Version(each) for each in admitted(package, said.specifier) if accept(each)]
    if not accepted:
        outside = any(accept(each) for each in admitted(package, ""))
        return (
            f"{package}{said.specifier} admits no release that repairs it"
            if said.specifier and outside
            else ""
        )
    current = _current(said)
    version = str(accepted[-1] if current is None else _closest(accepted, current))
    for cap in _caps(package, version_sets, variables):
        if not _allows(cap.specifier, version):
            return f"{cap.requirer} {cap.requirer_version} requires {package}{cap.specifier}"
    for conflict in _unmet(package, version, version_sets, variables):
        return f"{package} {version} requires {conflict.package}{conflict.specifier}"
    if not _supports(package, version, variables):
        return f"{package} {version} does not support Python {variables['python_version']}"
    return ""


def _closest(versions: list[Version], current: Version) -> Version:
    same_major = [each for each in versions if each.major == current.major or current.major >= 2000]
    near = same_major or versions
    return next((each for each in near if each >= current), near[-1])


def repaired(
    version_sets: Mapping[str, VersionSet], environment: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """The versions to change so that no conflict is left, each to its nearest; None if that is not found.

    The package that is capped moves first, the library that caps it only if the package cannot.
    """
    sets = dict(version_sets)
    changes: dict[str, str] = {}
    while found := conflicts(sets, environment):
        for package in (found[0].package, found[0].requirer):
            version = None if package in changes else nearest(package, sets, "", environment)
            if version is not None:
                sets[package] = VersionSet(package, sets[package].requirements, "pin", (version,))
                changes[package] = version
                break
        else:
            return None
    return changes


class _Cap(NamedTuple):
    requirer: str
    requirer_version: str
    specifier: str


def _caps(package: str, version_sets: Mapping[str, VersionSet], variables: Mapping[str, str]) -> list[_Cap]:
    """What the other packages at their exact versions demand of a package."""
    return [
        _Cap(requirer, version, demand.specifier)
        for requirer in requirers()
        if requirer in version_sets and requirer != package
        for version in version_sets[requirer].versions
        for demand in demands(requirer, version)
        if demand.package == package and (not demand.marker or applies(demand.marker, variables))
    ]


def _supports(package: str, version: str, variables: Mapping[str, str]) -> bool:
    row = _row(package, version)
    if row is None:
        return True
    pythons = _at(_facts(package).get("python", {}), row)
    return all(
        SpecifierSet(each).contains(variables["python_full_version"], prereleases=True) for each in pythons
    )
