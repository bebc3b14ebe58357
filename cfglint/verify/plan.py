"""From a finding to an experiment: which arms to train, on what, for how long, or why that can't be. No
torch, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cfglint.verify.carry import SCHEDULE, carry
from cfglint.verify.control import healthy_arm
from cfglint.verify.engines import carry_for, choose_engine, forced_by, goes_without_saying, read_through
from cfglint.verify.obstacles import choose_detector, obstacle
from cfglint.verify.probes import PROBES, Probe, two_learning_rates
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    Arm,
    Dropped,
    Experiment,
    Settings,
    Variant,
    Verdict,
    could_not_run,
)
from cfglint.verify.tiny import tiny_model
from cfglint.verify.trainers import stand_in, trainer_of

# Larger than what float16 holds, by enough that it overflows in every batch; near 1e5 it does so in some
# only.
ASSUMED_PEAK = 1.5e5
NEEDS_ACTIVATIONS = "needs trained weights: what overflows depends on the checkpoint's activations"
START_SECONDS = 8.0
RUN_SECONDS = 0.7
# What stands for the model's family where the user's own checkpoint is trained.
CHECKPOINT = "checkpoint"
# Nothing is trained: the experiment is whether something can be imported.
NO_TRAINER = "none"
ACCUMULATION = "training.gradient_accumulation_steps"
BATCH = "training.per_device_train_batch_size"


class Options(NamedTuple):
    """What the user may say about experiments: limits are for one arm's run."""

    seeds: int = 3
    steps: int | None = None
    timeout_s: float = 60.0
    memory_mb: int = 4096
    device: str = "cpu"
    weights: str | None = None


def plan(
    finding: Mapping[str, Any],
    settings: Settings,
    verify: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | None = None,
    other_fixes: Sequence[Mapping[str, Any]] = (),
    options: Options = Options(),  # noqa: B008  (a NamedTuple can't change)
) -> Experiment | Verdict:
    """The experiment for one finding, or the verdict that there can be none.

    `finding` is a finding of the JSON report; `settings` the run's known canonical fields, flat; `verify` the
    rule's own block: {model, steps, device, engine, processes, detector, args, settings, workload, control: {settings,
    workload, model, unset}, trainer, try_fix, not_verifiable}; `fix` and each of `other_fixes` {set: {field: value},
    unset: [field]}.
    The other findings' fixes are applied to all arms first, since one fault hides another.
    """
    block = verify or {}
    rule = str(finding["rule"])
    reads = {*finding.get("fields", ()), *(fix or {}).get("set", ()), *(fix or {}).get("unset", ())}
    reads |= read_through(reads)
    base, assumed = dict(settings), []
    for other in other_fixes:
        touched = {*other.get("set", ()), *other.get("unset", ())}
        if touched and not reads & touched:
            base = _fixed(base, other)
            assumed = ["the fixes of the run's other findings are applied"]
    symptom, detector, reason = choose_detector(finding, block, base)
    if reason:
        return could_not_run(rule, reason)
    engine, reason = choose_engine(finding, block, base, detector, options.device)
    reason = reason or obstacle(finding, base, detector, block, options.device, engine)
    model, assumption = tiny_model(base, block.get("model"), reads)
    if block.get("trainer") == NO_TRAINER:
        model, assumption = "none", ""
    elif options.weights:
        model, assumption = CHECKPOINT, ""
    if reason or not model:
        return could_not_run(rule, reason or assumption)
    probe = PROBES[detector]
    if probe.needs_weights and not options.weights:
        return could_not_run(rule, "needs trained weights: a tiny random model can't show it")
    assumed += [assumption] if assumption else []
    trainer = block.get("trainer") or probe.trainer or trainer_of(base)
    if "trainer" not in block and not probe.trainer:
        told, reason = stand_in(base, reads, trainer)
        if reason:
            return could_not_run(rule, reason)
        assumed += [told] if told else []
    carried, dropped = carry(base, reads, options.device)
    kept = reads | SCHEDULE if reads & SCHEDULE else reads
    overrides = {field: value for field, value in probe.overrides.items() if field not in kept}
    forced = {*overrides, *(field for variant in probe.variants for field in variant.settings)}
    wanted = {**base, **block.get("settings", {})}
    processes = int(block.get("processes", 1))
    of_engine, left, notes, reason = carry_for(engine, wanted, reads, forced, options.device, processes)
    if reason:
        return could_not_run(rule, reason)
    overrides = forced_by(engine, of_engine, overrides)
    carried.update(of_engine)
    assumed += notes
    known = {*of_engine, *(item.field for item in left)}
    known.update(item.field for item in dropped if goes_without_saying(item.field, base, engine))
    dropped = [*(item for item in dropped if item.field not in known), *left]
    if assumption or block.get("model"):
        # Another architecture stands in, which has its own class.
        carried.pop("model.architecture", None)
        if "lora.target_modules" in carried and "lora.target_modules" not in reads:
            carried["lora.target_modules"] = "all-linear"
    carried.update(block.get("settings", {}))
    workload, reason = _workload(probe, block, base, carried, assumed, options)
    if reason:
        return could_not_run(rule, reason)
    if processes > 1:
        workload["processes"] = processes
    arms = [Arm(AS_CONFIGURED, carried, overrides, workload)]
    if fix and (fix.get("set") or fix.get("unset")) and block.get("try_fix", True):
        arms.append(Arm(AS_FIXED, _fixed(carried, fix), overrides, {**workload, **_of_fixed_arm(block, fix)}))
    arms.append(healthy_arm(probe, block, arms, reads, model, workload, overrides, engine))
    trains = probe.steps and trainer != NO_TRAINER
    variants = tuple(Variant(name, fields) for name, fields in block.get("variants", {}).items())
    if detector == "same_losses" and not variants:
        variants = two_learning_rates(carried)
    if detector == "same_losses" and options.device != "cpu":
        # A GPU's sums are not the same twice: how far apart they come is measured by a repeat.
        variants = (*variants, Variant("repeat", variants[0].settings))
    return Experiment(
        rule=rule,
        symptom=symptom,
        detector=detector,
        detector_args=_arguments(detector, block, {**carried, **overrides}),
        arms=arms,
        variants=variants or probe.variants,
        model=model,
        trainer=trainer,
        steps=options.steps or int(block.get("steps", probe.steps)) if trains else 0,
        # An import has no chance in it.
        seeds=tuple(range(1 if trainer == NO_TRAINER else options.seeds)),
        device=options.device,
        timeout_s=options.timeout_s,
        memory_mb=options.memory_mb,
        carried=sorted(carried),
        dropped=[*dropped, *_forced(carried, overrides)],
        assumed=assumed,
        packages=dict(finding.get("packages", {})),
        weights=options.weights,
        engine=engine,
    )


def expected_seconds(experiments: Sequence[Experiment], jobs: int) -> float:
    """About how long these experiments take in one worker, start included; on a GPU, each run's own start."""
    runs = sum(experiment.runs for experiment in experiments)
    fresh = START_SECONDS if any(experiment.device != "cpu" for experiment in experiments) else 0.0
    return START_SECONDS + (fresh + RUN_SECONDS) * runs / max(1, jobs) if runs else 0.0


def _fixed(settings: Settings, fix: Mapping[str, Any]) -> dict[str, Any]:
    gone = set(fix.get("unset", ()))
    return {**{field: value for field, value in settings.items() if field not in gone}, **fix.get("set", {})}


def _of_fixed_arm(block: Mapping[str, Any], fix: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker does differently in the fixed arm: the rule's own wish, and a fix that a variant would
    undo.
    """
    found = dict(block.get("fixed_workload", {}))
    if ACCUMULATION in fix.get("set", {}):
        found["variants"] = {"accumulated": {BATCH: 4, ACCUMULATION: fix["set"][ACCUMULATION]}}
    return found


def _is_float16(settings: Settings) -> bool:
    named = [settings.get("model.dtype")]
    if settings.get("quantization.load_in_4bit"):
        named.append(settings.get("quantization.bnb_4bit_compute_dtype"))
    return bool(settings.get("training.fp16")) or any(
        str(name).endswith(("float16", "fp16")) and "bf" not in str(name) for name in named
    )


def _workload(
    probe: Probe,
    block: Mapping[str, Any],
    settings: Settings,
    carried: Settings,
    assumed: list[str],
    options: Options,
) -> tuple[dict[str, Any], str]:
    workload = {**probe.workload, **block.get("workload", {})}
    if options.weights:
        workload.pop("activation_peak", None)
        workload["inspect"] = [*workload.get("inspect", ()), "activations"]
        return workload, ""
    if probe.needs_activations and "activation_peak" not in workload:
        if _is_float16(carried) and settings.get("model.fp16_unsafe") is True:
            workload["activation_peak"] = ASSUMED_PEAK
        elif _is_float16(carried) or (probe.only_overflow and "detector" not in block):
            return {}, NEEDS_ACTIVATIONS
    if workload.get("activation_peak"):
        peak = workload["activation_peak"]
        assumed.append(f"activations peak near {peak:.3g}, as trained checkpoints of this family do")
    return workload, ""


def _arguments(detector: str, block: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    found = dict(block.get("args", {}))
    if detector == "clipping_ignored":
        found.setdefault("max_grad_norm", settings["training.max_grad_norm"])
    return found


def _forced(carried: Settings, overrides: Settings) -> list[Dropped]:
    changed = sorted(field for field in overrides if field in carried and carried[field] != overrides[field])
    return [
        Dropped(field, f"{carried[field]} replaced by {overrides[field]}: the symptom shows best so")
        for field in changed
    ]
