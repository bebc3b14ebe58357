"""The linter beside the real constructor, configuration by configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import yaml

from cfglint.authoring.oracle import generate, golden, training
from cfglint.authoring.oracle.generate import DATA
from cfglint.authoring.oracle.golden import TAKEN
from cfglint.authoring.oracle.predict import Said, foretold, stages
from cfglint.authoring.oracle.subjects import ANCHORS, SUBJECTS, Subject
from cfglint.authoring.oracle.training import TRAINING

#: Everything that is asked, by name.
ASKED: Mapping[str, Subject] = {**SUBJECTS, **TRAINING}


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


def asked_of(subject: Subject, anchor: str) -> list[dict[str, Any]]:
    """The configurations of a subject at an anchor."""
    generated = training.configurations if subject.form == "training" else generate.configurations
    return list(generated(subject, ANCHORS[anchor]))


def differing(subject: Subject, anchor: str, total: int, jobs: int = 1) -> list[Disagreement]:
    """The disagreements among the first `total` configurations. Raises ValueError if others than these were asked."""
    asked, outcomes = _recorded(subject, anchor)
    if jobs == 1:
        return list(disagreements(subject, ANCHORS[anchor], asked[:total], outcomes))
    step = -(-total // (jobs * 4))
    parts = [
        (subject, anchor, asked[at : min(at + step, total)], outcomes[at : at + step], at)
        for at in range(0, total, step)
    ]
    with ProcessPoolExecutor(jobs) as pool:
        return [item for part in pool.map(_part, parts) for item in part]


def _part(given: tuple[Subject, str, list[dict[str, Any]], Sequence[str], int]) -> list[Disagreement]:
    subject, anchor, asked, outcomes, start = given
    found = disagreements(subject, ANCHORS[anchor], asked, outcomes)
    return [item._replace(number=item.number + start) for item in found]


def stages_agree(subject: Subject, anchor: str) -> tuple[int, int]:
    """How many configurations raise and are foretold, and in how many of them a rule names the right stage.

    Raises ValueError if others than these were asked.
    """
    both = right = 0
    for settings, outcome in zip(*_recorded(subject, anchor), strict=True):
        said = foretold(subject, settings, ANCHORS[anchor]).rules
        if outcome != TAKEN and said:
            both += 1
            right += outcome.partition(":")[0] in {stages()[rule] for rule in said}
    return both, right


def _recorded(subject: Subject, anchor: str) -> tuple[list[dict[str, Any]], Sequence[str]]:
    record = golden.read(subject, anchor)
    asked = asked_of(subject, anchor)
    if golden.digest_of(asked) != record.digest:
        raise ValueError(
            f"{subject.name} {anchor}: the configurations have changed since they were asked; ask again"
        )
    return asked, record.outcomes


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
    """Why linter and constructor differ here, from ``tests/oracle/explained.yaml``; None if nobody said so.

    An entry is about configurations of its ``subjects`` that hold the settings it names in ``with`` (``lora.r``).
    """
    for entry in _explained():
        if subject.name not in entry["subjects"] or not all(
            _holds(item.settings, name.split(".")) for name in entry.get("with", ())
        ):
            continue
        if entry.get("outcome", "") in item.outcome and set(entry.get("rules", ())) <= set(item.said.rules):
            if bool(entry.get("outcome")) == item.missed:
                return str(entry["why"])
    return None


def _holds(settings: Mapping[str, Any], path: Sequence[str]) -> bool:
    if path[0] not in settings:
        return False
    return len(path) == 1 or _holds(settings[path[0]], path[1:])


def _explained() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((DATA / "explained.yaml").read_text("utf-8")) or []
    return loaded
