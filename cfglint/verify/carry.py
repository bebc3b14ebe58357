"""Which of a run's settings an experiment carries: an allow-list, and why the rest stays behind. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cfglint.verify.spec import Dropped

SCHEDULE = frozenset(
    "training." + name
    for name in (
        "lr_scheduler_type",
        "lr_scheduler_kwargs",
        "warmup_ratio",
        "warmup_steps",
        "num_train_epochs",
        "max_steps",
    )
)
ALLOWED = (
    frozenset(
        "training." + name
        for name in [
            "adafactor",
            "adam_beta1",
            "adam_beta2",
            "adam_epsilon",
            "average_tokens_across_devices",
            "bf16",
            "fp16",
            "gradient_accumulation_steps",
            "gradient_checkpointing",
            "gradient_checkpointing_kwargs",
            "gradient_checkpointing_kwargs.use_reentrant",
            "label_smoothing_factor",
            "learning_rate",
            "logging_nan_inf_filter",
            "loss_type",
            "max_grad_norm",
            "neftune_noise_alpha",
            "optim",
            "optim_args",
            "optim_target_modules",
            "per_device_train_batch_size",
            "weight_decay",
        ]
    )
    | frozenset(
        "lora." + name
        for name in [
            "r",
            "lora_alpha",
            "lora_dropout",
            "target_modules",
            "exclude_modules",
            "modules_to_save",
            "bias",
            "use_rslora",
            "use_dora",
            "init_lora_weights",
            "task_type",
            "rank_pattern",
            "alpha_pattern",
            "fan_in_fan_out",
            "target_parameters",
            "trainable_token_indices",
            "ensure_weight_tying",
            "inference_mode",
            "autocast_adapter_dtype",
        ]
    )
    | frozenset(
        "quantization." + name
        for name in [
            "load_in_4bit",
            "load_in_8bit",
            "bnb_4bit_compute_dtype",
            "bnb_4bit_quant_type",
            "bnb_4bit_use_double_quant",
            "bnb_4bit_quant_storage",
            "llm_int8_threshold",
        ]
    )
    | frozenset(
        "data." + name
        for name in [
            "packing",
            "packing_strategy",
            "padding_free",
            "max_length",
            "completion_only_loss",
            "assistant_only_loss",
        ]
    )
    | frozenset(
        "preference." + name
        for name in [
            "beta",
            "loss_type",
            "label_smoothing",
            "reference_free",
            "precompute_ref_log_probs",
            "truncation_mode",
            "rpo_alpha",
        ]
    )
    | frozenset(("model.dtype", "model.attn_implementation", "model.architecture", "model.tied_embeddings"))
)
# Sizes are cut to these unless the rule reads them: (field, largest).
LARGEST = {
    "training.per_device_train_batch_size": 4,
    "training.gradient_accumulation_steps": 1,
    "data.max_length": 64,
    "lora.r": 64,
}
# The same setting as other tools spell it for a trainer that is driven by its own arguments.
SPELLINGS = {
    "deepspeed.fp16.enabled": "training.fp16",
    "deepspeed.bf16.enabled": "training.bf16",
    "model.load_in_fp16": "training.fp16",
}
# Arguments of a trainer that reach into the user's world, or into another process: never carried.
WORLD = frozenset(
    "training." + name
    for name in [
        "output_dir",
        "overwrite_output_dir",
        "logging_dir",
        "report_to",
        "run_name",
        "resume_from_checkpoint",
        "push_to_hub",
        "deepspeed",
        "fsdp",
        "fsdp_config",
        "accelerator_config",
        "parallelism_config",
        "local_rank",
        "ddp_backend",
        "use_cpu",
        "no_cuda",
        "max_steps",
        "num_train_epochs",
        "seed",
        "data_seed",
        "torch_compile",
        "use_liger_kernel",
    ]
)
# Tools that put an adapter on all linear layers where nothing is said; PEFT itself refuses families it does not know.
ADAPT_ALL_LINEAR = ("llamafactory", "ms-swift", "unsloth")
# Settings of the processes that load data, which mean nothing, or raise, without them.
LOADER = "training.dataloader_"
NO_ADAPTER = ("none", "full", "freeze")
CPU_ATTENTION = ("eager", "sdpa", "flex_attention")


def carry(
    settings: Mapping[str, Any], reads: Collection[str], device: str
) -> tuple[dict[str, Any], list[Dropped]]:
    """The settings that the experiment takes over, and those it does not, each with its reason.

    `reads` are the fields that the rule's condition reads: their values are never cut.
    """
    carried: dict[str, Any] = {}
    dropped: list[Dropped] = []
    for field, value in sorted(_respelled(settings).items()):
        reason = _why_not(field, settings, reads, device)
        if reason:
            dropped.append(Dropped(field, reason))
            continue
        largest = LARGEST.get(field)
        if largest is not None and field not in reads and isinstance(value, (int, float)) and value > largest:
            dropped.append(Dropped(field, f"{value} cut to {largest}"))
            value = largest
        carried[field] = value
    if carried.get("lora.r") != settings.get("lora.r") and "lora.lora_alpha" in carried:
        # The factor alpha / r is what the adapter's scale depends on.
        carried["lora.lora_alpha"] = carried["lora.lora_alpha"] * carried["lora.r"] / settings["lora.r"]
    if carried.get(f"{LOADER}num_workers"):
        for field in [field for field in carried if field.startswith(LOADER)]:
            dropped.append(Dropped(field, "the experiment loads its data in one process"))
            del carried[field]
    return carried, dropped


def carries(field: str, settings: Mapping[str, Any], reads: Collection[str], device: str) -> bool:
    """Whether the experiment takes this field over, be it with a smaller value."""
    return not _why_not(field, settings, reads, device)


def _respelled(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(settings)
    for field, own in SPELLINGS.items():
        if found.get(field) is True:
            found.setdefault(own, True)
    if found.get("lora.target_modules") in ("all", ["all"]):
        found["lora.target_modules"] = "all-linear"
    adapts = any(field.startswith("lora.") for field in found) and "lora.target_modules" not in found
    if adapts and found.get("framework.name") in ADAPT_ALL_LINEAR:
        found["lora.target_modules"] = "all-linear"
    for field, value in found.items():
        if field.endswith("_steps") and isinstance(value, float) and value.is_integer():
            found[field] = int(value)
    mixed = found.get("launch.mixed_precision")
    if mixed in ("fp16", "bf16") and not found.get("training.fp16") and not found.get("training.bf16"):
        found[f"training.{mixed}"] = True
    return found


def _why_not(field: str, settings: Mapping[str, Any], reads: Collection[str], device: str) -> str:
    if field in SCHEDULE and not SCHEDULE.intersection(reads):
        return "a constant learning rate instead, since a warm-up outlasts the experiment"
    if field in SCHEDULE:
        return "the experiment has its own length" if field in WORLD else ""
    if field.startswith("lora.") and settings.get("adapter.method", "lora") in NO_ADAPTER:
        return "no adapter is trained"
    if field.startswith("training.gradient_checkpointing") and field not in reads:
        # Frameworks that switch it on repair what it breaks for adapters; a plain trainer does not.
        return "changes memory, not numbers"
    own = field.startswith("training.") and field in reads and field not in WORLD and "hub" not in field
    if field not in ALLOWED and not own:
        return "not carried into experiments"
    attention = settings.get("model.attn_implementation")
    if field == "model.attn_implementation" and device == "cpu" and attention not in CPU_ATTENTION:
        return f"{attention} needs a GPU"
    return ""
