"""Which engine trains an experiment (the plain trainer, DeepSpeed in one process, two processes), and what of the
run's settings goes to it. No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cfglint.verify.detectors import DETECTORS
from cfglint.verify.spec import DDP, DEEPSPEED, PLAIN, Dropped, Settings

PROCESSES = "launch.num_processes"
UNUSED = "training.ddp_find_unused_parameters"
# As many as show what several do: more are carried as these.
MOST_PROCESSES = 2
# What decides numbers in DeepSpeed's JSON. Monitors, profilers, checkpoints, aio and nvme paths reach into the
# user's world and stay behind.
CARRIED = frozenset(
    "deepspeed." + name
    for name in [
        "bf16.bf16_master_weights_and_grads",
        "bf16.bf16_optimizer_states",
        "bf16.check_grad_overflow",
        "bf16.enabled",
        "bf16.immediate_grad_update",
        "communication_data_type",
        "data_types.grad_accum_dtype",
        "fp16.auto_cast",
        "fp16.enabled",
        "fp16.hysteresis",
        "fp16.initial_scale_power",
        "fp16.loss_scale",
        "fp16.loss_scale_window",
        "fp16.min_loss_scale",
        "gradient_accumulation_steps",
        "gradient_clipping",
        "gradient_predivide_factor",
        "optimizer.params.betas",
        "optimizer.params.eps",
        "optimizer.params.lr",
        "optimizer.params.momentum",
        "optimizer.params.weight_decay",
        "optimizer.type",
        "prescale_gradients",
        "scheduler.params.cycle_max_lr",
        "scheduler.params.cycle_min_lr",
        "scheduler.params.last_batch_iteration",
        "scheduler.params.total_num_steps",
        "scheduler.params.warmup_max_lr",
        "scheduler.params.warmup_min_lr",
        "scheduler.params.warmup_num_steps",
        "scheduler.params.warmup_type",
        "scheduler.type",
        "train_batch_size",
        "train_micro_batch_size_per_gpu",
        "zero_allow_untested_optimizer",
        "zero_force_ds_cpu_optimizer",
        "zero_optimization.allgather_bucket_size",
        "zero_optimization.allgather_partitions",
        "zero_optimization.contiguous_gradients",
        "zero_optimization.cpu_offload",
        "zero_optimization.offload_optimizer.device",
        "zero_optimization.offload_param.device",
        "zero_optimization.overlap_comm",
        "zero_optimization.reduce_bucket_size",
        "zero_optimization.reduce_scatter",
        "zero_optimization.round_robin_gradients",
        "zero_optimization.stage",
        "zero_optimization.stage3_gather_16bit_weights_on_model_save",
        "zero_optimization.stage3_gather_fp16_weights_on_model_save",
        "zero_optimization.stage3_max_live_parameters",
        "zero_optimization.stage3_max_reuse_distance",
        "zero_optimization.stage3_param_persistence_threshold",
        "zero_optimization.stage3_prefetch_bucket_size",
        "zero_optimization.sub_group_size",
    ]
)
ZERO3 = "deepspeed.zero3"
# Fields that say that DeepSpeed is there, and values that are derived from those that are carried.
DESCRIBES = {
    "deepspeed.accumulation",
    "deepspeed.active",
    "deepspeed.micro_batch",
    ZERO3,
    "training.deepspeed",
}
# What a derived field stands for: a rule that reads the one reads the others.
DERIVED = {
    "deepspeed.accumulation": (
        "deepspeed.gradient_accumulation_steps",
        "training.gradient_accumulation_steps",
    ),
    "deepspeed.micro_batch": (
        "deepspeed.train_micro_batch_size_per_gpu",
        "training.per_device_train_batch_size",
    ),
}
# Values that the Trainer compares with its own arguments, or fills in where they are "auto".
MATCHED = {
    "deepspeed.bf16.enabled": {"training.bf16"},
    "deepspeed.fp16.enabled": {"training.fp16"},
    "deepspeed.gradient_accumulation_steps": {"training.gradient_accumulation_steps"},
    "deepspeed.gradient_clipping": {"training.max_grad_norm"},
    "deepspeed.optimizer.params.betas": {"training.adam_beta1"},
    "deepspeed.optimizer.params.eps": {"training.adam_epsilon"},
    "deepspeed.optimizer.params.lr": {"training.learning_rate"},
    "deepspeed.optimizer.params.weight_decay": {"training.weight_decay"},
    "deepspeed.scheduler.params.total_num_steps": {"training.max_steps"},
    "deepspeed.scheduler.params.warmup_max_lr": {"training.learning_rate"},
    "deepspeed.scheduler.params.warmup_num_steps": {"training.warmup_steps"},
    "deepspeed.train_batch_size": {
        "training.gradient_accumulation_steps",
        "training.per_device_train_batch_size",
    },
    "deepspeed.train_micro_batch_size_per_gpu": {"training.per_device_train_batch_size"},
}
WARMUP = "training.warmup_steps"
OPTIMIZER, SCHEDULER = "deepspeed.optimizer.", "deepspeed.scheduler."
# DeepSpeed's own are compiled when they are first used; torch has these.
FUSED = ("Adam", "AdamW")
OF_TORCH = "deepspeed.optimizer.params.torch_adam"
OFFLOAD = {
    "deepspeed.zero_optimization.cpu_offload",
    "deepspeed.zero_optimization.offload_optimizer.device",
    "deepspeed.zero_optimization.offload_param.device",
}
CLIPPING = "deepspeed.gradient_clipping"
STAGE = "deepspeed.zero_optimization.stage"
GATHER = "deepspeed.zero_optimization.stage3_gather_16bit_weights_on_model_save"
CPU_OPTIMIZER = "deepspeed.zero_force_ds_cpu_optimizer"
PRECISION = {"deepspeed.bf16.enabled", "deepspeed.fp16.enabled"}
HEALTHY = {
    "deepspeed.train_micro_batch_size_per_gpu": "auto",
    "deepspeed.gradient_accumulation_steps": "auto",
    "deepspeed.train_batch_size": "auto",
    CLIPPING: "auto",
    "deepspeed.bf16.enabled": "auto",
}


def choose_engine(
    finding: Mapping[str, Any], block: Mapping[str, Any], settings: Settings, detector: str, device: str
) -> tuple[str, str]:
    """The engine that the finding asks for and, where it can't be had, the reason.

    A rule's block names its engine; else a rule that reads DeepSpeed's settings asks for DeepSpeed, unless its
    symptom is an exception: what DeepSpeed raises may depend on GPUs and on processes, so that only the rule
    can know.
    """
    named = PLAIN if block.get("trainer") == "none" else block.get("engine")
    if named not in (None, PLAIN, DEEPSPEED, DDP):
        return PLAIN, f"no engine is called {named}"
    if named == DDP and device == "cpu" and settings.get("deepspeed.active"):
        return DDP, "needs several processes of DeepSpeed"
    if named is not None:
        return named, ""
    reads = {field for field in finding.get("fields", ()) if settings.get(field)}
    if not any(field.startswith("deepspeed.") for field in reads - PRECISION) or block.get("settings"):
        return PLAIN, ""
    if DETECTORS[detector].sees_exceptions:
        return (
            DEEPSPEED,
            "what DeepSpeed raises here may depend on GPUs and processes: the rule names no engine",
        )
    return DEEPSPEED, ""


def read_through(reads: Collection[str]) -> set[str]:
    """The fields that are read by way of derived ones."""
    return {field for derived in reads for field in DERIVED.get(derived, ())}


def engine_carries(field: str, engine: str) -> bool:
    """Whether this engine takes a field over that the plain trainer does not."""
    if engine == DDP:
        return field in (PROCESSES, "launch.world_size", "target.processes", UNUSED)
    return engine == DEEPSPEED and (field in CARRIED or field in DESCRIBES)


def forced_by(engine: str, of_engine: Settings, overrides: Settings) -> dict[str, Any]:
    """What a probe forces, as the engine can take it: DeepSpeed's own schedulers refuse a warm-up of no step."""
    if engine == DEEPSPEED and SCHEDULER + "type" in of_engine and overrides.get(WARMUP) == 0:
        return {**overrides, WARMUP: 1}
    return dict(overrides)


def goes_without_saying(field: str, settings: Settings, engine: str) -> bool:
    """Whether a field that is not carried is nothing of its own: derived from others, or a block of them."""
    if field in (*DERIVED, ZERO3, "launch.world_size"):
        return True
    return engine == DEEPSPEED and (field in DESCRIBES or isinstance(settings.get(field), Mapping))


def carry_for(
    engine: str,
    settings: Settings,
    reads: Collection[str],
    forced: Collection[str],
    device: str,
    processes: int = 1,
) -> tuple[dict[str, Any], list[Dropped], list[str], str]:
    """What an engine takes over besides the trainer's own settings: settings, what is left behind, what is
    assumed, and the reason why the experiment can't be.

    `forced` are the trainer's settings that the probe decides, whatever the run has; `processes` how many of
    DeepSpeed's the rule asks for.
    """
    if engine == DDP:
        return _processes(settings)
    if engine != DEEPSPEED:
        return {}, [], [], ""
    reason = _impossible(settings, reads, device)
    carried: dict[str, Any] = {}
    dropped = []
    where = "one process" if processes == 1 else f"{processes} processes"
    assumed = [f"DeepSpeed runs in {where}" + " on a CPU" * (device == "cpu")]
    for field in sorted(field for field in settings if field in CARRIED and settings[field] is not None):
        value = settings[field]
        left = _left_behind(field, settings, reads, forced)
        if left:
            dropped.append(Dropped(field, left))
        elif value != "auto" and MATCHED.get(field) and _follows(field, reads, forced):
            carried[field] = "auto"
            dropped.append(Dropped(field, f"auto instead of {value}: the trainer's own value decides"))
        else:
            carried[field] = value
    if not settings.get("training.deepspeed"):
        # Without a JSON of its own, accelerate writes one.
        carried = {**{field: value for field, value in HEALTHY.items() if "bf16" not in field}, **carried}
    if "training.max_grad_norm" in forced and CLIPPING not in reads:
        # Where it is missing, DeepSpeed's own value decides: none, or 1.0 since 0.19.3.
        carried[CLIPPING] = "auto"
    if carried.get("deepspeed.optimizer.type") in FUSED:
        carried[OF_TORCH] = True
        assumed.append(
            f"torch's {carried['deepspeed.optimizer.type']} in place of DeepSpeed's, which is compiled"
        )
    return carried, dropped, assumed, reason


def healthy_settings(engine: str, configured: Settings) -> dict[str, Any]:
    """What a plain run of the same engine has: the control's settings."""
    if engine == DDP:
        return {PROCESSES: configured.get(PROCESSES, MOST_PROCESSES)}
    if engine != DEEPSPEED:
        return {}
    stage = configured.get(STAGE, 2)
    return {**HEALTHY, STAGE: stage, **({GATHER: True} if stage == 3 else {})}


def _processes(settings: Settings) -> tuple[dict[str, Any], list[Dropped], list[str], str]:
    wanted = settings.get("launch.world_size") or settings.get(PROCESSES) or MOST_PROCESSES
    carried = {PROCESSES: MOST_PROCESSES, **({UNUSED: settings[UNUSED]} if UNUSED in settings else {})}
    dropped = []
    if wanted != MOST_PROCESSES:
        dropped.append(Dropped(PROCESSES, f"{wanted} processes carried as {MOST_PROCESSES}"))
    return carried, dropped, [], ""


def _impossible(settings: Settings, reads: Collection[str], device: str) -> str:
    for field in sorted(OFFLOAD & set(reads)):
        if settings.get(field) not in (None, False, "none") and settings.get(CPU_OPTIMIZER, True):
            return "DeepSpeed's CPU optimizer has to be compiled first, which an experiment does not do"
    both = settings.get("deepspeed.fp16.enabled") is True and "deepspeed.fp16.enabled" not in reads
    if device == "cpu" and both:
        return "needs CUDA: DeepSpeed trains no float16 on a CPU"
    return ""


def _follows(field: str, reads: Collection[str], forced: Collection[str]) -> bool:
    return field not in reads or bool(MATCHED[field] & set(forced))


def _left_behind(field: str, settings: Settings, reads: Collection[str], forced: Collection[str]) -> str:
    if field in OFFLOAD and field not in reads:
        return "changes memory, not numbers"
    if field.startswith(SCHEDULER) and not any(read.startswith(SCHEDULER) for read in reads):
        return "a constant learning rate instead, since a warm-up outlasts the experiment"
    if field.startswith(OPTIMIZER) and not any(read.startswith(OPTIMIZER) for read in reads):
        if "training.optim" in forced:
            return "plain SGD instead: the symptom shows best so"
        if settings.get("deepspeed.optimizer.type") not in (*FUSED, "SGD"):
            return "has to be compiled first, which an experiment does not do"
    return ""
