"""Version experiments: the same run in an affected and in a fixed release, or in every release of a list. No
torch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cfglint.verify.detectors import DETECTORS
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
    NOT_REPRODUCED,
    Arm,
    ArmResult,
    Experiment,
    Verdict,
    could_not_run,
)

Pins = Mapping[str, str]

AFFECTED = "affected"
CLEAN = "clean"
# The arms that run in the affected releases, and those that run in the fixed ones.
BEFORE, AFTER = (AS_CONFIGURED,), (AS_FIXED, HEALTHY)


class Row(NamedTuple):
    """What one release shows: `outcome` is affected, clean, unstable or could_not_run."""

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
    whole = between_releases(experiment)
    before, after = (
        whole._replace(arms=[arm for arm in whole.arms if arm.name in names]) for names in (BEFORE, AFTER)
    )
    try:
        # Side by side: while one environment is being filled, the other's worker already imports.
        with ThreadPoolExecutor(2) as pool:
            here = pool.submit(in_environment, before, affected, python, on_notice)
            there = pool.submit(in_environment, after, fixed, python, on_notice)
            first, environment = here.result()
            second, _environment = there.result()
    except (BuildError, WorkerError) as error:
        return could_not_run(experiment.rule, str(error))
    verdict = judge(whole, [*first, *second])._replace(environment=environment)
    return naming_releases(verdict, affected, fixed)


def between_releases(experiment: Experiment) -> Experiment:
    """The experiment whose fixed arm differs by its releases alone."""
    configured, control = _arm(experiment, AS_CONFIGURED), _arm(experiment, HEALTHY)
    return experiment._replace(arms=[configured, configured._replace(name=AS_FIXED), control])


def naming_releases(verdict: Verdict, affected: Pins, fixed: Pins) -> Verdict:
    """The verdict with the releases that it is about."""
    before_text, after_text = _apart(affected, fixed)
    if verdict.outcome == CONFIRMED:
        return verdict._replace(reason=f"in {before_text}, not in {after_text}")
    if verdict.outcome == FIX_INEFFECTIVE:
        return verdict._replace(reason=f"in {after_text}, too")
    return verdict


def table(
    experiment: Experiment,
    releases: Sequence[Pins],
    python: str,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """What every release of a list shows, in order, two at a time: the bounds that an advisory needs."""
    # Without a control, which may show the symptom too: a release may be broken for every model.
    wanted = (AS_CONFIGURED, HEALTHY) if DETECTORS[experiment.detector].compares else (AS_CONFIGURED,)
    alone = experiment._replace(arms=[_arm(experiment, name) for name in wanted])
    rows = []
    with ThreadPoolExecutor(2) as pool:
        for row in pool.map(lambda pins: _row(alone, pins, python), releases):
            rows.append(row)
            if on_row is not None:
                on_row(row)
    return rows


def _row(experiment: Experiment, pins: Pins, python: str) -> Row:
    try:
        results, _environment = in_environment(experiment, pins, python, None)
    except (BuildError, WorkerError) as error:
        return Row(pins, COULD_NOT_RUN, None, str(error))
    verdict = judge(experiment, results)
    shown = {CONFIRMED: AFFECTED, NOT_REPRODUCED: CLEAN}
    return Row(pins, shown.get(verdict.outcome, verdict.outcome), verdict.statistic, verdict.reason)


def in_environment(
    experiment: Experiment, pins: Pins, python: str, on_notice: Callable[[Notice], None] | None
) -> tuple[list[ArmResult], dict[str, str]]:
    """Runs an experiment in a throw-away environment; also what that holds. Raises BuildError and WorkerError."""
    with tempfile.TemporaryDirectory(prefix="cfglint-versions-") as folder:
        interpreter = build(Path(folder), pins, python)
        return run([experiment], interpreter, on_notice=on_notice)[0], environment_of(interpreter)


def _arm(experiment: Experiment, name: str) -> Arm:
    return next(arm for arm in experiment.arms if arm.name == name)


def told(pins: Pins) -> str:
    """Pins as a reader says them: "transformers 4.56.2, accelerate 1.10.1"."""
    return ", ".join(f"{name} {version or 'any'}" for name, version in pins.items())


def _apart(affected: Pins, fixed: Pins) -> tuple[str, str]:
    """Both, with only what differs."""
    names = [name for name in {**affected, **fixed} if affected.get(name) != fixed.get(name)]
    one, other = ({name: pins[name] for name in names if name in pins} for pins in (affected, fixed))
    return told(one), told(other)
