"""How a key stands with the classes that read it: known to the releases of the run, to others only, or to none."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from cfglint.checks.readers import Class, Reader, joined
from cfglint.checks.seen_releases import Seen, narrowed, newest, seen, stable
from cfglint.model.run import Run
from cfglint.resolve import fieldtable


class Standing(NamedTuple):
    """A key that the releases of the run, or the newest of them, do not have.

    ``certain`` is "all" (no release that the run may see has it), "derived" (the same, but only by what the other
    packages allow), "newest" (of a range, the newest lacks it) or "unsaid" (nothing was said, and the newest lacks it).
    ``first`` and ``last`` are the tabled releases of ``library`` that have it; ``after`` is the first release without
    it, "" when the key is too new for the run.
    """

    library: str
    certain: str
    first: str
    last: str
    after: str
    seen: Seen


def is_known(reader: Reader, key: str) -> bool:
    """Whether any tabled release of any class that reads the mapping has the key."""
    return bool(owners(reader.classes, key))


def standing(run: Run, reader: Reader, key: str) -> Standing | None:
    """None where the run's releases (or, where several may be seen, the newest) have the key, or nothing can be told."""
    held = owners(reader.classes, key)
    views: dict[str, Seen] = {}
    for library, cls, spelled in held:
        view = views.get(library) or views.setdefault(library, seen(run, library))
        if not view.releases or any(
            fieldtable.has(library, cls, spelled, release) for release in _ends(view)
        ):
            return None
    for library, cls, spelled in held:
        if views[library].kind != "exact" and fieldtable.has(library, cls, spelled, newest(run, library)):
            return None
    views = {library: narrowed(run, library) for library in views}
    if not any(_exists(library, cls, views[library].releases[-1]) for library, cls, _ in held):
        return None  # the class itself is not there: another matter
    whole = not any(
        fieldtable.has(library, cls, spelled, release)
        for library, cls, spelled in held
        for release in views[library].releases
    )
    kinds = {view.kind for view in views.values()}
    certain = "unsaid" if "unsaid" in kinds else "newest" if "range" in kinds else "all"
    if whole and certain != "all":
        certain = "derived" if certain == "unsaid" else "all"
    library, cls, spelled = held[0]
    view = views[library]
    names = fieldtable.releases(library)
    having = [name for name in stable(library) if fieldtable.has(library, cls, spelled, name)]
    if not having:
        return None
    first, last = having[0], having[-1]
    if names.index(view.releases[-1]) < names.index(first):
        return None if view.beyond else Standing(library, certain, first, last, "", view)
    after = next((name for name in stable(library) if names.index(name) > names.index(last)), "")
    return Standing(library, certain, first, last, after, view) if after else None


def spellings(reader: Reader, run: Run) -> list[str]:
    """The keys that the newest release of the run has, for suggestions."""
    found: list[str] = []
    for library, cls in joined(reader.classes):
        view = seen(run, library)
        if view.releases:
            found += [key for key in fieldtable.fields_of(library, cls, view.releases[-1]) if "." not in key]
            found += [alias for alias, key in _aliases(library, cls).items() if key in found]
    return list(dict.fromkeys(found))


def _ends(view: Seen) -> tuple[str, ...]:
    """The releases that must lack a key for it to matter: all of an exact set, else the newest."""
    return view.releases if view.kind == "exact" else view.releases[-1:]


@lru_cache(maxsize=4096)
def owners(classes: tuple[Class, ...], key: str) -> tuple[tuple[str, str, str], ...]:
    """The classes that ever had a key, bases included, as (library, class, field): a pydantic alias stands for its field."""
    found = []
    for library, cls in joined(classes):
        if key in fieldtable.names(library, cls):
            found.append((library, cls, key))
        if key in _aliases(library, cls):
            found.append((library, cls, _aliases(library, cls)[key]))
    return tuple(found)


@lru_cache(maxsize=64)
def _aliases(library: str, cls: str) -> dict[str, str]:
    """The other spellings that pydantic classes take."""
    if library not in ("axolotl", "deepspeed"):
        return {}
    return {
        span.row["alias"]: name
        for name in fieldtable.names(library, cls)
        for span in fieldtable.history(library, cls, name)
        if "alias" in span.row
    }


@lru_cache(maxsize=256)
def _exists(library: str, cls: str, release: str) -> bool:
    return fieldtable.module_of(library, cls, release) is not None
