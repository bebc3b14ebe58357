"""Keys that some release of the library knows, and the one of this run does not: gone again, or not there yet.

Coded, because it looks at every key of a document rather than at fields that a condition names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, readers
from cfglint.checks.seen_releases import stable
from cfglint.checks.standing import Standing, is_known, standing
from cfglint.checks.unknown_setting import key_edit
from cfglint.model.finding import SEVERITIES
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each key that the releases of this run do not have."""
    for reader in readers(run):
        if not reader.unknown:
            continue
        written = {str(entry.key.value) for entry in reader.entries}
        for entry in reader.entries:
            key = str(entry.key.value)
            if not is_known(reader, key):
                continue
            found = standing(run, reader, key)
            if found is not None:
                match = _match(run, facts.tables("setting_names"), reader, entry, found, written)
                if match is not None:
                    yield match


def _match(
    run: Run, tables: Any, reader: Reader, entry: Entry, found: Standing, written: set[str]
) -> Match | None:
    key = str(entry.key.value)
    kept = _kept(tables, reader, key)
    if key in tables["elsewhere"] or (kept and _within(found, kept)):
        return None
    if kept and found.after:
        names = stable(found.library)
        found = found._replace(last=kept, after=names[names.index(kept) + 1])
    newest = found.seen.releases[-1]
    other = _other_name(tables, reader, key, found, newest)
    edit = (
        key_edit(reader, entry, other)
        if other and other not in written and found.certain != "unsaid"
        else None
    )
    advice = tables["advice"].get(f"{found.library}.{key}", "")
    name = f"{reader.path}{key}"
    if not found.after:
        what = f"{name} exists only since {found.library} {found.first}, and {_said(found, newest)}: {reader.then}"
        instead = (
            f"write {other}, or use {found.library} {found.first} or later"
            if other
            else f"use {found.library} {found.first} or later, or take {key} out"
        )
    elif found.certain == "unsaid":
        what = f"{name} is gone in {found.library} {found.after} and later ({found.last} is the last release that has it), and no file says which release is used"
        instead = (
            f"pin {found.library}<{found.after}, or write {other or advice}"
            if other or advice
            else f"pin {found.library}<{found.after}, or take {key} out"
        )
    else:
        what = (
            f"{name} is gone since {found.library} {found.after}, and {_said(found, newest)}: {reader.then}"
        )
        instead = (
            f"write {other or advice}"
            if other or advice
            else f"take {key} out, or pin {found.library}<{found.after}"
        )
    place = Place(reader.source, entry.span)
    packages = (found.library,) if found.library in run.packages else ()
    return Match(place, what, instead, severity=_severity(reader, found), edit=edit, packages=packages)


def _said(found: Standing, newest: str) -> str:
    if found.seen.kind == "exact":
        return found.seen.said
    if found.certain == "derived":
        return (
            f"the other packages leave no release before {found.seen.releases[0]}"
            if found.after
            else f"the other packages allow none after {newest}"
        )
    if found.certain == "all":
        return f"{found.seen.said} admits no release that has it"
    return f"{newest} is the newest that {found.seen.said} admits"


def _severity(reader: Reader, found: Standing) -> str:
    if found.certain == "unsaid":
        return "info"
    lowered = 0 if found.certain == "all" else 1
    return SEVERITIES[max(0, SEVERITIES.index(reader.unknown) - lowered)]


def _kept(tables: Any, reader: Reader, key: str) -> str:
    """The last release in which a decorator still takes a name that the signature lost; "" for none."""
    return next(
        (
            tables["kept"][name]
            for name in (f"{library}.{cls}.{key}" for library, cls in reader.classes)
            if name in tables["kept"]
        ),
        "",
    )


def _within(found: Standing, last: str) -> bool:
    """Whether the newest release that the run may see is not later than one."""
    names = fieldtable.releases(found.library)
    return names.index(found.seen.releases[-1]) <= names.index(last)


def _other_name(tables: Any, reader: Reader, key: str, found: Standing, newest: str) -> str:
    """What the same setting is called at the run's release, where the value carries over as it is."""
    renamed = tables["renamed"]
    old = {
        new: name.partition(".")[2] for name, new in renamed.items() if name.startswith(found.library + ".")
    }
    other = renamed.get(f"{found.library}.{key}") if found.after else old.get(key)
    if other is None:
        return ""
    return (
        other
        if any(fieldtable.has(library, cls, other, newest) for library, cls in _own(reader, found.library))
        else ""
    )


def _own(reader: Reader, library: str) -> list[tuple[str, str]]:
    from cfglint.checks.readers import joined

    return [item for item in joined(reader.classes) if item[0] == library]
