"""Values of a type that the settings take and that fails where training uses it.

Coded, because the fields are many and the check is alike. What each use takes stands in rules/facts/used_types.json,
by library, class and field; what the building of adapter and trainer takes, in rules/facts/built_types.json
(see `built_type`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.readers import readers
from cfglint.checks.refused_type import by_table
from cfglint.model.run import Run
from cfglint.parse.tree import Scalar
from cfglint.resolve.read import TRUSTING

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

TABLE = "used_types"


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value whose type fails in training."""
    yield from matches(TABLE, run, facts)


def matches(table: str, run: Run, facts: Facts) -> Iterator[Match]:
    """One match for each value whose type a table's row does not take."""
    for reader in readers(run):
        if reader.loader not in TRUSTING:
            continue
        written = {str(entry.key.value) for entry in reader.entries}
        for entry in reader.entries:
            if isinstance(entry.value, Scalar) and entry.value.weak:
                continue
            match = by_table(table, run, reader, entry, written, facts)
            if match is not None:
                yield match
