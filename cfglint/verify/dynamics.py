"""What losses, gradients and weight updates show. Shared by all rules; no torch.

Thresholds were measured on tiny models of several architectures, three seeds each: a healthy arm stays on one
side by the factor that stands beside each, a broken one on the other.
"""

from __future__ import annotations

import math

from cfglint.verify.readings import Reading, Runs, norm, only, ratio, threshold, unclear
from cfglint.verify.spec import ArmResult, Settings

# A gradient scaler starts at 65536 and halves at each overflow: after 17 it stands below 1 and gives up for
# good.
SCALER_HALVINGS = 17


def nonfinite_loss(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of raw losses that are not finite; one is enough (the overflow of a forward pass is no
    warm-up).
    """
    losses = [loss for run in runs.values() for loss in run.losses]
    if not losses:
        return unclear("no loss was computed")
    share = sum(not math.isfinite(loss) for loss in losses) / len(losses)
    return Reading(share > 0.0, share)


def nonfinite_gradient(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of steps with a gradient that is not finite.

    Under a gradient scaler the first steps of a healthy run overflow too, so there only a non-finite raw loss
    or 17 overflows in a row count.
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
    """The largest difference between the raw losses of the first two variants: a setting without effect
    leaves none.

    Bitwise on a CPU. On a GPU, where a third variant repeats the first, up to ten times the repeat's own
    difference.
    """
    first, second, *repeat = runs.values()
    if min(len(first.losses), len(second.losses)) < 2:
        return unclear("fewer than two steps were made")
    apart = _apart(first, second)
    noise = _apart(first, repeat[0]) if repeat else 0.0
    return Reading(apart <= 10 * noise, apart)


def _apart(one: ArmResult, other: ArmResult) -> float:
    pairs = [*zip(one.losses, other.losses, strict=False), (norm(one), norm(other))]
    differences = [0.0 if a == b or (a != a and b != b) else abs(a - b) for a, b in pairs]
    return max(math.inf if d != d else d for d in differences)


def loss_scaled(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """Loss or weight change of the first variant over the second's (one optimizer step of plain SGD, no
    clipping).

    Healthy: 1.000 ± 0.001; a sum taken for a mean over four or eight micro-batches: 4 or 8, or its inverse.
    """
    first, second = runs.values()
    if not first.step_losses or not second.step_losses:
        return unclear("no step was made")
    ratios = [ratio(first.step_losses[0], second.step_losses[0]), ratio(norm(first), norm(second))]
    if any(not math.isfinite(ratio) or ratio <= 0 for ratio in ratios):
        return unclear("a loss or weight change is not finite, so nothing can be said of its scale")
    farthest = max(ratios, key=lambda ratio: abs(math.log(ratio)))
    return Reading(abs(math.log(farthest)) > math.log(threshold(arguments, 1.5)), farthest)


def lost_updates(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of weights that did not change, beyond the healthy arm's (bfloat16 rounds their updates away).

    Healthy: 0.00 to 0.02; bfloat16 adapters at a learning rate of 2e-4: 0.38; whole models at 1e-5: 0.85.
    """
    group = str(arguments.get("group", "all"))
    share, healthy = _changed(only(runs), group), _changed(only(reference), group)
    if share is None or healthy is None:
        return unclear(f"no trainable weights of the kind {group}")
    if healthy <= 0.5:
        return unclear("in the healthy arm too, most weights did not change")
    lost = max(0.0, healthy - share)
    return Reading(lost > threshold(arguments, 0.1), lost)


def _changed(run: ArmResult, group: str) -> float | None:
    change = run.changes.get(group)
    return None if change is None or not change["elements"] else change["changed"] / change["elements"]


def nothing_moved(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The share of trainable weights (of one group) that changed at all after at least two steps."""
    run, group = only(runs), str(arguments.get("group", "all"))
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
    """This arm's weight change over the healthy arm's; of an adapter, the change of the weights that it
    adapts.
    """
    run, healthy = only(runs), only(reference)
    usual = "adapted" if "adapted" in run.changes and "adapted" in healthy.changes else "all"
    group = str(arguments.get("group", usual))
    times = ratio(norm(run, group), norm(healthy, group))
    return Reading(times > threshold(arguments, 20.0), times)


def gradient_explosion(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The first gradient's norm over the healthy arm's."""
    run, healthy = only(runs), only(reference)
    if not run.grad_norms or not healthy.grad_norms:
        return unclear("no gradient was computed")
    times = ratio(run.grad_norms[0], healthy.grad_norms[0])
    return Reading(times > threshold(arguments, 20.0), times)


def clipping_ignored(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The gradient norm that reached the optimizer, over the limit that was set."""
    run, limit = only(runs), float(arguments["max_grad_norm"])
    if not run.applied_norms:
        return unclear("the optimizer made no step")
    before = max(run.grad_norms, default=0.0)
    if max(before, *run.applied_norms) <= limit:
        return unclear("no gradient exceeded the limit")
    times = max(run.applied_norms) / limit
    return Reading(times > threshold(arguments, 1.5), times)


def divergence(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """The last steps' mean loss over the first's."""
    losses = only(runs).step_losses
    if len(losses) < 4:
        return unclear("fewer than four steps were made")
    times = ratio(sum(losses[-2:]) / 2, losses[0])
    return Reading(times > threshold(arguments, 2.0), times)


def other_learning_rates(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many times a step's learning rate is away from the healthy arm's, at the step where it is farthest."""
    pairs = list(zip(only(runs).learning_rates, only(reference).learning_rates, strict=False))
    if len(pairs) < 2:
        return unclear("fewer than two steps were made")
    farthest = max(max(ratio(here, there), ratio(there, here)) for here, there in pairs)
    return Reading(farthest > threshold(arguments, 1.5), farthest)
