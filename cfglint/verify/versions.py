"""Version experiments: the same run in an affected and in a fixed release, or in every release of a list. No
torch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cfglint.verify.environments import BuildError, build
from cfglint.verify.judge import judge
from cfglint.verify.runner import Notice, WorkerError, environment_of, run
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    CONFIRMED,
    COULD_NOT_RUN,
    FIX_INEFFECTIVE,
    HEALTHY,
    UNSTABLE,
    Arm,
    ArmResult,
    Experiment,
    Verdict,
    could_not_run,
)

Pins = Mapping[str, str]


class Row(NamedTuple):
    """What one release shows."""

    pins: Pins
    outcome: str
    statistic: float | None
    reason: str


def compare(
    experiment: Experiment,
    affected: Pins,
    fixed: Pins,
    python: str,
    on_notice: Callable[[Notice], None] | None = None,
) -> Verdict:
    """The verdict on an advisory: the same settings in the affected release and in the fixed one.

    The healthy control runs in the fixed release, since a release may be broken for every model. `python` has
    the torch that both environments share. Environments live in a temporary folder and are gone afterwards.
    """
    configured, control = _arm(experiment, AS_CONFIGURED), _arm(experiment, HEALTHY)
    before = experiment._replace(arms=[configured])
    after = experiment._replace(arms=[configured._replace(name=AS_FIXED), control])
    try:
        # Side by side: while one environment is being filled, the other's worker already imports.
        with ThreadPoolExecutor(2) as pool:
            here = pool.submit(_in_environment, before, affected, python, on_notice)
            there = pool.submit(_in_environment, after, fixed, python, on_notice)
            first, environment = here.result()
            second, _environment = there.result()
    except (BuildError, WorkerError) as error:
        return could_not_run(experiment.rule, str(error))
    whole = experiment._replace(arms=[configured, *after.arms])
    verdict = judge(whole, [*first, *second])._replace(environment=environment)
    if verdict.outcome == CONFIRMED:
        return verdict._replace(reason=f"in {_text(affected)}, not in {_text(fixed)}")
    if verdict.outcome == FIX_INEFFECTIVE:
        return verdict._replace(reason=f"in {_text(fixed)}, too")
    return verdict


def table(
    experiment: Experiment,
    releases: Sequence[Pins],
    python: str,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """What every release of a list shows, one after the other: the bounds that an advisory needs."""
    alone = experiment._replace(arms=[_arm(experiment, AS_CONFIGURED)])
    rows = []
    for pins in releases:
        try:
            results, _environment = _in_environment(alone, pins, python, None)
            verdict = judge(alone, results)
            shown = {CONFIRMED: "affected", UNSTABLE: UNSTABLE, COULD_NOT_RUN: COULD_NOT_RUN}
            row = Row(pins, shown.get(verdict.outcome, "clean"), verdict.statistic, verdict.reason)
        except (BuildError, WorkerError) as error:
            row = Row(pins, COULD_NOT_RUN, None, str(error))
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return rows


def _in_environment(
    experiment: Experiment, pins: Pins, python: str, on_notice: Callable[[Notice], None] | None
) -> tuple[list[ArmResult], dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="cfglint-versions-") as folder:
        interpreter = build(Path(folder), pins, python)
        return run([experiment], interpreter, on_notice=on_notice)[0], environment_of(interpreter)


def _arm(experiment: Experiment, name: str) -> Arm:
    return next(arm for arm in experiment.arms if arm.name == name)


def _text(pins: Pins) -> str:
    return ", ".join(f"{name} {version}" for name, version in pins.items())
