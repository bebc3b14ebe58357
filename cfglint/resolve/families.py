"""What the model's name or local config says about a run, as fields of the ``model`` namespace."""

from __future__ import annotations

import os
from typing import Any

from cfglint.model.run import Run
from cfglint.model.value import KNOWN, Value
from cfglint.parse.tree import plain
from cfglint.resolve.project import Project

#: model field -> key of the family table.
_FACTS = {
    "model.native_dtype": "native_dtype",
    "model.fp16_unsafe": "fp16_unsafe",
    "model.tied_embeddings": "tied_embeddings",
    "model.multimodal": "multimodal",
    "model.moe": "moe",
    "model.encoder_decoder": "encoder_decoder",
    "model.model_type": "model_type",
    "model.size": "size_b",
    "model.instruct": "tuned",
    "model.quantized_checkpoint": "quantized_checkpoint",
    "model.lora_targets": "lora_targets",
    "model.since": "since",
    "model.remote_code": "remote_code",
    "model.recurrent": "recurrent",
    "model.sliding_window": "sliding_window",
}


def family_fields(project: Project, run: Run, near: str) -> dict[str, Value]:
    """Fields that follow from ``model.name``; {} where the name is unknown or names no family."""
    name = run.fields.get("model.name")
    if name is None or name.state != KNOWN or not isinstance(name.value, str):
        return {}
    from cfglint.resolve.family import from_config, model_facts, resolve_family

    match = None
    config = (
        project.find(os.path.join(name.value, "config.json"), near)
        if os.sep in name.value or "." in name.value
        else None
    )
    if config is not None:
        tree = project.open(config).tree
        data = plain(tree) if tree is not None else None
        match = from_config(data) if isinstance(data, dict) else None
    match = match or resolve_family(name.value)
    if match is None:
        return {}
    facts = model_facts(match)
    values: dict[str, Any] = {"model.family": match.family}
    for field, key in _FACTS.items():
        if facts.get(key) is not None:
            values[field] = facts[key]
    softcap = facts.get("attention_softcap") or facts.get("final_softcap")
    values["model.softcapping"] = bool(softcap)
    modules = facts.get("modules")
    if modules:
        reachable = {
            name for group, names in modules.items() if group != "expert_parameters" for name in names
        }
        values["model.module_names"] = sorted(reachable | set(facts["experts_before_5"]))
        values["model.expert_modules"] = sorted(facts["experts_before_5"])
        values["model.tower_modules"] = sorted(modules["towers"])
        values["model.fused_experts"] = bool(modules["expert_parameters"])
    architecture = _architecture(facts, run)
    if architecture:
        values["model.architecture"] = architecture
    values.setdefault("model.quantized_checkpoint", "")
    values.setdefault("model.instruct", False)
    return {
        field: Value(KNOWN, value, name.place, "derived", name.raw, None, name.key, name.weak)
        for field, value in values.items()
    }


def _architecture(facts: dict[str, Any], run: Run) -> str | None:
    architectures = facts.get("architectures") or {}
    if "architecture" in facts:
        return str(facts["architecture"])
    loader = run.fields.get("model.loader_class")
    stated = str(loader.value) if loader is not None and loader.state == KNOWN else ""
    if stated and not stated.startswith(("Auto", "Fast")):
        return stated
    if "ImageTextToText" in stated or "Vision2Seq" in stated:
        found = architectures.get("image_text_to_text")
    elif stated.startswith("AutoModelForSeq2Seq"):
        found = architectures.get("seq2seq") or architectures.get("causal_lm")
    elif stated.startswith("AutoModelForSpeechSeq2Seq"):
        found = architectures.get("speech_seq2seq")
    elif stated.startswith("AutoModelFor") and "CausalLM" not in stated:
        found = None
    else:
        found = (
            architectures.get("causal_lm")
            or architectures.get("image_text_to_text")
            or architectures.get("seq2seq")
        )
    return str(found) if found else None
