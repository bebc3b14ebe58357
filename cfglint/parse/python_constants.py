"""Attributes that stand for a constant: torch dtypes and the members of the libraries' enumerations."""

from __future__ import annotations

# fmt: off
#: ``torch.X`` -> the dtype's name (``str(torch.half)`` is "torch.float16").
TORCH_DTYPES = {
    name: name
    for name in (
        "bfloat16", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
        "float8_e4m3fn", "float8_e5m2",
    )
} | {
    "half": "float16", "float": "float32", "double": "float64",
    "short": "int16", "int": "int32", "long": "int64",
}

#: Enumerations whose members' values are their names in lower case (transformers.trainer_utils).
_LOWER = frozenset(
    {
        "IntervalStrategy", "EvaluationStrategy", "SaveStrategy", "LoggingStrategy", "SchedulerType",
        "HubStrategy", "OptimizerNames", "DebugOption", "FSDPOption", "PrecisionType",
    }
)

#: Enumerations whose members' values are their names (peft, accelerate, torch.distributed.fsdp).
_SAME = frozenset(
    {"TaskType", "PeftType", "PromptTuningInit", "DistributedType", "ShardingStrategy", "BackwardPrefetch", "StateDictType"}
)

#: Members whose value is neither (transformers.training_args.OptimizerNames, trainer_utils.SchedulerType).
_NAMED = {
    ("SchedulerType", "REDUCE_ON_PLATEAU"): "reduce_lr_on_plateau",
    ("OptimizerNames", "ADAMW_BNB"): "adamw_bnb_8bit",
    ("OptimizerNames", "ADAMW_ANYPRECISION"): "adamw_anyprecision",
    ("OptimizerNames", "LION"): "lion_32bit",
    ("OptimizerNames", "PAGED_ADAMW"): "paged_adamw_32bit",
    ("OptimizerNames", "PAGED_LION"): "paged_lion_32bit",
    ("OptimizerNames", "RMSPROP_BNB"): "rmsprop_bnb",
    ("OptimizerNames", "RMSPROP_8BIT"): "rmsprop_bnb_8bit",
    ("OptimizerNames", "RMSPROP_32BIT"): "rmsprop_bnb_32bit",
    ("OptimizerNames", "ADEMAMIX"): "ademamix",
    ("OptimizerNames", "ADEMAMIX_8BIT"): "ademamix_8bit",
}

#: Functions whose answer depends on the machine that trains (last part of the dotted name).
ASKS_GPU = frozenset(
    {
        "is_bf16_supported", "is_bfloat16_supported", "is_torch_bf16_gpu_available",
        "is_torch_bf16_available", "is_torch_tf32_available", "get_device_capability",
        "get_device_properties", "get_device_name", "device_count", "is_available",
        "is_flash_attn_2_available", "is_torch_xpu_available", "is_torch_npu_available",
    }
)
# fmt: on


def constant_attribute(dotted: str) -> str | None:
    """The value of an attribute by its dotted name with imports resolved, or None.

    ``torch.half`` is "float16", ``transformers.IntervalStrategy.STEPS`` is "steps".
    """
    head, _, name = dotted.rpartition(".")
    if head == "torch":
        return TORCH_DTYPES.get(name)
    if name == "value":
        head, _, name = head.rpartition(".")
    kind = head.rpartition(".")[2]
    if not name.isupper() and not name.replace("_", "").isupper():
        return None
    found = _NAMED.get((kind, name))
    if found is not None:
        return found
    if kind in _LOWER:
        return name.lower()
    return name if kind in _SAME else None
