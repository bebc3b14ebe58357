"""Values of a type that the settings take and that fails as adapter or trainer are built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cfglint.checks.match import Match
from cfglint.checks.used_type import matches
from cfglint.model.run import Run

if TYPE_CHECKING:
    from cfglint.engine.facts import Facts
    from cfglint.resolve.vocabulary import Vocabulary

TABLE = "built_types"


def check(run: Run, facts: Facts, vocabulary: Vocabulary) -> Iterator[Match]:
    """One match for each value whose type fails in building."""
    yield from matches(TABLE, run, facts)
