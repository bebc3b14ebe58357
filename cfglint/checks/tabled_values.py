"""What the tables say about the value of a key: the kinds of value its type takes, and the choices it has."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from cfglint.checks.readers import Reader
from cfglint.checks.seen_releases import Seen, newest, seen
from cfglint.checks.standing import owners
from cfglint.model.run import Run
from cfglint.resolve import fieldtable

_SCALARS = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "str": "str",
    "None": "none",
    "list": "list",
    "dict": "dict",
}
_HEAD = re.compile(r"\w+")


class Declared(NamedTuple):
    """One field at the release that decides: its class, its row, and the releases that the run may see."""

    library: str
    cls: str
    field: str
    release: str
    row: fieldtable.Row
    seen: Seen


def declared(run: Run, reader: Reader, key: str) -> Declared | None:
    """The field that a key sets at the exact release of the run, or the newest it may see; None if there is none."""
    for library, cls, field in owners(reader.classes, key):
        release = newest(run, library)
        row = fieldtable.row_of(library, cls, field, release) if release else None
        if row is not None:
            return Declared(library, cls, field, release, row, seen(run, library))
    return None


def kinds(row: fieldtable.Row) -> frozenset[str]:
    """What a type takes: "bool", "int", "float", "str", "none", "list", "dict", "choice", "other"."""
    found = set()
    for part in parts_of(str(row.get("type", "other"))):
        name = head_of(part)
        choice = name == "Literal" or (bool(row.get("enum")) and name == row["enum"])
        found.add("choice" if choice else _SCALARS.get(name, "other"))
    return frozenset(found)


def head_of(part: str) -> str:
    """The name before the brackets of one member of a union."""
    found = _HEAD.match(part)
    return found.group() if found is not None else ""


def parts_of(text: str, mark: str = "|") -> list[str]:
    """The members of a union, or what stands between other marks, brackets kept together."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == mark and not depth:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


def choice_releases(found: Declared, value: Any) -> tuple[str, str] | None:
    """The first and last tabled release whose field has a choice; None if none has."""
    enum = found.row.get("enum")
    if enum:
        spans = fieldtable.enum_history(found.library, enum, value)
        return (spans[0][0], spans[-1][1]) if spans else None
    held = [
        span
        for span in fieldtable.history(found.library, found.cls, found.field)
        if value in span.row.get("choices", ())
    ]
    return (held[0].first, held[-1].last) if held else None
