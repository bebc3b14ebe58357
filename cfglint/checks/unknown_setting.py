"""Keys that no tabled release of the library that reads them has ever had.

Coded, because it looks at every key of a document rather than at fields that a condition names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, joined, readers
from cfglint.checks.seen_releases import pinned, seen
from cfglint.checks.standing import is_known
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry
from cfglint.resolve import fieldtable
from cfglint.source import Span

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

#: How alike two names must be (difflib's ratio) for one to be offered for the other, and for an edit to write it.
_ALIKE, _ALMOST = 0.8, 0.9


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each key that a reader refuses or drops and that none of its releases knows."""
    for reader in readers(run):
        if not reader.unknown:
            continue
        strange = [entry for entry in reader.entries if not is_known(reader, str(entry.key.value))]
        if strange and not _accepts_any(run, reader):
            written = {str(entry.key.value) for entry in reader.entries}
            for entry in strange:
                yield _match(run, facts, reader, entry, written)


def _accepts_any(run: Run, reader: Reader) -> bool:
    """Whether a class takes any keyword, or a release that is not tabled may read the mapping."""
    for library, cls in joined(reader.classes):
        view = seen(run, library)
        if not view.releases or view.beyond:
            return True
        if not reader.drops and any(
            fieldtable.takes_any_keyword(library, cls, release) for release in view.releases[-1:]
        ):
            return True
    return False


def _match(run: Run, facts: Facts, reader: Reader, entry: Entry, written: set[str]) -> Match:
    from difflib import get_close_matches

    from cfglint.checks.standing import spellings

    key = str(entry.key.value)
    library = reader.classes[0][0]
    names = fieldtable.releases(library)
    known = spellings(reader, run)
    renamed = facts.tables("setting_names")["renamed"].get(f"{library}.{key}")
    known = [name for name in known if name not in written]
    close = [renamed] if renamed in known else get_close_matches(key, known, 1, _ALIKE)
    certain = renamed in close or get_close_matches(key, close, 1, _ALMOST)
    edit = key_edit(reader, entry, close[0]) if certain else None
    what = f"{reader.name} has no setting {reader.path}{key} in any release from {names[0]} to {names[-1]}, so {reader.then}"
    meant = (
        f"write {close[0]}"
        if certain
        else f"write {close[0]} if that was meant, or take {key} out"
        if close
        else ""
    )
    instead = meant or f"take {key} out, or write the name that was meant"
    place = Place(reader.source, entry.span)
    severity = "warning" if reader.unknown == "error" and not pinned(run, library) else reader.unknown
    return Match(
        place,
        what,
        instead,
        severity=severity,
        edit=edit,
        packages=(library,) if library in run.packages else (),
    )


def key_edit(reader: Reader, entry: Entry, name: str) -> tuple[Span, str] | None:
    """The edit that renames a key where the text spells it plainly (in an unpacked dict it may not)."""
    key, text = str(entry.key.value), reader.source.text
    for start in (entry.key.span.start, entry.key.span.start + 1, entry.key.span.start + 2):
        spelled = text[start : start + len(key)]
        if spelled == key or spelled.replace("-", "_") == key:
            return Span(start, start + len(key)), name
    return None
