"""Values that a constructor compares with its own bounds or lists, and refuses.

Coded, because the classes are many and the checks alike. What each release compares stands in
rules/facts/refused_values.json, by library, class and field:

- ``one_of``: the values it takes, or ``enum``: those of an enum of the release, with ``and`` others (``lower``: compared
  in lower case; ``quoted``: a text only, where a named object may stand too); ``matches``: what a text must look like
- ``above``, ``from``, ``below``, ``up_to``: bounds of a number, or of each in a list; ``or``: numbers beside them
- ``length``: of a list; ``needs``: keys of a mapping; ``only``: all that it may have; ``class``: whose own checks it
  goes through
- ``takes``: words for what is taken; ``why``: what is raised
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cfglint.checks.match import Match
from cfglint.checks.readers import readers
from cfglint.checks.refusals import checked_by, in_force, keys_of
from cfglint.checks.seen_releases import seen
from cfglint.model.run import Run
from cfglint.model.value import Place
from cfglint.parse.tree import Entry, Mapping, Node, Scalar, Sequence
from cfglint.resolve import fieldtable
from cfglint.source import Source

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

TABLE = "refused_values"
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("above", "more than", lambda value, bound: value > bound),
    ("from", "at least", lambda value, bound: value >= bound),
    ("below", "less than", lambda value, bound: value < bound),
    ("up_to", "at most", lambda value, bound: value <= bound),
)


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value that the run's releases refuse."""
    for reader in readers(run):
        written = keys_of(reader.entries)
        for entry in reader.entries:
            for owner in checked_by(reader, str(entry.key.value)):
                row = in_force(run, facts, TABLE, owner, written)
                if row is not None:
                    yield from _refused(run, facts, reader.source, reader.path, entry, owner[0], row)
                    break


def _refused(
    run: Run, facts: Facts, source: Source, path: str, entry: Entry, library: str, row: Any
) -> Iterator[Match]:
    node, name = entry.value, f"{path}{entry.key.value}"
    if "class" in row and isinstance(node, Mapping):
        written = {str(inner.key.value) for inner in node.entries}
        for inner in node.entries:
            owner = (library, row["class"], str(inner.key.value))
            below = in_force(run, facts, TABLE, owner, written)
            if below is not None:
                yield from _refused(run, facts, source, f"{name}.", inner, library, below)
    if "enum" in row:
        release = seen(run, library).releases[-1]
        row = {**row, "one_of": [*fieldtable.enum_values(library, row["enum"], release), *row.get("and", ())]}
    takes = _instead(node, row)
    if takes:
        yield Match(
            Place(source, entry.span),
            f"{name} must be {takes}, and {_shown(node)} is refused when the settings are made: {row['why']}",
            f"set {name} to {takes}",
            packages=(library,) if library in run.packages else (),
        )


def _instead(node: Node, row: Any) -> str:
    """What the row asks for, where the value is something else; "" where it is taken or nothing is known of it."""
    if isinstance(node, Mapping):
        keys = {str(entry.key.value) for entry in node.entries}
        if not keys >= {*row.get("needs", ())}:
            return f"a mapping with {', '.join(row['needs'])}"
        return f"a mapping of {', '.join(row['only'])}" if not keys <= {*row.get("only", keys)} else ""
    if isinstance(node, Sequence):
        if len(node.items) != row.get("length", len(node.items)):
            return f"a list of {row['length']}"
        numbers = (getattr(item, "value", None) for item in node.items)
        return next((f"a list, each {text}" for value in numbers if (text := _other_number(value, row))), "")
    if not isinstance(node, Scalar) or node.weak or node.value is None:
        return ""
    return _other_text(node, row) or _other_number(node.value, row)


def _other_text(node: Scalar, row: Any) -> str:
    value: Any = node.value
    if "matches" in row and isinstance(value, str) and not re.fullmatch(row["matches"], value):
        return str(row["takes"])
    if "one_of" not in row or (row.get("quoted") and not (isinstance(value, str) and node.quoted)):
        return ""
    if row.get("lower") and isinstance(value, str):
        value = value.lower()
    listed = row["one_of"]
    return "" if value in listed else str(row.get("takes") or f"one of {', '.join(map(str, listed))}")


def _other_number(value: object, row: Any) -> str:
    if not isinstance(value, (int, float)) or value in row.get("or", ()):
        return ""
    if all(holds(value, row[name]) for name, _, holds in _BOUNDS if name in row):
        return ""
    bounds = " and ".join(f"{words} {row[name]}" for name, words, _ in _BOUNDS if name in row)
    return f"{bounds}, or {', '.join(map(str, row['or']))}" if "or" in row else bounds


def _shown(node: Node) -> str:
    if isinstance(node, Scalar):
        return repr(node.value) if isinstance(node.value, str) else node.raw
    return "this mapping" if isinstance(node, Mapping) else "this list"
