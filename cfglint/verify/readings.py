"""A reading: what one arm's runs show of a symptom, for one seed. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from cfglint.verify.spec import ArmResult, Settings

# The runs of one arm for one seed, by variant, in the experiment's order.
Runs = Mapping[str, ArmResult]


class Reading(NamedTuple):
    """What one arm shows for one seed: `shows` is None where it can't be said, with the reason."""

    shows: bool | None
    value: float
    reason: str = ""


def unclear(reason: str) -> Reading:
    """A reading that decides nothing."""
    return Reading(None, math.nan, reason)


def ratio(above: float, below: float) -> float:
    """`above` over `below`; infinite where `above` is not finite."""
    if math.isnan(above) or math.isinf(above):
        return math.inf
    return above / below if below else (math.inf if above else 1.0)


def threshold(arguments: Settings, usual: float) -> float:
    """The rule's own threshold, else the usual one."""
    return float(arguments.get("threshold", usual))


def only(runs: Runs) -> ArmResult:
    """The run of an arm that has one variant."""
    return next(iter(runs.values()))


def norm(run: ArmResult, group: str = "all") -> float:
    """How far one group of weights moved; NaN where there is no such group."""
    change = run.changes.get(group)
    return math.nan if change is None else change["norm"]
