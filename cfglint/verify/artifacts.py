"""What exceptions, batches, packed documents and saved models show. Shared by all rules; no torch."""

from __future__ import annotations

import re
from collections.abc import Callable

from cfglint.verify.readings import Reading, Runs, only, threshold, unclear
from cfglint.verify.spec import Settings


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
    counts = only(runs).measures.get("supervised")
    if counts is None:
        return unclear("the first batch could not be read")
    return Reading(sum(counts) == 0, float(sum(counts)))


def ends_unsupervised(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many of the first batch's end-of-text tokens carry a label."""
    ends, supervised = only(runs).measures.get("ends", (0, 0))
    if not ends:
        return unclear("the first batch holds no end-of-text token")
    return Reading(supervised == 0, float(supervised))


def packing_leak(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far the second packed document's hidden states move when the first is changed (0 exactly when kept
    apart).
    """
    measures = only(runs).measures
    if measures.get("own_change", 0.0) <= 1e-3:
        return unclear("changing the first document changed nothing in it")
    return Reading(measures["leak"] > threshold(arguments, 1e-6), measures["leak"])


def broken_tying(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far apart input and output embeddings are that the architecture ties."""
    measures = only(runs).measures
    if not measures.get("should_tie"):
        return unclear("this model does not tie its embeddings")
    apart = float(measures["tied_difference"])
    return Reading(not measures["one_tensor"] and apart > 0.0, apart)


def empty_adapter(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many trained adapter matrices stand in the saved file."""
    measures = only(runs).measures
    if not measures.get("trained_nonzero"):
        return unclear("the adapter learnt nothing that could have been saved")
    return Reading(measures["saved_nonzero"] == 0, float(measures["saved_nonzero"]))


def wrong_merge(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far the merged model's logits are from the adapter's, relative to the largest logit.

    Healthy: 1e-7 in float32, up to 0.021 in bfloat16; an adapter merged into a quantized base: from 0.076 on.
    """
    measures = only(runs).measures
    if "merge_difference" not in measures:
        return unclear("nothing was merged")
    apart = max(float(measures["merge_difference"]), float(measures["reload_difference"]))
    return Reading(apart > threshold(arguments, 0.05), apart)


def targets_missing(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many names of the adapter's target list match no module."""
    hits = only(runs).measures.get("targets")
    if not hits:
        return unclear("the adapter names no targets")
    missing = [name for name, count in hits.items() if not count]
    return Reading(bool(missing), float(len(missing)), ", ".join(missing))


def wrong_layers(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many modules are adapted outside the layers that the adapter was to have."""
    measures = only(runs).measures
    if "adapted_outside" not in measures:
        return unclear("nothing is adapted")
    return Reading(measures["adapted_outside"] > 0, float(measures["adapted_outside"]))


def noisy_start(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How far an untrained adapter, which should change nothing, moves the logits, relative to the largest."""
    apart = only(runs).measures.get("start_difference")
    if apart is None:
        return unclear("no adapter was made")
    return Reading(apart > threshold(arguments, 1e-5), float(apart))


def rows_frozen(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """How many of the rows added to the vocabulary can be trained."""
    measures = only(runs).measures
    if not measures.get("new_rows"):
        return unclear("no rows were added")
    return Reading(measures["new_rows_trainable"] == 0, float(measures["new_rows_trainable"]))


def low_precision_adapter(runs: Runs, reference: Runs, arguments: Settings) -> Reading:
    """Whether trainable weights are held in 16 bits."""
    kinds = only(runs).dtypes.get(str(arguments.get("group", "trainable")), ())
    if not kinds:
        return unclear("nothing is trainable")
    low = [kind for kind in kinds if kind in ("bfloat16", "float16")]
    return Reading(bool(low), float(len(low)), ", ".join(low))
