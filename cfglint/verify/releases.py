"""Which releases a version experiment on a finding compares: those of the run, and those that repair it. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from packaging.version import Version

from cfglint.model.run import Run
from cfglint.packages.versions import VersionSet, admitted
from cfglint.verify.reproducer import needed
from cfglint.verify.spec import Experiment

ANY = "*"

Pins = Mapping[str, str]


def pins_of_run(rule: Mapping[str, Any], run: Run, experiment: Experiment) -> dict[str, str] | str:
    """The releases of the run that the experiment needs, or why they are not known.

    What a rule judges is pinned, or a range whose newest release it speaks of. Of other packages, the run's own
    release, else the one in the advisory's reproducer, else any. A tool that a condition only asks for, and that the
    experiment does not import, stays out of it.
    """
    versions = (rule["verify"] or {}).get("versions") or {}
    usual = {**(versions.get("with") or {}), **(versions.get("affected") or {})}
    imported = needed(experiment)
    judged = [name for name in rule["packages"] if name in {*imported, *usual, *rule["fix"]["pin"]}]
    pins = {}
    for name in dict.fromkeys([*judged, *imported]):
        said = _release(run, name) or usual.get(name)
        if said is None and name in judged:
            return f"{name} is not pinned, so the run's release is not known"
        pins[name] = said or ""
    return pins


def repaired(
    rule: Mapping[str, Any], affected: Pins, says: Callable[[Pins], bool | None]
) -> dict[str, str] | None:
    """The pins as fixed: the nearest tabled release on which the rule holds no more; None where there is none.

    `says` tells whether the rule holds on some pins.
    """
    for name, specifier in rule["fix"]["pin"].items():
        if name not in affected:
            continue
        known = admitted(name, "" if specifier == ANY else specifier)
        for version in sorted(known, key=lambda each: _distance(affected[name], each)):
            if says({**affected, name: version}) is False:
                return {**affected, name: version}
    own = ((rule["verify"] or {}).get("versions") or {}).get("fixed")
    return {**affected, **own} if own else None


def _release(run: Run, name: str) -> str | None:
    versions = run.packages.get(name)
    if not isinstance(versions, VersionSet):
        return None
    newest = versions.newest()
    exact = versions.versions or (newest.versions if newest is not None else ())
    return exact[-1] if exact else None


def _distance(pinned: str, release: str) -> tuple[bool, Version]:
    # Upgrades first, the smallest of them; among older releases, the order matters little.
    return Version(release) < Version(pinned), Version(release)
