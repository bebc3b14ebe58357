"""Values of a type that is refused while the settings are read.

Coded, because the types come from the tables of each release, for every key. What a constructor compares, looks up
or parses at once stands in rules/facts/refused_types.json, by library, class and field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.checks.readers import Reader, readers
from cfglint.checks.refusals import checked_by, in_force, keys_of
from cfglint.checks.tabled_values import declared, kinds
from cfglint.checks.wrong_type import unquoted
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Mapping, Node, Opaque, Scalar, Sequence
from cfglint.resolve.read import TRUSTING
from cfglint.source import Span

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

TABLE = "refused_types"
_YAML_BOOLS = frozenset(("no", "off", "yes", "on", "n", "y"))


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value whose type is refused."""
    for reader in readers(run):
        written = keys_of(reader.entries)
        for entry in reader.entries:
            if isinstance(entry.value, Scalar) and entry.value.weak:
                continue
            match = _bare_bool(run, reader, entry)
            if match is None and reader.loader in TRUSTING:
                match = by_table(TABLE, run, reader, entry, written, facts)
            if match is not None:
                yield match


def _bare_bool(run: Run, reader: Reader, entry: Entry) -> Match | None:
    """A choice that YAML 1.1 reads as a bool: ``eval_strategy: no``."""
    value = entry.value
    if not (isinstance(value, Scalar) and isinstance(value.value, bool) and value.raw.lower() in _YAML_BOOLS):
        return None
    found = declared(run, reader, str(entry.key.value))
    if found is None:
        return None
    taken, choices = kinds(found.row), found.row.get("choices", ())
    if {"other", "bool"} & taken or "choice" not in taken or value.raw.lower() not in map(str, choices):
        return None
    name = f"{reader.path}{entry.key.value}"
    listed = ", ".join(map(str, choices))
    return Match(
        Place(reader.source, entry.span),
        f"{value.raw} without quotes is the bool {value.value} in YAML, and {name} knows only {listed}",
        f'write "{value.raw.lower()}" in quotes',
        severity="warning" if reader.loader == "any" else "error",
        edit=(value.span, f'"{value.raw.lower()}"'),
        packages=_decided(run, found.library),
    )


def by_table(
    table: str, run: Run, reader: Reader, entry: Entry, written: set[str], facts: Facts
) -> Match | None:
    """A value of a type that the row of its field in a table does not take, or a text that it cannot parse.

    A row says `why` the type matters, and `when` if not while the arguments are built.
    """
    if isinstance(entry.value, Opaque):
        return None
    for library, cls, field in checked_by(reader, str(entry.key.value)):
        row = in_force(run, facts, table, (library, cls, field), written)
        if row is None:
            continue
        name = f"{reader.path}{entry.key.value}"
        place = Place(reader.source, entry.span)
        if row.get("json") and not _parses(entry.value):
            what = f"{name} begins like JSON and is none: it is parsed while the arguments are built, JSONDecodeError"
            return Match(place, what, f"write {name} as valid JSON", packages=_decided(run, library))
        if "takes" in row and not _is_taken(entry.value, row["takes"]):
            when = row.get("when", "while the arguments are built")
            what = f"{name} {row['why']} {when}, and {_shown(entry.value)} is refused there"
            takes = " or ".join(kind for kind in row["takes"] if kind != "null")
            edit = _meant_number(entry.value, row)
            return Match(place, what, f"give {name} a {takes}", edit=edit, packages=_decided(run, library))
    return None


def _parses(node: Node) -> bool:
    if not (isinstance(node, Scalar) and isinstance(node.value, str) and node.value.startswith("{")):
        return True
    try:
        json.loads(node.value)
    except ValueError:
        return False
    return True


def _is_taken(node: Node, takes: list[str]) -> bool:
    if isinstance(node, Mapping):
        return "mapping" in takes
    if isinstance(node, Sequence):
        return "list" in takes
    value = node.value if isinstance(node, Scalar) else None
    if value is None:
        return "null" in takes
    if isinstance(value, str):
        return "text" in takes
    if isinstance(value, bool) and ("bool" in takes or value):
        return bool({"bool", "number", "whole number"} & {*takes}) or (value and "true" in takes)
    if isinstance(value, float) and "float" in takes:
        return True
    return "number" in takes or ("whole number" in takes and isinstance(value, int) and value is not False)


def _meant_number(node: Node, row: Any) -> tuple[Span, str] | None:
    """The edit that writes a number without quotes, or a whole number as the float that is asked for."""
    if "float" in row["takes"] and isinstance(node, Scalar) and type(node.value) is int:
        return node.span, f"{node.value}.0"
    if "number" in row["takes"] and isinstance(node, Scalar) and isinstance(node.value, str):
        return unquoted(node, node.value, "float")
    return None


def _shown(node: Node) -> str:
    if isinstance(node, Scalar):
        return (
            "null"
            if node.value is None
            else f"the text {node.value!r}"
            if isinstance(node.value, str)
            else node.raw
        )
    return "a mapping" if isinstance(node, Mapping) else "a list"


def _decided(run: Run, library: str) -> tuple[str, ...]:
    return (library,) if library in run.packages else ()
