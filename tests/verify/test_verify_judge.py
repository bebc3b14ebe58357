"""What readings mean, without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cfglint.verify.detectors import DETECTORS, read
from cfglint.verify.judge import judge
from cfglint.verify.probes import BY_SYMPTOM, PROBES
from cfglint.verify.spec import (
    AS_CONFIGURED,
    AS_FIXED,
    HEALTHY,
    Arm,
    ArmResult,
    Experiment,
    Variant,
    experiment_from_json,
    experiment_to_json,
    verdict_from_json,
    verdict_to_json,
)
from cfglint.verify.verify import other_releases

NAN = float("nan")


def change(changed: int, elements: int = 100, norm: float = 1.0) -> dict[str, Any]:
    return {"all": {"elements": elements, "changed": changed, "norm": norm, "nonfinite": 0}}


def result(**fields: Any) -> ArmResult:
    usual: dict[str, Any] = {"arm": AS_CONFIGURED, "variant": "only", "seed": 0, "status": "finished"}
    return ArmResult(**{**usual, **fields})


def experiment(
    detector: str = "nonfinite_loss",
    arms: Sequence[str] = (AS_CONFIGURED, AS_FIXED, HEALTHY),
    seeds: Sequence[int] = (0, 1, 2),
    variants: Sequence[str] = ("only",),
    settings: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Experiment:
    return Experiment(
        rule="some-rule",
        symptom="loss_nan",
        detector=detector,
        detector_args=arguments or {},
        arms=[Arm(name, settings or {}, {}, {}) for name in arms],
        variants=[Variant(name, {}) for name in variants],
        model="llama",
        trainer="trainer",
        steps=4,
        seeds=seeds,
        device="cpu",
        timeout_s=60.0,
        memory_mb=1000,
        carried=[],
        dropped=[],
        assumed=[],
    )


def losses(shown: Mapping[str, Sequence[bool]]) -> list[ArmResult]:
    return [
        result(arm=arm, seed=seed, losses=[5.0, NAN if nan else 5.0])
        for arm, of_seeds in shown.items()
        for seed, nan in enumerate(of_seeds)
    ]


@pytest.mark.parametrize(
    ("configured", "fixed", "healthy", "outcome", "reason"),
    [
        ([1, 1, 1], [0, 0, 0], [0, 0, 0], "confirmed", ""),
        ([0, 0, 0], [0, 0, 0], [0, 0, 0], "not_reproduced", "did not appear"),
        ([1, 1, 1], [1, 1, 1], [0, 0, 0], "fix_ineffective", "with the fix, too"),
        ([1, 0, 1], [0, 0, 0], [0, 0, 0], "unstable", "for some seeds only"),
        ([1, 1, 1], [0, 1, 0], [0, 0, 0], "unstable", "helped for some seeds only"),
        ([1, 1, 1], [0, 0, 0], [0, 0, 1], "could_not_run", "control shows it"),
        ([0, 0, 0], [0, 0, 0], [1, 1, 1], "could_not_run", "control shows it"),
        ([1, 1, 1], [1, 1, 1], [1, 1, 1], "could_not_run", "control shows it"),
    ],
)
def test_the_verdict_table(
    configured: list[int], fixed: list[int], healthy: list[int], outcome: str, reason: str
) -> None:
    shown = {AS_CONFIGURED: configured, AS_FIXED: fixed, HEALTHY: healthy}
    verdict = judge(experiment(), losses({arm: [bool(x) for x in of] for arm, of in shown.items()}))
    assert verdict.outcome == outcome
    assert reason in verdict.reason


def test_unstable_tells_the_share() -> None:
    shown = {AS_CONFIGURED: [True, False, True], AS_FIXED: [False] * 3, HEALTHY: [False] * 3}
    assert judge(experiment(), losses(shown)).share == pytest.approx(2 / 3)


def test_without_a_fix_to_apply_the_finding_can_still_be_confirmed() -> None:
    shown = {AS_CONFIGURED: [True] * 3, HEALTHY: [False] * 3}
    verdict = judge(experiment(arms=(AS_CONFIGURED, HEALTHY)), losses(shown))
    assert (verdict.outcome, verdict.reason) == ("confirmed", "no fix was tried beside it")


@pytest.mark.parametrize("arm", [AS_CONFIGURED, AS_FIXED, HEALTHY])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"status": "timed_out", "reason": "no result within 5 s"}, "no result within 5 s"),
        ({"status": "crashed", "reason": "the process was ended by signal 11"}, "signal 11"),
        ({"status": "absent", "reason": "peft is not installed"}, "peft is not installed"),
        ({"status": "out_of_memory"}, "ran out of the memory"),
        (
            {
                "status": "raised",
                "exception": {
                    "type": "KeyError",
                    "message": "x",
                    "phase": "train",
                    "step": 1,
                    "traceback": "",
                },
            },
            "raised KeyError: x",
        ),
    ],
)
def test_an_arm_that_failed_is_no_experiment(arm: str, broken: dict[str, Any], reason: str) -> None:
    shown = {AS_CONFIGURED: [True] * 3, AS_FIXED: [False] * 3, HEALTHY: [False] * 3}
    results = [r._replace(**broken) if r.arm == arm and r.seed == 1 else r for r in losses(shown)]
    verdict = judge(experiment(), results)
    assert verdict.outcome == "could_not_run"
    assert reason in verdict.reason


def test_an_arm_that_never_ran_is_no_experiment() -> None:
    shown = {AS_CONFIGURED: [True] * 3, AS_FIXED: [False] * 3, HEALTHY: [False] * 2}
    assert "ended before this arm ran" in judge(experiment(), losses(shown)).reason


def test_float16_that_was_not_float16_refutes_nothing() -> None:
    shown = {AS_CONFIGURED: [False], AS_FIXED: [False], HEALTHY: [False]}
    results = [r._replace(dtypes={"linear": ["float32"]}) for r in losses(shown)]
    verdict = judge(experiment(seeds=(0,), settings={"training.fp16": True}), results)
    assert verdict.outcome == "could_not_run"
    assert "asked for float16 and trained in float32" in verdict.reason


def test_activations_that_fit_refute_nothing() -> None:
    shown = {AS_CONFIGURED: [False], AS_FIXED: [False], HEALTHY: [False]}
    results = [r._replace(measures={"activation_peak": 6e4}) for r in losses(shown)]
    assert "which float16 can hold" in judge(experiment(seeds=(0,)), results).reason


def reading(detector: str, run: ArmResult, healthy: ArmResult | None = None, **arguments: Any) -> Any:
    runs, reference = {"only": run}, {"only": healthy or run}
    return read(DETECTORS[detector], runs, reference, arguments, {})


def two(detector: str, first: ArmResult, second: ArmResult, *more: ArmResult) -> Any:
    runs = {str(number): run for number, run in enumerate((first, second, *more))}
    return read(DETECTORS[detector], runs, runs, {}, {})


def test_a_gradient_scalers_warm_up_is_no_symptom() -> None:
    warming = result(losses=[5.0] * 8, grad_norms=[NAN] * 3 + [1.0] * 5, scaler={"scales": [], "skipped": 3})
    assert reading("nonfinite_gradient", warming).shows is False
    assert reading("nonfinite_gradient", warming._replace(scaler=None)).shows is True
    assert reading("nonfinite_gradient", warming._replace(grad_norms=[NAN] * 8)).shows is None
    assert reading("nonfinite_gradient", warming._replace(grad_norms=[NAN] * 18)).shows is True
    assert reading("nonfinite_gradient", warming._replace(losses=[NAN] * 8)).shows is True


def test_a_filtered_log_is_told_from_a_loss_that_is_zero() -> None:
    assert reading("zero_loss", result(step_losses=[NAN], logged=[{"loss": 0.0}])).shows is True
    assert reading("zero_loss", result(step_losses=[0.0], logged=[{"loss": 0.0}])).shows is False


def test_a_learning_rate_without_effect_is_bitwise_equal() -> None:
    still = result(losses=[5.0, 4.9], changes=change(0, norm=0.0))
    assert two("same_losses", still, still).shows is True
    assert two("same_losses", still, still._replace(losses=[5.0, 4.9000001])).shows is False
    assert two("same_losses", still, still._replace(changes=change(100, norm=0.1))).shows is False
    lost = still._replace(losses=[NAN, NAN])
    assert two("same_losses", lost, lost).shows is True
    assert two("same_losses", lost, still).shows is False
    assert two("same_losses", still._replace(losses=[5.0]), still).shows is None


def test_on_a_gpu_equal_means_within_the_repeats_noise() -> None:
    first, repeat = result(losses=[5.0, 4.90]), result(losses=[5.0, 4.91])
    assert two("same_losses", first, first._replace(losses=[5.0, 4.95]), repeat).shows is True
    assert two("same_losses", first, first._replace(losses=[5.0, 5.10]), repeat).shows is False


@pytest.mark.parametrize(
    ("loss", "norm", "shows"),
    [(1, 1, False), (8, 8, True), (1, 8, True), (1, 0.125, True), (1.4, 0.7, False)],
)
def test_a_factor_is_seen_in_the_loss_or_in_the_weights(loss: float, norm: float, shows: bool) -> None:
    accumulated = result(step_losses=[5.0 * loss], changes=change(100, norm=norm))
    assert two("loss_scaled", accumulated, result(step_losses=[5.0], changes=change(100))).shows is shows


@pytest.mark.parametrize("loss", [NAN, math.inf, 0.0])
def test_nothing_is_said_of_the_scale_of_what_is_not_finite(loss: float) -> None:
    broken = result(step_losses=[loss], changes=change(100))
    assert two("loss_scaled", broken, result(step_losses=[5.0], changes=change(100))).shows is None


def test_updates_that_round_away_are_seen_beside_a_healthy_arm() -> None:
    healthy = result(changes=change(98))
    assert reading("lost_updates", result(changes=change(15)), healthy).shows is True
    assert reading("lost_updates", result(changes=change(62)), healthy).value == pytest.approx(0.36)
    assert reading("lost_updates", result(changes=change(95)), healthy).shows is False
    assert reading("lost_updates", result(changes=change(100)), healthy).value == 0.0
    assert reading("lost_updates", result(changes=change(15)), result(changes=change(40))).shows is None


def test_weights_that_do_not_move_need_two_steps_to_be_seen() -> None:
    assert reading("nothing_moved", result(step_losses=[1, 1], changes=change(0))).shows is True
    assert reading("nothing_moved", result(step_losses=[1, 1], changes=change(1))).shows is False
    assert reading("nothing_moved", result(step_losses=[1], changes=change(0))).shows is None


def raised(kind: str, message: str, phase: str, step: int) -> ArmResult:
    error = {"type": kind, "message": message, "phase": phase, "step": step, "traceback": ""}
    return result(status="raised", exception=error)


def test_exceptions_are_told_apart_by_when_and_what() -> None:
    early, late = raised("ValueError", "no", "setup", 0), raised("ValueError", "no", "train", 3)
    assert reading("exception_at_start", early).shows is True
    assert reading("exception_at_start", late).shows is False
    assert reading("exception_later", late).shows is True
    assert reading("exception_at_start", early, pattern="yes").shows is None
    assert reading("exception_at_start", raised("ImportError", "no trl", "setup", 0)).shows is None
    assert reading("exception_at_start", result()).shows is False


@pytest.mark.parametrize(
    ("detector", "broken", "healthy"),
    [
        ("nothing_supervised", {"supervised": [0, 0]}, {"supervised": [0, 4]}),
        ("ends_unsupervised", {"ends": [4, 0]}, {"ends": [4, 4]}),
        ("packing_leak", {"leak": 0.4, "own_change": 1.0}, {"leak": 0.0, "own_change": 1.0}),
        (
            "broken_tying",
            {"should_tie": True, "one_tensor": False, "tied_difference": 0.1},
            {"should_tie": True, "one_tensor": True, "tied_difference": 0.0},
        ),
        (
            "empty_adapter",
            {"trained_nonzero": 4, "saved_nonzero": 0},
            {"trained_nonzero": 4, "saved_nonzero": 4},
        ),
        (
            "wrong_merge",
            {"merge_difference": 0.0, "reload_difference": 0.9},
            {"merge_difference": 1e-6, "reload_difference": 1e-6},
        ),
        ("targets_missing", {"targets": {"q_proj": 2, "W_pack": 0}}, {"targets": {"q_proj": 2}}),
        ("rows_frozen", {"new_rows": 4, "new_rows_trainable": 0}, {"new_rows": 4, "new_rows_trainable": 4}),
    ],
)
def test_what_inspections_measured(detector: str, broken: dict[str, Any], healthy: dict[str, Any]) -> None:
    assert reading(detector, result(measures=broken)).shows is True
    assert reading(detector, result(measures=healthy)).shows is False
    assert reading(detector, result(measures={})).shows is None


def test_clipping_that_did_not_happen() -> None:
    clipped = result(grad_norms=[2.0], applied_norms=[0.01])
    assert reading("clipping_ignored", clipped, max_grad_norm=0.01).shows is False
    assert (
        reading("clipping_ignored", clipped._replace(applied_norms=[2.0]), max_grad_norm=0.01).shows is True
    )
    small = result(grad_norms=[0.001], applied_norms=[0.001])
    assert reading("clipping_ignored", small, max_grad_norm=0.01).shows is None


def test_the_margin_is_that_of_the_nearest_arm() -> None:
    arms = {AS_CONFIGURED: 8.0, AS_FIXED: 1.0, HEALTHY: 1.1}
    results = [
        result(
            arm=arm, variant=variant, step_losses=[5.0 * (factor if variant == "a" else 1)], changes=change(9)
        )
        for arm, factor in arms.items()
        for variant in ("a", "b")
    ]
    verdict = judge(experiment("loss_scaled", variants=("a", "b"), seeds=(0,)), results)
    assert verdict.outcome == "confirmed"
    assert verdict.statistic == pytest.approx(8.0)
    assert verdict.margin == pytest.approx(1.5 / 1.1)


def test_experiments_and_verdicts_survive_json() -> None:
    planned = experiment()
    assert experiment_from_json(json.loads(json.dumps(experiment_to_json(planned)))) == planned
    shown = {AS_CONFIGURED: [True] * 3, AS_FIXED: [False] * 3, HEALTHY: [False] * 3}
    verdict = judge(planned, losses(shown))._replace(statistic=math.inf)
    text = json.dumps(verdict_to_json(verdict), allow_nan=False)
    assert verdict_from_json(json.loads(text)).statistic == math.inf


def test_every_detector_has_a_probe_and_every_symptom_a_detector() -> None:
    assert set(PROBES) == set(DETECTORS)
    assert set(BY_SYMPTOM.values()) <= set(DETECTORS)


@pytest.mark.parametrize(
    ("wanted", "installed", "other"),
    [
        ("4.51.3", "4.57.6", True),
        ("4.57.6", "4.57.6", False),
        ("4.51.3 or 4.57.6", "4.57.6", False),
        (">=4.50,<4.57", "4.57.6", True),
        (">=4.50", "4.57.6", False),
        ("not pinned", "4.57.6", False),
    ],
)
def test_a_finding_about_other_releases_is_left_to_a_version_experiment(
    wanted: str, installed: str, other: bool
) -> None:
    about = experiment()._replace(packages={"transformers": wanted})
    assert bool(other_releases(about, {"transformers": installed})) is other
    assert other_releases(about, {}) == ""


def test_an_exception_that_only_cuda_raises_is_not_refuted_on_a_cpu() -> None:
    arms = [result(arm=arm, seed=0) for arm in (AS_CONFIGURED, AS_FIXED, HEALTHY)]
    emulated = experiment("exception_at_start", seeds=(0,), settings={"training.fp16": True})
    verdict = judge(emulated, arms)
    assert verdict.outcome == "could_not_run"
    assert "needs CUDA" in verdict.reason
    assert judge(emulated._replace(device="cuda"), arms).outcome == "not_reproduced"
