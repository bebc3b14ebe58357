"""Which tabled releases of a library a run may see, with what the other packages of the run leave of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from cfglint.model.run import Run
from cfglint.resolve import fieldtable

EXACT = frozenset(("target", "lock", "pin", "installed"))
#: How a finding says where an exact version comes from.
_SAID = {"pin": "pinned", "lock": "locked", "installed": "installed", "target": "the target"}
#: Frameworks whose own requirements decide which release of a library a run can see at all.
_FRAMEWORKS = ("llamafactory", "axolotl", "ms-swift", "unsloth", "trl")
#: Patterns as texts: most files ask nothing of them, and compiling them costs more than linting such a file may.
_PRE = r"\d(?:a|b|rc|\.?dev)\d"
_DEMAND = r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?"
_CLAUSE = r"(==|!=|<=|>=|<|>|~=)\s*([0-9]+(?:\.[0-9A-Za-z]+)*)(\.\*)?"


class Seen(NamedTuple):
    """The tabled releases of a library that a run may see, oldest first.

    ``kind`` is "exact", "range", "unsaid" (any release), or "unknown" (the table cannot say: ``releases`` is empty).
    ``said`` is what the files say. ``beyond`` marks a version newer than the table.
    """

    library: str
    kind: str
    releases: tuple[str, ...]
    said: str = ""
    beyond: bool = False


def seen(run: Run, library: str) -> Seen:
    """What the run's dependency files say about a library's releases."""
    versions: Any = run.packages.get(library)
    if versions is None or versions.kind not in (*EXACT, "range", "url"):
        return Seen(library, "unsaid", stable(library))
    if versions.kind == "url":
        return Seen(library, "unknown", ())
    if versions.kind == "range":
        from cfglint.packages.versions import admitted

        tabled = set(fieldtable.releases(library))
        found = tuple(release for release in admitted(library, versions.specifier) if release in tabled)
        return Seen(library, "range" if found else "unknown", found, versions.text())
    nearest = [fieldtable.nearest(library, version) for version in versions.versions]
    if not nearest or None in nearest:
        return Seen(library, "unknown", ())
    newest = _numbers(fieldtable.releases(library)[-1])
    beyond = any(_numbers(version) > newest for version in versions.versions)
    said = f"{versions.text()} is {_SAID[versions.kind]}"
    return Seen(
        library, "exact", tuple(dict.fromkeys(release for release in nearest if release)), said, beyond
    )


def narrowed(run: Run, library: str) -> Seen:
    """`seen`, without the releases that the other packages' metadata does not allow beside them.

    A framework whose version nobody says may be an old one, with old releases beside it: its newest release only tells
    which ones are too new.
    """
    found = seen(run, library)
    if found.kind in ("exact", "unknown"):
        return found
    pins, requirers = _beside(run, library)
    last = _newest(library, found.releases, pins, requirers)
    said = tuple(name for name, _ in pins if name in requirers)
    old_enough = found.releases[: found.releases.index(last) + 1]
    kept = tuple(release for release in old_enough if _fits(library, release, pins, said))
    return found._replace(releases=kept) if kept else found


def newest(run: Run, library: str) -> str:
    """The last release of `narrowed`, found without looking at the others; "" where the table cannot say."""
    found = seen(run, library)
    if found.kind in ("exact", "unknown"):
        return found.releases[-1] if found.releases else ""
    return _newest(library, found.releases, *_beside(run, library))


_Pins = tuple[tuple[str, str], ...]


def _beside(run: Run, library: str) -> tuple[_Pins, tuple[str, ...]]:
    """The exact versions of the run's packages, and the frameworks that make demands on a library."""
    packages: Any = run.packages
    pins = tuple(
        (name, versions.versions[0])
        for name, versions in packages.items()
        if versions.kind in EXACT and versions.versions
    )
    return pins, tuple(
        name for name in _FRAMEWORKS if name != library and (name in run.dialects or name in packages)
    )


@lru_cache(maxsize=256)
def _newest(library: str, releases: tuple[str, ...], pins: _Pins, requirers: tuple[str, ...]) -> str:
    return next(
        (release for release in reversed(releases) if _fits(library, release, pins, requirers)), releases[-1]
    )


def _fits(library: str, release: str, pins: _Pins, requirers: tuple[str, ...]) -> bool:
    return _goes_with(library, release, pins) and all(
        allows(demand, release) for demand in _asked(library, pins, requirers)
    )


@lru_cache(maxsize=256)
def _asked(library: str, pins: _Pins, requirers: tuple[str, ...]) -> tuple[str, ...]:
    """What the frameworks of a run ask of a library, at their pinned release or the newest that goes with the pins."""
    found: list[str] = []
    for requirer in requirers:
        version = next(
            (fieldtable.nearest(requirer, version) for name, version in pins if name == requirer),
            _newest_beside(requirer, pins),
        )
        found += _demands(requirer, version).get(library, ()) if version else ()
    return tuple(found)


def _newest_beside(library: str, pins: _Pins) -> str | None:
    """The newest release that goes with the pinned packages."""
    return next(
        (release for release in reversed(stable(library)) if _goes_with(library, release, pins)), None
    )


def _goes_with(library: str, release: str, pins: _Pins) -> bool:
    if not pins:
        return True
    demands = _demands(library, release)
    return all(allows(specifier, version) for name, version in pins for specifier in demands.get(name, ()))


@lru_cache(maxsize=2048)
def _demands(library: str, release: str) -> dict[str, tuple[str, ...]]:
    """What a release asks of other packages, without its extras."""
    demands: dict[str, tuple[str, ...]] = {}
    for text in fieldtable.requires(library, release) or ():
        match = re.fullmatch(_DEMAND, text.strip(), re.DOTALL)
        if match is not None and "extra" not in (match[3] or ""):
            name = match[1].lower().replace("_", "-").replace(".", "-")
            demands[name] = (*demands.get(name, ()), match[2])
    return demands


def allows(specifier: str, version: str) -> bool:
    """Whether a release lies in a requirement's range, by release numbers alone (no packaging: this is asked often)."""
    have = _numbers(version)
    for operator, text, series in re.findall(_CLAUSE, specifier):
        said = _numbers(text)
        if series or operator == "~=":
            part = said if series else said[:-1]
            inside = have[: len(part)] == part
            if inside == (operator == "!=") or (operator == "~=" and have < said):
                return False
            continue
        width = max(len(have), len(said))
        left, right = (*have, *[0] * (width - len(have))), (*said, *[0] * (width - len(said)))
        holds = {
            "==": left == right,
            "!=": left != right,
            "<=": left <= right,
            ">=": left >= right,
            "<": left < right,
            ">": left > right,
        }
        if not holds[operator]:
            return False
    return True


@lru_cache(maxsize=32)
def stable(library: str) -> tuple[str, ...]:
    """The tabled releases of a library that are no pre-releases, oldest first."""
    return tuple(release for release in fieldtable.releases(library) if not re.search(_PRE, release))


@lru_cache(maxsize=4096)
def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version.strip().lower().removeprefix("v"))
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def pinned(run: Run, library: str) -> bool:
    """Whether one version is said; where none is, an unreleased one may know what no tabled release does."""
    versions = run.packages.get(library)
    return versions is not None and versions.kind in ("pin", "lock", "installed", "target")
