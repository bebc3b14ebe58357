"""How each symptom is provoked: the runs of an arm, the settings forced on all arms, and what the control
differs in.

The default experiment (as configured, as fixed, healthy) needs no code for a rule; these are the recipes
behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cfglint.verify.spec import Settings, Variant

ONE = (Variant("only", {}),)
CONSTANT = {"training.lr_scheduler_type": "constant", "training.warmup_steps": 0}
# Plain SGD without clipping shows a gradient's scale; AdamW divides it away.
PLAIN_SGD = {
    **CONSTANT,
    "training.optim": "sgd",
    "training.max_grad_norm": 0.0,
    "training.weight_decay": 0.0,
    "training.learning_rate": 0.01,
}
FLOAT32 = {"training.fp16": False, "training.bf16": False}
ACCUMULATED = (
    Variant(
        "accumulated", {"training.per_device_train_batch_size": 1, "training.gradient_accumulation_steps": 4}
    ),
    Variant("whole", {"training.per_device_train_batch_size": 4, "training.gradient_accumulation_steps": 1}),
)
DEFAULT_LEARNING_RATE = 5e-5


class Probe(NamedTuple):
    """A recipe. `control` says what the healthy arm is made of: `minimal` (a plain run of the same model),
    `fixed` (the settings as fixed, or as they are where there is no fix, with `control_settings`),
    `fixed_or_minimal` (minimal where there is no fix), `unprovoked` (as they are, without the
    activation profile) or `other_model` (as configured on an architecture without the finding's
    peculiarity)."""

    steps: int
    variants: tuple[Variant, ...] = ONE
    overrides: Settings = CONSTANT
    workload: Settings = {}
    control: str = "minimal"
    control_settings: Settings = {}
    control_workload: Settings = {}
    control_keeps: tuple[str, ...] = ()
    trainer: str | None = None
    needs_activations: bool = False
    only_overflow: bool = False
    needs_weights: bool = False


def _inspect(*kinds: str, **workload: Any) -> dict[str, Any]:
    return {"inspect": list(kinds), **workload}


FULL_PRECISION = {
    "model.dtype": "float32",
    "quantization.load_in_4bit": False,
    "quantization.load_in_8bit": False,
}

PROBES: Mapping[str, Probe] = {
    "nonfinite_loss": Probe(8, control="unprovoked", needs_activations=True, only_overflow=True),
    "nonfinite_gradient": Probe(8, control="unprovoked", needs_activations=True, only_overflow=True),
    "zero_loss": Probe(8, control="unprovoked", needs_activations=True, only_overflow=True),
    "same_losses": Probe(4, control="unprovoked", needs_activations=True),
    "loss_scaled": Probe(1, ACCUMULATED, {**PLAIN_SGD, **FLOAT32}, control="other_model"),
    "lost_updates": Probe(
        6, control="fixed", control_settings={**FULL_PRECISION, "lora.autocast_adapter_dtype": True}
    ),
    "nothing_moved": Probe(3),
    "update_explosion": Probe(8, control="fixed_or_minimal", control_settings={**FULL_PRECISION, **FLOAT32}),
    "gradient_explosion": Probe(1, control="fixed_or_minimal", control_workload={"new_rows_start": "mean"}),
    "exception_at_start": Probe(2),
    "exception_later": Probe(3),
    "nothing_supervised": Probe(0, workload=_inspect("first_batch")),
    "ends_unsupervised": Probe(
        0,
        workload=_inspect("first_batch", data="ended", collator="language_modeling"),
        control_workload={"pad_is_eos": False},
    ),
    "packing_leak": Probe(
        0,
        overrides={"data.packing": True, "data.max_length": 24},
        workload=_inspect("packing_leak", document=12),
        control="fixed",
        control_settings={"data.packing_strategy": "bfd"},
        trainer="sft",
    ),
    "clipping_ignored": Probe(
        3,
        overrides={**CONSTANT, "training.optim": "sgd", "training.max_grad_norm": 0.01},
        control_keeps=("training.max_grad_norm",),
    ),
    "broken_tying": Probe(
        3, overrides={**CONSTANT, "training.learning_rate": 0.01}, workload=_inspect("tying")
    ),
    "empty_adapter": Probe(
        3, workload=_inspect("saved_adapter"), control_workload={"state_dict_snippet": False}
    ),
    "wrong_merge": Probe(
        4, overrides={**CONSTANT, "training.learning_rate": 0.01}, workload=_inspect("merged")
    ),
    "targets_missing": Probe(0, workload=_inspect("targets")),
    "wrong_layers": Probe(0, workload=_inspect("adapted_layers")),
    "noisy_start": Probe(0, workload=_inspect("adapter_start")),
    "rows_frozen": Probe(
        0,
        workload=_inspect("new_rows", new_rows=4),
        control_settings={"lora.modules_to_save": ["embed_tokens", "lm_head"]},
    ),
    "low_precision_adapter": Probe(0, control="fixed", control_settings=FULL_PRECISION),
    "other_learning_rates": Probe(8, overrides={"training.warmup_steps": 2}, control="fixed"),
    "divergence": Probe(12, needs_weights=True),
}

# The detector for a symptom where the rule names none.
BY_SYMPTOM = {
    "loss_nan": "nonfinite_loss",
    "grad_nan": "nonfinite_gradient",
    "loss_zero": "zero_loss",
    "lr_no_effect": "same_losses",
    "loss_scaled": "loss_scaled",
    "crash_at_start": "exception_at_start",
    "crash_later": "exception_later",
    "diverges": "divergence",
}
# Symptoms that a tiny random model can't show, and why.
NOT_ON_A_TINY_MODEL = {
    "oom": "memory depends on the real model's size",
    "slow": "speed depends on the real model and machine",
    "no_learning": "the rule names no detector for this symptom",
    "save_broken": "the rule names no detector for this symptom",
    "silent_wrong_output": "the rule names no detector for this symptom",
    "ignored_setting": "the rule names no detector for this symptom",
}


def two_learning_rates(settings: Settings) -> tuple[Variant, ...]:
    """The runs that tell whether the learning rate has an effect."""
    rate = float(settings.get("training.learning_rate") or DEFAULT_LEARNING_RATE)
    return (Variant("as_is", {}), Variant("times_ten", {"training.learning_rate": 10 * rate}))
