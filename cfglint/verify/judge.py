"""The verdict: what the arms' readings say about a finding. Nothing imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from cfglint.verify.detectors import DETECTORS, Detector, read
from cfglint.verify.readings import Reading, Runs, unclear
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    CONFIRMED,
    COULD_NOT_RUN,
    FIX_INEFFECTIVE,
    HEALTHY,
    NOT_REPRODUCED,
    UNSTABLE,
    Arm,
    ArmResult,
    Experiment,
    Verdict,
)

NAMES = {AS_CONFIGURED: "as configured", AS_FIXED: "as fixed", HEALTHY: "healthy control"}


def judge(experiment: Experiment, results: Iterable[ArmResult]) -> Verdict:
    """The verdict over all seeds. Raises KeyError for a detector that does not exist."""
    found = list(results)
    detector = DETECTORS[experiment.detector]
    readings = {arm.name: _readings(experiment, arm, detector, found) for arm in experiment.arms}
    outcome, reason, share = _outcome(readings)
    if outcome == NOT_REPRODUCED and detector.sees_exceptions and _emulated(experiment):
        outcome, reason = (
            COULD_NOT_RUN,
            "needs CUDA: float16 is emulated here, and CUDA refuses more than that",
        )
    if outcome == CONFIRMED and AS_FIXED not in readings:
        reason = "no fix was tried beside it"
    threshold = experiment.detector_args.get("threshold", detector.threshold)
    return Verdict(
        outcome=outcome,
        reason=reason,
        rule=experiment.rule,
        detector=experiment.detector,
        statistic=_nearest(readings.get(AS_CONFIGURED, ()), threshold),
        threshold=threshold,
        margin=_margin(readings, threshold)
        if outcome in (CONFIRMED, NOT_REPRODUCED, FIX_INEFFECTIVE)
        else None,
        share=share,
        readings={arm: [_known(reading.value) for reading in of] for arm, of in readings.items()},
        seeds=experiment.seeds,
        assumed=experiment.assumed,
        carried=experiment.carried,
        dropped=experiment.dropped,
        environment=found[0].environment if found else {},
        seconds=round(sum(result.seconds for result in found), 2),
    )


def _emulated(experiment: Experiment) -> bool:
    configured = {**experiment.arms[0].settings, **experiment.arms[0].overrides}
    return experiment.device == "cpu" and bool(configured.get("training.fp16"))


def _readings(
    experiment: Experiment, arm: Arm, detector: Detector, results: Sequence[ArmResult]
) -> list[Reading]:
    wanted = {**arm.settings, **arm.overrides}
    readings = []
    for seed in experiment.seeds:
        runs = _runs(experiment, results, arm.name, seed)
        if isinstance(runs, Reading):
            readings.append(runs)
            continue
        reference = _runs(experiment, results, HEALTHY, seed)
        healthy = runs if isinstance(reference, Reading) else reference
        readings.append(read(detector, runs, healthy, experiment.detector_args, wanted))
    return readings


def _runs(experiment: Experiment, results: Sequence[ArmResult], arm: str, seed: int) -> Runs | Reading:
    of_arm = {result.variant: result for result in results if result.arm == arm and result.seed == seed}
    # In the order of the experiment: detectors compare the first variant with the second.
    runs = {variant.name: of_arm[variant.name] for variant in experiment.variants if variant.name in of_arm}
    return runs if len(runs) == len(experiment.variants) else unclear("the worker ended before this arm ran")


def _outcome(readings: dict[str, list[Reading]]) -> tuple[str, str, float | None]:
    control = readings.get(HEALTHY, [])
    for arm in (HEALTHY, AS_CONFIGURED, AS_FIXED):
        for reading in readings.get(arm, ()):
            if reading.shows is None:
                return COULD_NOT_RUN, f"{NAMES[arm]}: {reading.reason}", None
    if any(reading.shows for reading in control):
        return COULD_NOT_RUN, "control shows it", _share(control)
    configured = _share(readings[AS_CONFIGURED])
    if configured == 0.0:
        return NOT_REPRODUCED, "the symptom did not appear as configured", None
    if configured < 1.0:
        return UNSTABLE, "the symptom appeared as configured for some seeds only", configured
    fixed = _share(readings.get(AS_FIXED, []))
    if fixed == 0.0:
        return CONFIRMED, "", None
    if fixed == 1.0:
        return FIX_INEFFECTIVE, "the symptom appeared with the fix, too", None
    return UNSTABLE, "the fix helped for some seeds only", fixed


def _share(readings: Sequence[Reading]) -> float:
    return sum(bool(reading.shows) for reading in readings) / len(readings) if readings else 0.0


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _distance(value: float, threshold: float) -> float:
    """How many times a positive value is away from the threshold; for a scale, on its own side."""
    if value <= 0.0:
        return math.inf
    factor = max(value, 1.0 / value) if threshold > 1.0 else value
    return max(factor / threshold, threshold / factor)


def _nearest(readings: Sequence[Reading], threshold: float | None) -> float | None:
    values = [reading.value for reading in readings if not math.isnan(reading.value)]
    if not values:
        return None
    if threshold is None:
        return values[0]
    return min(values, key=lambda value: _distance(value, threshold))


def _margin(readings: dict[str, list[Reading]], threshold: float | None) -> float | None:
    if threshold is None:
        return None
    values = [reading.value for of in readings.values() for reading in of if not math.isnan(reading.value)]
    return min((_distance(value, threshold) for value in values), default=None)
