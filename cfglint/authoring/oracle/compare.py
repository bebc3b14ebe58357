"""The linter beside the real constructor, configuration by configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from cfglint.authoring.oracle.generate import DATA
from cfglint.authoring.oracle.golden import TAKEN
from cfglint.authoring.oracle.predict import Said, foretold
from cfglint.authoring.oracle.subjects import Subject


class Disagreement(NamedTuple):
    """A configuration on which the two differ: `outcome` is what the constructor raised, or TAKEN."""

    number: int
    settings: Mapping[str, Any]
    outcome: str
    said: Said

    @property
    def missed(self) -> bool:
        """Whether the constructor raised and no rule foretold it (else a rule foretold what did not come)."""
        return self.outcome != TAKEN


def disagreements(
    subject: Subject,
    anchor: Mapping[str, str],
    configurations: Iterable[Mapping[str, Any]],
    outcomes: Sequence[str],
) -> Iterator[Disagreement]:
    """Yields the configurations on which linter and constructor differ."""
    for number, (settings, outcome) in enumerate(zip(configurations, outcomes)):  # noqa: B905  (a part may be asked)
        said = foretold(subject, settings, anchor)
        if bool(said.rules) != (outcome != TAKEN):
            yield Disagreement(number, settings, outcome, said)


def explanation(subject: Subject, item: Disagreement) -> str | None:
    """Why linter and constructor differ here, from ``tests/oracle/explained.yaml``; None if nobody said so."""
    for entry in _explained():
        if subject.name not in entry["subjects"]:
            continue
        if entry.get("outcome", "") in item.outcome and set(entry.get("rules", ())) <= set(item.said.rules):
            if bool(entry.get("outcome")) == item.missed:
                return str(entry["why"])
    return None


def _explained() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((DATA / "explained.yaml").read_text("utf-8")) or []
    return loaded
