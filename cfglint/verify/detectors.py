"""Symptom detectors: what one arm's runs show, as a number and a yes or no. Shared by all rules; nothing imports torch.

Thresholds were measured on tiny models of several architectures, three seeds each: a healthy arm stays on one side by
the factor that stands beside each, a broken one on the other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cfglint.verify.spec import (
    ABSENT,
    CRASHED,
    FINISHED,
    OUT_OF_MEMORY,
    RAISED,
    TIMED_OUT,
    ArmResult,
    Settings,
)

Runs = Mapping[str, ArmResult]

FLOAT16_LARGEST = 65504.0
# A gradient scaler starts at 65536 and halves at each overflow: after 17 it stands below 1 and gives up for good.
SCALER_HALVINGS = 17


class Reading(NamedTuple):
    """What one arm shows for one seed: `shows` is None where it can't be said, with the reason."""

    shows: bool | None
    value: float
    reason: str = ""


class Detector(NamedTuple):
    """A way to see one symptom. `threshold` is None where the reading is exact; `sees_exceptions` where a run that
    raised is an answer and not a failure of the experiment."""

    read: Callable[[Runs, Runs, Settings], Reading]
    statistic: str
    threshold: float | None = None
    sees_exceptions: bool = False


def unclear(reason: str) -> Reading:
    """A reading that decides nothing."""
    return Reading(None, math.nan, reason)


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


def _ratio(above: float, below: float) -> float:
    if math.isnan(above) or math.isinf(above):
        return math.inf
    return above / below if below else (math.inf if above else 1.0)


def _threshold(arguments: Settings, usual: float) -> float:
    return float(arguments.get("threshold", usual))


def _only(runs: Runs) -> ArmResult:
    return next(iter(runs.values()))


def _norm(run: ArmResult, group: str = "all") -> float:
    change = run.changes.get(group)
    return math.nan if change is None else change["norm"]


def nonfinite_loss(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of raw losses that are not finite; one is enough (the overflow of a forward pass is no warm-up)."""
    losses = [loss for run in runs.values() for loss in run.losses]
    if not losses:
        return unclear("no loss was computed")
    share = sum(not math.isfinite(loss) for loss in losses) / len(losses)
    return Reading(share > 0.0, share)


def nonfinite_gradient(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of steps with a gradient that is not finite.

    Under a gradient scaler the first steps of a healthy run overflow too, so there only a non-finite raw loss or 17
    overflows in a row count.
    """
    norms = [norm for run in runs.values() for norm in run.grad_norms]
    if not norms:
        return unclear("no gradient was computed")
    share = sum(not math.isfinite(norm) for norm in norms) / len(norms)
    if nonfinite_loss(runs, reference, arguments).shows:
        return Reading(True, share)
    if all(run.scaler is None for run in runs.values()):
        return Reading(share > 0.0, share)
    trailing = next((n for n, norm in enumerate(reversed(norms)) if math.isfinite(norm)), len(norms))
    if trailing == len(norms) < SCALER_HALVINGS:
        return unclear(f"{trailing} overflows in a row may be the scaler's warm-up: repeat with 20 steps")
    return Reading(trailing >= SCALER_HALVINGS, share)


def zero_loss(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of log entries that say 0.0 where the raw loss was something else (the log's NaN filter)."""
    logged = [entry["loss"] for run in runs.values() for entry in run.logged if "loss" in entry]
    true = [loss for run in runs.values() for loss in run.step_losses]
    pairs = list(zip(logged, true, strict=False))
    if not pairs:
        return unclear("nothing was logged")
    share = sum(seen == 0.0 and loss != 0.0 for seen, loss in pairs) / len(pairs)
    return Reading(share > 0.0, share)


def same_losses(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The largest difference between the raw losses of the first two variants: a setting without effect leaves none.

    Bitwise on a CPU. On a GPU, where a third variant repeats the first, up to ten times the repeat's own difference.
    """
    first, second, *repeat = runs.values()
    if min(len(first.losses), len(second.losses)) < 2:
        return unclear("fewer than two steps were made")
    apart = _apart(first, second)
    noise = _apart(first, repeat[0]) if repeat else 0.0
    return Reading(apart <= 10 * noise, apart)


def _apart(one: ArmResult, other: ArmResult) -> float:
    pairs = list(zip(one.losses, other.losses, strict=False)) + [(_norm(one), _norm(other))]
    differences = [0.0 if a == b or (a != a and b != b) else abs(a - b) for a, b in pairs]
    return max(math.inf if d != d else d for d in differences)


def loss_scaled(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """Loss or weight change of the first variant over the second's (one optimizer step of plain SGD, no clipping).

    Healthy: 1.000 ± 0.001; a sum taken for a mean over four or eight micro-batches: 4 or 8, or its inverse.
    """
    first, second = runs.values()
    if not first.step_losses or not second.step_losses:
        return unclear("no step was made")
    ratios = [_ratio(first.step_losses[0], second.step_losses[0]), _ratio(_norm(first), _norm(second))]
    if any(not math.isfinite(ratio) or ratio <= 0 for ratio in ratios):
        return unclear("a loss or weight change is not finite, so nothing can be said of its scale")
    farthest = max(ratios, key=lambda ratio: abs(math.log(ratio)))
    return Reading(abs(math.log(farthest)) > math.log(_threshold(arguments, 1.5)), farthest)


def lost_updates(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The healthy arm's share of weights that changed, over this arm's (bfloat16 rounds small updates away)."""
    group = str(arguments.get("group", "all"))
    share, healthy = _changed(_only(runs), group), _changed(_only(reference), group)
    if share is None or healthy is None:
        return unclear(f"no trainable weights of the kind {group}")
    if healthy <= 0.5:
        return unclear("in the healthy arm too, most weights did not change")
    ratio = _ratio(healthy, share)
    return Reading(ratio > _threshold(arguments, 1.25), ratio)


def _changed(run: ArmResult, group: str) -> float | None:
    change = run.changes.get(group)
    return None if change is None or not change["elements"] else change["changed"] / change["elements"]


def nothing_moved(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of trainable weights (of one group) that changed at all after at least two steps."""
    run, group = _only(runs), str(arguments.get("group", "all"))
    if (
        "all" not in run.changes
        and run.exception is not None
        and "does not require grad" in run.exception["message"]
    ):
        return Reading(True, 0.0, "nothing is trainable")
    if run.exception is not None:
        return unclear(f"raised {run.exception['type']}: {run.exception['message'][:200]}")
    if len(run.step_losses) < 2:
        return unclear("fewer than two steps were made")
    share = _changed(run, group)
    return Reading(not share, share or 0.0)


def update_explosion(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """This arm's weight change over the healthy arm's."""
    ratio = _ratio(_norm(_only(runs)), _norm(_only(reference)))
    return Reading(ratio > _threshold(arguments, 20.0), ratio)


def gradient_explosion(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The first gradient's norm over the healthy arm's."""
    run, healthy = _only(runs), _only(reference)
    if not run.grad_norms or not healthy.grad_norms:
        return unclear("no gradient was computed")
    ratio = _ratio(run.grad_norms[0], healthy.grad_norms[0])
    return Reading(ratio > _threshold(arguments, 20.0), ratio)


def exception_at_start(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """An exception before the first optimizer step was finished."""
    return _exception(
        runs, arguments, lambda phase, step: phase == "setup" or (phase == "train" and step == 0)
    )


def exception_later(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """An exception after the first step, or when the trained model is saved or merged."""
    return _exception(runs, arguments, lambda phase, step: phase == "inspect" or step > 0)


def _exception(runs: Runs, arguments: Settings, wanted: Callable[[str, int], bool]) -> Reading:
    raised = [run.exception for run in runs.values() if run.exception is not None]
    fitting = [error for error in raised if wanted(error["phase"], error["step"])]
    pattern = str(arguments.get("pattern", ""))
    told = [f"{error['type']}: {error['message']}" for error in fitting]
    if not pattern and any(error["type"] in ("ImportError", "ModuleNotFoundError") for error in fitting):
        return unclear(f"something is missing in the environment: {told[0][:200]}")
    if fitting and not any(re.search(pattern, text) for text in told):
        return unclear(f"another exception than the expected one: {told[0][:200]}")
    return Reading(bool(fitting), float(len(fitting)), told[0][:200] if told else "")


def nothing_supervised(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many tokens of the first batch carry a label."""
    counts = _only(runs).measures.get("supervised")
    if counts is None:
        return unclear("the first batch could not be read")
    return Reading(sum(counts) == 0, float(sum(counts)))


def ends_unsupervised(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many of the first batch's end-of-text tokens carry a label."""
    ends, supervised = _only(runs).measures.get("ends", (0, 0))
    if not ends:
        return unclear("the first batch holds no end-of-text token")
    return Reading(supervised == 0, float(supervised))


def packing_leak(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far the second packed document's hidden states move when the first is changed (0 exactly when kept apart)."""
    measures = _only(runs).measures
    if measures.get("own_change", 0.0) <= 1e-3:
        return unclear("changing the first document changed nothing in it")
    return Reading(measures["leak"] > _threshold(arguments, 1e-6), measures["leak"])


def clipping_ignored(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The gradient norm that reached the optimizer, over the limit that was set."""
    run, limit = _only(runs), float(arguments["max_grad_norm"])
    if not run.applied_norms:
        return unclear("the optimizer made no step")
    before = max(run.grad_norms, default=0.0)
    if max(before, *run.applied_norms) <= limit:
        return unclear("no gradient exceeded the limit")
    ratio = max(run.applied_norms) / limit
    return Reading(ratio > _threshold(arguments, 1.5), ratio)


def broken_tying(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far apart input and output embeddings are that the architecture ties."""
    measures = _only(runs).measures
    if not measures.get("should_tie"):
        return unclear("this model does not tie its embeddings")
    apart = float(measures["tied_difference"])
    return Reading(not measures["one_tensor"] and apart > 0.0, apart)


def empty_adapter(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many trained adapter matrices stand in the saved file."""
    measures = _only(runs).measures
    if not measures.get("trained_nonzero"):
        return unclear("the adapter learnt nothing that could have been saved")
    return Reading(measures["saved_nonzero"] == 0, float(measures["saved_nonzero"]))


def wrong_merge(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far the merged model's logits are from the adapter's, relative to the largest logit."""
    measures = _only(runs).measures
    if "merge_difference" not in measures:
        return unclear("nothing was merged")
    apart = max(float(measures["merge_difference"]), float(measures["reload_difference"]))
    return Reading(apart > _threshold(arguments, 0.05), apart)


def targets_missing(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many names of the adapter's target list match no module."""
    hits = _only(runs).measures.get("targets")
    if not hits:
        return unclear("the adapter names no targets")
    missing = [name for name, count in hits.items() if not count]
    return Reading(bool(missing), float(len(missing)), ", ".join(missing))


def rows_frozen(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many of the rows added to the vocabulary can be trained."""
    measures = _only(runs).measures
    if not measures.get("new_rows"):
        return unclear("no rows were added")
    return Reading(measures["new_rows_trainable"] == 0, float(measures["new_rows_trainable"]))


def low_precision_adapter(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """Whether trainable weights are held in 16 bits."""
    kinds = _only(runs).dtypes.get(str(arguments.get("group", "trainable")), ())
    if not kinds:
        return unclear("nothing is trainable")
    low = [kind for kind in kinds if kind in ("bfloat16", "float16")]
    return Reading(bool(low), float(len(low)), ", ".join(low))


def divergence(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The last steps' mean loss over the first's."""
    losses = _only(runs).step_losses
    if len(losses) < 4:
        return unclear("fewer than four steps were made")
    ratio = _ratio(sum(losses[-2:]) / 2, losses[0])
    return Reading(ratio > _threshold(arguments, 2.0), ratio)


DETECTORS: dict[str, Detector] = {
    "nonfinite_loss": Detector(nonfinite_loss, "share of raw losses that are not finite"),
    "nonfinite_gradient": Detector(nonfinite_gradient, "share of steps whose gradient is not finite"),
    "zero_loss": Detector(zero_loss, "share of log entries that say 0.0 and are not"),
    "same_losses": Detector(same_losses, "largest difference between raw losses of both variants"),
    "loss_scaled": Detector(loss_scaled, "loss or weight change, as a ratio of both variants", 1.5),
    "lost_updates": Detector(lost_updates, "share of weights that changed, healthy over this", 1.25),
    "nothing_moved": Detector(nothing_moved, "share of trainable weights that changed", sees_exceptions=True),
    "update_explosion": Detector(update_explosion, "weight change over the healthy arm's", 20.0),
    "gradient_explosion": Detector(gradient_explosion, "first gradient norm over the healthy arm's", 20.0),
    "exception_at_start": Detector(
        exception_at_start, "exceptions before the first step", sees_exceptions=True
    ),
    "exception_later": Detector(exception_later, "exceptions after the first step", sees_exceptions=True),
    "nothing_supervised": Detector(nothing_supervised, "labelled tokens in the first batch"),
    "ends_unsupervised": Detector(ends_unsupervised, "labelled end-of-text tokens in the first batch"),
    "packing_leak": Detector(packing_leak, "change of the second document's hidden states", 1e-6),
    "clipping_ignored": Detector(clipping_ignored, "applied gradient norm over the limit", 1.5),
    "broken_tying": Detector(broken_tying, "difference of input and output embeddings"),
    "empty_adapter": Detector(empty_adapter, "trained matrices in the saved adapter"),
    "wrong_merge": Detector(wrong_merge, "difference of merged and adapter logits, relative", 0.05),
    "targets_missing": Detector(targets_missing, "target names that match nothing"),
    "rows_frozen": Detector(rows_frozen, "new vocabulary rows that can be trained"),
    "low_precision_adapter": Detector(low_precision_adapter, "16-bit dtypes among trainable weights"),
    "divergence": Detector(divergence, "last losses over the first", 2.0),
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
