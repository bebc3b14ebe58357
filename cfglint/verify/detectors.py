"""The symptom detectors by name, and how an arm is read through one. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cfglint.verify import artifacts, dynamics
from cfglint.verify.readings import Reading, Runs, unclear
from cfglint.verify.spec import ABSENT, CRASHED, FINISHED, OUT_OF_MEMORY, RAISED, TIMED_OUT, Settings

FLOAT16_LARGEST = 65504.0


class Detector(NamedTuple):
    """A way to see one symptom. `threshold` is None where the reading is exact; `sees_exceptions` where a run
    that raised is an answer and not a failure of the experiment. `curve` is the arm result's field, besides
    the loss, in which the symptom is seen step by step; `compares` where an arm is read against the healthy one."""

    read: Callable[[Runs, Runs, Settings], Reading]
    statistic: str
    threshold: float | None = None
    sees_exceptions: bool = False
    curve: str = ""
    compares: bool = False


def failure(runs: Runs, detector: Detector) -> str:
    """Why these runs are no experiment, or an empty string."""
    for run in runs.values():
        if run.status == RAISED and not detector.sees_exceptions:
            assert run.exception is not None
            return f"raised {run.exception['type']}: {run.exception['message'][:200]}"
        if run.status == OUT_OF_MEMORY:
            return "ran out of the memory it was given"
        if run.status in (TIMED_OUT, CRASHED, ABSENT):
            return run.reason
    return ""


DETECTORS: dict[str, Detector] = {
    "nonfinite_loss": Detector(dynamics.nonfinite_loss, "share of raw losses that are not finite"),
    "nonfinite_gradient": Detector(
        dynamics.nonfinite_gradient, "share of steps whose gradient is not finite", curve="grad_norms"
    ),
    "zero_loss": Detector(dynamics.zero_loss, "share of log entries that say 0.0 and are not"),
    "same_losses": Detector(dynamics.same_losses, "largest difference between raw losses of both variants"),
    "loss_scaled": Detector(
        dynamics.loss_scaled, "loss or weight change, as a ratio of both variants", 1.5, curve="step_changes"
    ),
    "lost_updates": Detector(
        dynamics.lost_updates,
        "share of weights that did not change, beyond the healthy arm's",
        0.1,
        compares=True,
    ),
    "nothing_moved": Detector(
        dynamics.nothing_moved,
        "share of trainable weights that changed",
        sees_exceptions=True,
        curve="step_changes",
    ),
    "update_explosion": Detector(
        dynamics.update_explosion,
        "weight change over the healthy arm's",
        20.0,
        curve="step_changes",
        compares=True,
    ),
    "gradient_explosion": Detector(
        dynamics.gradient_explosion,
        "first gradient norm over the healthy arm's",
        20.0,
        curve="grad_norms",
        compares=True,
    ),
    "exception_at_start": Detector(
        artifacts.exception_at_start, "exceptions before the first step", sees_exceptions=True
    ),
    "exception_later": Detector(
        artifacts.exception_later, "exceptions after the first step", sees_exceptions=True
    ),
    "nothing_supervised": Detector(artifacts.nothing_supervised, "labelled tokens in the first batch"),
    "ends_unsupervised": Detector(
        artifacts.ends_unsupervised, "labelled end-of-text tokens in the first batch"
    ),
    "packing_leak": Detector(artifacts.packing_leak, "change of the second document's hidden states", 1e-6),
    "clipping_ignored": Detector(
        dynamics.clipping_ignored, "applied gradient norm over the limit", 1.5, curve="applied_norms"
    ),
    "broken_tying": Detector(artifacts.broken_tying, "difference of input and output embeddings"),
    "empty_adapter": Detector(artifacts.empty_adapter, "trained matrices in the saved adapter"),
    "wrong_merge": Detector(artifacts.wrong_merge, "difference of merged and adapter logits, relative", 0.05),
    "targets_missing": Detector(artifacts.targets_missing, "target names that match nothing"),
    "wrong_layers": Detector(artifacts.wrong_layers, "adapted modules outside the layers asked for"),
    "noisy_start": Detector(
        artifacts.noisy_start, "what an untrained adapter changes in the logits, relative", 1e-5
    ),
    "rows_frozen": Detector(artifacts.rows_frozen, "new vocabulary rows that can be trained"),
    "low_precision_adapter": Detector(
        artifacts.low_precision_adapter, "16-bit dtypes among trainable weights"
    ),
    "other_learning_rates": Detector(
        dynamics.other_learning_rates, "a step's learning rate, as a ratio to the healthy arm's", 1.5
    ),
    "divergence": Detector(dynamics.divergence, "last losses over the first", 2.0),
}


def read(detector: Detector, runs: Runs, reference: Runs, arguments: Settings, wanted: Settings) -> Reading:
    """One arm's reading for one seed; `wanted` are the settings that the arm was to have.

    Besides the detector's own answer, this refuses runs that failed, and float16 runs that were not float16.
    """
    reason = failure(runs, detector)
    if reason:
        return unclear(reason)
    if detector.sees_exceptions:
        return detector.read(runs, reference, arguments)
    reason = _not_as_wanted(runs, wanted) or failure(reference, detector)
    return unclear(reason) if reason else detector.read(runs, reference, arguments)


def _not_as_wanted(runs: Runs, wanted: Mapping[str, Any]) -> str:
    for run in runs.values():
        linear = run.dtypes.get("linear", ())
        if wanted.get("training.fp16") and run.status == FINISHED and run.losses and "float16" not in linear:
            return f"asked for float16 and trained in {', '.join(linear) or 'nothing'}"
        peak = run.measures.get("activation_peak")
        if peak is not None and peak <= FLOAT16_LARGEST:
            return f"activations could only be raised to {peak:.3g}, which float16 can hold"
    return ""
