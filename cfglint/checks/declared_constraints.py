"""Pinned versions that the libraries' own metadata does not allow together.

Coded, because it asks the tabled demands of every pinned library about every other package.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.model.run import Run

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

_EXACT = ("pin", "lock")


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each package that an exactly pinned library's release excludes."""
    from cfglint.audit.constraints import conflicts, repaired
    from cfglint.packages.versions import environment_of

    sets: Any = run.packages
    pinned = {name: versions for name, versions in sets.items() if _is_stated(versions)}
    python = run.fields.get("target.python")
    environment = environment_of(str(python.value)) if python is not None else {}
    found = conflicts(pinned, environment)
    if not found:
        return
    from cfglint.engine.pins import not_editable

    better = repaired(pinned, environment) or {}
    for conflict in found:
        place = conflict.place
        requirer = pinned.get(conflict.requirer)
        if place is None or requirer is None:
            continue
        edit = None
        version = better.get(conflict.package)
        entry = next((item for item in pinned[conflict.package].requirements if item.place == place), None)
        if version and entry is not None and entry.version_span is not None and not not_editable(entry):
            edit = (entry.version_span, f"=={version}")
        others = [item.place for item in requirer.requirements if item.place is not None]
        yield Match(
            place=place,
            what=f"{conflict.requirer} {conflict.requirer_version} requires {conflict.package}{conflict.specifier}, "
            f"but {conflict.version} is {'installed' if pinned[conflict.package].kind == 'installed' else 'pinned'}",
            instead=f"{conflict.package}=={version}"
            if version
            else f"a set of versions that {conflict.requirer} allows",
            related=tuple(
                (other, f"requires {conflict.package}{conflict.specifier}") for other in others[:1]
            ),
            edit=edit,
            packages=(conflict.package, conflict.requirer),
        )


def _is_stated(versions: Any) -> bool:
    """Whether an exact version stands in what is checked; what else is installed beside a file proves nothing."""
    if versions.kind == "installed":
        return any(entry.place is not None for entry in versions.requirements)
    return versions.kind in _EXACT
