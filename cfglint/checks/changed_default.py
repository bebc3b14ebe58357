"""Settings that are left to a default which newer releases have changed, so that an upgrade trains something else.

Coded, because it compares the tables of two releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import joined, readers
from cfglint.checks.seen_releases import seen
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each configuring call under exact versions, naming every default that has changed since."""
    fields = facts.tables("changed_defaults")
    anchors = {
        document.layout.entries: document.layout.anchor
        for document in run.documents
        if document.layout.kind == "call"
    }
    open_calls = {document.layout.entries for document in run.documents if not document.provides}
    for reader in readers(run):
        if reader.loader != "python" or reader.entries not in anchors or reader.entries in open_calls:
            continue
        written = {str(entry.key.value) for entry in reader.entries}
        changes: dict[str, tuple[str, str]] = {}
        for library, cls in joined(reader.classes):
            view = seen(run, library)
            if view.kind != "exact" or len(view.releases) != 1 or view.beyond:
                continue
            for field in fields.get(f"{library}.{cls}", {}).get("fields", ()):
                change = _change(library, cls, field, view.releases[0])
                # The first class that has the field is the one whose default counts.
                if field not in written and field not in changes:
                    changes[field] = (library, change)
        said = [f"{field} {change}" for field, (_, change) in changes.items() if change]
        if said:
            libraries = tuple(dict.fromkeys(library for library, change in changes.values() if change))
            words = "; ".join(said)
            yield Match(
                Place(reader.source, anchors[reader.entries]),
                f"defaults that have changed since: {words}",
                words,
                packages=libraries,
            )


def _change(library: str, cls: str, field: str, release: str) -> str:
    """How a default differs in the newest release; "" where it does not, or where it is no constant."""
    newest = fieldtable.releases(library)[-1]
    known, old = fieldtable.default_at(library, cls, field, release)
    found, new = fieldtable.default_at(library, cls, field, newest)
    if not known or not found or old == new:
        return ""
    return f"is {old} in {library} {release} and {new} in {newest}"
