"""The settings of a tool's whole file: the fields of all classes that it fills, sections with dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfglint.authoring.oracle.subjects import Subject
from cfglint.resolve import fieldtable

Rows = dict[str, fieldtable.Row]


def rows_of(subject: Subject, anchor: Mapping[str, str]) -> Rows:
    """The fields of a subject at an anchor's releases, those of sections under dotted names."""
    rows: Rows = {}
    for library, cls in subject.classes or ((subject.library, subject.cls),):
        found, _whole = fieldtable.inherited_fields(library, cls, anchor)
        if subject.form in ("axolotl", "deepspeed"):
            found = dict(_flat(library, found, anchor[library]))
        rows.update((name, row) for name, row in found.items() if row or name not in rows)
    return {name: row for name, row in rows.items() if not within(name, subject.left_out)}


def names_ever(subject: Subject) -> set[str]:
    """The names that the subject's own classes had in any tabled release."""
    classes = subject.classes or ((subject.library, subject.cls),)
    return set().union(*(fieldtable.names(library, cls) for library, cls in classes))


def assembled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with dotted names as nested mappings; one that lies in what is no mapping is left out."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        *sections, last = name.split(".")
        place = found
        for section in sections:
            inner = place.setdefault(section, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place[last] = dict(value) if isinstance(value, dict) else value
    return found


def _flat(
    library: str, rows: Mapping[str, fieldtable.Row], release: str
) -> Iterator[tuple[str, fieldtable.Row]]:
    for name, row in rows.items():
        key = str(row.get("alias", name))
        kinds = (str(row.get("model", "")), *str(row.get("type", "")).split(" | "))
        cls = next((kind for kind in kinds if kind in fieldtable.classes(library)), None)
        if cls is None:
            default = row.get("default")
            yield key, {"type": type(default).__name__, **row} if default is not None else row
        else:
            for inner, below in _flat(library, fieldtable.fields_of(library, cls, release), release):
                yield f"{key}.{inner}", below


def within(name: str, left_out: frozenset[str]) -> bool:
    """Whether a name is left out: itself, its section, or what stands in a section ("section.")."""
    parts = name.split(".")
    heads = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(head in left_out or (head != name and f"{head}." in left_out) for head in heads)
