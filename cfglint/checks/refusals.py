"""Rows of the tables of what constructors refuse: whether one is in force in a run.

Keys are ``library.Class.field``, or ``library.*.field`` where all classes of the library that have the field share the
check. A row, or each of a list of rows, may name the releases (``since``, ``until``, both included), fields of the run
that switch the check off (``unless``: field to values), and another setting or several that do (``unset``). A class
that inherits a field may have a row of its own for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.readers import Reader
from cfglint.checks.seen_releases import seen
from cfglint.checks.standing import owners
from cfglint.model.run import Run
from cfglint.model.value import KNOWN
from cfglint.parse.tree import Entry, Scalar
from cfglint.resolve import fieldtable

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts


#: Classes whose table holds what they inherit, and what it is inherited from.
_HEIRS = {"Seq2SeqTrainingArguments": "TrainingArguments"}


def checked_by(reader: Reader, key: str) -> Iterator[tuple[str, str, str]]:
    """The classes whose checks a key goes through, as (library, class, field): the reader's own before their bases."""
    yield from dict.fromkeys(
        (*((library, cls, key) for library, cls in reader.classes), *owners(reader.classes, key))
    )


def keys_of(entries: Iterable[Entry]) -> set[str]:
    """The keys that are given a value: null leaves most constructors to what they do without."""
    return {
        str(entry.key.value)
        for entry in entries
        if not (isinstance(entry.value, Scalar) and entry.value.value is None)
    }


def in_force(
    run: Run, facts: Facts, table: str, owner: tuple[str, str, str], written: Collection[str]
) -> Any:
    """The row for a field of a class, if every release that the run may see refuses by it; else None.

    `written` are the keys that stand beside the field.
    """
    library, cls, field = owner
    rows = facts.tables(table)
    name = _HEIRS.get(cls, cls)
    found: Any = rows.get(f"{library}.{name}.{field}") or rows.get(f"{library}.*.{field}") or ()
    for row in found if isinstance(found, list) else (found,):
        others = row.get("unset", ()) if row else ()
        others = (others,) if isinstance(others, str) else others
        if row and _in_its_releases(run, library, row) and not any(name in written for name in others):
            if not any(_may_be(facts, name, values) for name, values in row.get("unless", {}).items()):
                return row
    return None


def _in_its_releases(run: Run, library: str, row: Any) -> bool:
    view = seen(run, library)
    if not view.releases or view.beyond:
        return False
    names = fieldtable.releases(library)
    first = names.index(row["since"]) if "since" in row else 0
    last = names.index(row["until"]) if "until" in row else len(names) - 1
    return all(first <= names.index(release) <= last for release in view.releases)


def _may_be(facts: Facts, name: str, values: list[Any]) -> bool:
    """Whether a field may have one of these values; a field that is not known may."""
    value = facts.value(name)
    return value.state != KNOWN or value.value in values
