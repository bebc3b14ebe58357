"""Which detector shows a symptom, and what of a condition no experiment can repeat. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfglint.verify.carry import carries
from cfglint.verify.detectors import DETECTORS
from cfglint.verify.engines import engine_carries
from cfglint.verify.probes import BY_SYMPTOM, NOT_ON_A_TINY_MODEL
from cfglint.verify.spec import Settings

# What the experiment has no engine for, by the namespace that a rule reads.
UNAVAILABLE = {
    # Without a GPU, accelerate 1.15 refuses FSDP, or quietly trains under DistributedDataParallel instead.
    "fsdp": "needs FSDP, which runs on GPUs only",
    "unsloth": "needs Unsloth and a GPU",
    "framework.unsloth": "needs Unsloth and a GPU",
    "grpo": "needs generation, which this experiment does not do",
    "torchtune": "needs torchtune's own recipes",
}
# Other tools' ways to state the precision, which are carried as the trainer's own.
PRECISION = {
    "deepspeed.fp16.enabled",
    "deepspeed.bf16.enabled",
    "launch.mixed_precision",
    "model.load_in_fp16",
}
# Tools whose own checks run before the trainer's.
OWN_CODE = ("axolotl", "llamafactory", "ms-swift", "torchtune", "unsloth")
METHODS = (None, "none", "full", "freeze", "lora", "qlora", "dora")
# Fields that say what a run is; the experiment chooses its model, adapter and trainer by them.
DESCRIBES = {"model", "adapter", "framework", "trainer"}


def choose_detector(
    finding: Mapping[str, Any], block: Mapping[str, Any], settings: Settings
) -> tuple[str, str, str]:
    """Symptom, detector and, where there is none, the reason."""
    symptoms = list(finding.get("symptom", ()))
    first = symptoms[0] if symptoms else ""
    if block.get("not_verifiable"):
        return first, "", str(block["not_verifiable"])
    if "detector" in block:
        named = str(block["detector"])
        return first, named, "" if named in DETECTORS else f"no detector is called {named}"
    for symptom in symptoms:
        if symptom == "no_learning" and "model.dtype" in finding.get("fields", ()) and _is_half(settings):
            return symptom, "lost_updates", ""
        if symptom in BY_SYMPTOM:
            return symptom, BY_SYMPTOM[symptom], ""
    return first, "", NOT_ON_A_TINY_MODEL.get(first, "the rule names no symptom")


def obstacle(
    finding: Mapping[str, Any],
    settings: Settings,
    detector: str,
    block: Mapping[str, Any],
    device: str,
    engine: str,
) -> str:
    """What of the finding's condition the experiment can't repeat, so that its silence would refute nothing.

    A field that a condition reads but the run does not set is none. A rule that names its detector answers
    for it.
    """
    reads = set(finding.get("fields", ()))
    if {"unsloth", "unsloth-zoo"} & {*finding.get("packages", ())}:
        return UNAVAILABLE["unsloth"]
    for field in sorted(field for field in reads - PRECISION if settings.get(field)):
        reason = UNAVAILABLE.get(field) or UNAVAILABLE.get(field.split(".")[0])
        if reason and not block.get("settings"):
            return reason
        if field == "model.attn_implementation" and device == "cpu" and "flash" in str(settings[field]):
            return "needs CUDA: flash attention does not run on a CPU"
    if block.get("device", device) != device:
        return "needs CUDA"
    if settings.get("adapter.method") not in METHODS and not block.get("settings"):
        return f"the experiment trains no {settings['adapter.method']} adapter"
    if "detector" in block:
        return ""
    framework = settings.get("framework.name")
    if detector.startswith("exception") and framework in OWN_CODE:
        return f"the exception may be of {framework}'s own code, which the experiment does not run"
    if depends_on_calls(finding):
        return "depends on calls of the script, which the experiment does not repeat"
    for field in sorted(field for field in reads - PRECISION if settings.get(field)):
        known = carries(field, settings, reads, device) or engine_carries(field, engine)
        if not known and field.split(".")[0] not in DESCRIBES:
            return f"depends on {field}, which the experiment does not carry"
    return "needs a checkpoint that is quantized" if settings.get("model.quantized_checkpoint") else ""


def depends_on_calls(finding: Mapping[str, Any]) -> bool:
    """Whether a condition asks for calls of a script."""
    return any(word in str(finding.get("condition", "")) for word in ("has(", "before(", "steps."))


def _is_half(settings: Settings) -> bool:
    return str(settings.get("model.dtype")).endswith(("float16", "bf16", "fp16"))
