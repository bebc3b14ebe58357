"""The contract between planner, worker and judge: experiments out, arm results back, both as JSON.

The worker shares no code with this module, since it runs in an environment that has nothing of cfglint's: it
reads and writes the JSON that these types define. Everything here is plain data; nothing imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

VERSION = 1

AS_CONFIGURED = "as_configured"
AS_FIXED = "as_fixed"
HEALTHY = "healthy"

CONFIRMED = "confirmed"
NOT_REPRODUCED = "not_reproduced"
FIX_INEFFECTIVE = "fix_ineffective"
UNSTABLE = "unstable"
COULD_NOT_RUN = "could_not_run"

# What trains an arm: the plain trainer, the trainer under DeepSpeed (one process), or the trainer in two processes.
PLAIN, DEEPSPEED, DDP = "plain", "deepspeed", "ddp"

Settings = Mapping[str, Any]


class Arm(NamedTuple):
    """One side of an experiment.

    `settings` are canonical fields as the run (or its fix) has them; `overrides` are canonical fields that
    the probe forces in every arm, so that the symptom is not hidden (plain SGD without clipping for a
    question of scale); `workload` says what the worker does besides the settings (data, activation profile,
    what is inspected after).
    """

    name: str
    settings: Settings
    overrides: Settings
    workload: Settings


class Variant(NamedTuple):
    """One of the runs that an arm consists of, by the fields in which it differs."""

    name: str
    settings: Settings


class Dropped(NamedTuple):
    """A setting of the run that the experiment does not carry, and why."""

    field: str
    reason: str


class Experiment(NamedTuple):
    """Everything that one finding's proof needs: what to train, and how to read it.

    `packages` are the releases that the finding is about, as specifiers or plain versions. `timeout_s` is
    seconds for one arm's run, `memory_mb` the memory that one may take beyond what the worker holds after
    importing torch (each process of an arm that has two). `engine` is PLAIN, DEEPSPEED or DDP.
    """

    rule: str
    symptom: str
    detector: str
    detector_args: Settings
    arms: Sequence[Arm]
    variants: Sequence[Variant]
    model: str
    trainer: str
    steps: int
    seeds: Sequence[int]
    device: str
    timeout_s: float
    memory_mb: int
    carried: Sequence[str]
    dropped: Sequence[Dropped]
    assumed: Sequence[str]
    packages: Mapping[str, str] = {}
    weights: str | None = None
    engine: str = PLAIN

    @property
    def runs(self) -> int:
        """How many tiny trainings this experiment is."""
        return len(self.arms) * len(self.variants) * len(self.seeds)


class Change(TypedDict):
    """How the weights of one group moved: `norm` is the Frobenius norm of the difference."""

    elements: int
    changed: int
    norm: float
    nonfinite: int


class Raised(TypedDict):
    """An exception of an arm: `phase` is setup, train or inspect; `step` counts finished optimizer steps."""

    type: str
    message: str
    phase: str
    step: int
    traceback: str


class Scaler(TypedDict):
    """A gradient scaler's life: its scale at the start and after each step, and how many steps it skipped."""

    scales: list[float]
    skipped: int


# How an arm's run ended. `absent` means that the environment lacks something it needs.
FINISHED, RAISED, TIMED_OUT, CRASHED, OUT_OF_MEMORY, ABSENT = (
    "finished",
    "raised",
    "timed_out",
    "crashed",
    "out_of_memory",
    "absent",
)


class ArmResult(NamedTuple):
    """What one run of one arm did: one arm, one variant, one seed.

    `losses` are raw and unrounded, one for each micro-batch, as `compute_loss` returned them; `step_losses`
    are what the trainer adds up for one optimizer step; `logged` is the trainer's own log, with its filtering
    of NaN. `step_changes` are the Frobenius norms of the trained weights' change in each optimizer step.
    """

    arm: str
    variant: str
    seed: int
    status: str
    reason: str = ""
    exception: Raised | None = None
    losses: Sequence[float] = ()
    step_losses: Sequence[float] = ()
    logged: Sequence[Mapping[str, float]] = ()
    grad_norms: Sequence[float] = ()
    applied_norms: Sequence[float] = ()
    learning_rates: Sequence[float] = ()
    step_changes: Sequence[float] = ()
    changes: Mapping[str, Change] = {}
    dtypes: Mapping[str, Sequence[str]] = {}
    scaler: Scaler | None = None
    measures: Mapping[str, Any] = {}
    ignored: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    seconds: float = 0.0
    peak_mb: float = 0.0


class Verdict(NamedTuple):
    """What the experiment says about a finding.

    `statistic` is the as-configured arm's reading nearest to the threshold over all seeds; `margin` says how
    many times the nearest reading of any arm is away from the threshold (None where the reading is exact).
    """

    outcome: str
    reason: str
    rule: str = ""
    detector: str = ""
    statistic: float | None = None
    threshold: float | None = None
    margin: float | None = None
    share: float | None = None
    readings: Mapping[str, Sequence[float | None]] = {}
    seeds: Sequence[int] = ()
    assumed: Sequence[str] = ()
    carried: Sequence[str] = ()
    dropped: Sequence[Dropped] = ()
    environment: Mapping[str, str] = {}
    repeat: str = ""
    seconds: float = 0.0
    cached: bool = False


def could_not_run(rule: str, reason: str) -> Verdict:
    """The verdict for what keeps an experiment from being one."""
    return Verdict(COULD_NOT_RUN, reason, rule)


def experiment_to_json(experiment: Experiment) -> dict[str, Any]:
    """An experiment as the worker reads it."""
    record = experiment._asdict()
    record["arms"] = [arm._asdict() for arm in experiment.arms]
    record["variants"] = [variant._asdict() for variant in experiment.variants]
    record["dropped"] = [item._asdict() for item in experiment.dropped]
    return record


def experiment_from_json(record: Mapping[str, Any]) -> Experiment:
    """The inverse of `experiment_to_json`. Raises KeyError or TypeError on a record of another shape."""
    fields = dict(record)
    fields["arms"] = [Arm(**arm) for arm in record["arms"]]
    fields["variants"] = [Variant(**variant) for variant in record["variants"]]
    fields["dropped"] = [Dropped(**item) for item in record["dropped"]]
    fields["seeds"] = tuple(record["seeds"])
    return Experiment(**fields)


def arm_result_from_json(record: Mapping[str, Any]) -> ArmResult:
    """One line of the worker's output; keys of a newer worker are left out."""
    return ArmResult(**{key: record[key] for key in ArmResult._fields if key in record})


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict for the report: strict JSON, so that what is not finite becomes a string."""
    record = verdict._asdict()
    record["dropped"] = [item._asdict() for item in verdict.dropped]
    for key in ("statistic", "threshold", "margin"):
        record[key] = _strict(record[key])
    record["readings"] = {
        arm: [_strict(value) for value in values] for arm, values in verdict.readings.items()
    }
    return record


def verdict_from_json(record: Mapping[str, Any]) -> Verdict:
    """The inverse of `verdict_to_json`. Raises KeyError or TypeError on another shape."""
    fields = dict(record)
    fields["dropped"] = [Dropped(**item) for item in record["dropped"]]
    for key in ("statistic", "threshold", "margin"):
        fields[key] = _number(fields[key])
    fields["readings"] = {
        arm: [_number(value) for value in values] for arm, values in record["readings"].items()
    }
    return Verdict(**fields)


def _strict(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)
