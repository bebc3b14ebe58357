"""What a release requires of other packages, from its metadata."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.parser import HeaderParser
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cfglint.authoring.fields.releases import FLOORS
from cfglint.authoring.fields.sources import METADATA


class Requirements(NamedTuple):
    """`python` is the Requires-Python specifier; `packages` are normalised requirement strings, sorted."""

    python: str
    packages: tuple[str, ...]


def requirements(files: Mapping[str, str], extras: Collection[str] = ()) -> Requirements | None:
    """Requirements of one release, or None if its metadata does not state them (old sdists).

    Of the requirements of `extras`, those on packages of the release table are kept: only these can be
    audited.
    """
    if METADATA not in files:
        return None
    metadata = HeaderParser().parsestr(files[METADATA])
    stated = metadata.get_all("Requires-Dist")
    if stated is None:
        stated = _listed(files)
    if stated is None:
        return None
    texts = {text for line in stated if (text := _normal(line, extras))}
    return Requirements(metadata.get("Requires-Python", "").replace(" ", ""), tuple(sorted(texts)))


def _listed(files: Mapping[str, str]) -> list[str] | None:
    """Unconditional lines of the requires.txt that setuptools puts into an sdist."""
    for name in files:
        if name.endswith(".egg-info/requires.txt"):
            return [line for line in files[name].partition("[")[0].splitlines() if line.strip()]
    return None


def _normal(line: str, extras: Collection[str]) -> str | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None
    marker = str(requirement.marker or "")
    if "extra ==" in marker:
        extra = marker.rpartition('extra == "')[2].partition('"')[0]
        if extra not in extras or canonicalize_name(requirement.name) not in FLOORS:
            return None
    name = str(canonicalize_name(requirement.name))
    if requirement.extras:
        name += f"[{','.join(sorted(requirement.extras))}]"
    specifier = ",".join(sorted(str(clause) for clause in requirement.specifier))
    return f"{name}{specifier}{'; ' + marker if marker else ''}"
