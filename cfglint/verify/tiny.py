"""Which tiny architecture stands for a run's model. No torch."""

from __future__ import annotations

from collections.abc import Collection

from cfglint.verify.spec import Settings

# model_type of config.json -> the worker's architecture.
BY_TYPE = {
    "llama": "llama",
    "mistral": "mistral",
    "mixtral": "mixtral",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3_moe",
    "qwen2_vl": "qwen2_vl",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3": "gemma3",
    "gemma3_text": "gemma3_text",
    "phi3": "phi3",
    "gpt2": "gpt2",
    "t5": "t5",
    "mt5": "t5",
    "mamba": "mamba",
    "falcon_mamba": "falcon_mamba",
    "bart": "bart",
    "mbart": "bart",
}
# Where only the family is known: the longest beginning wins.
BY_FAMILY = (
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3",
    "gemma",
    "phi3",
    "gpt2",
    "t5",
    "bart",
)
BY_CLASS = {"Gemma3ForCausalLM": "gemma3_text", "Gemma3ForConditionalGeneration": "gemma3"}


def tiny_model(settings: Settings, wanted: str | None, reads: Collection[str]) -> tuple[str, str]:
    """The worker's architecture for a run, with what is assumed; or an empty name, with the reason.

    A rule that reads nothing of the model is as true of any other: there, an unknown family is tried on
    llama.
    """
    if wanted:
        return wanted, ""
    named = BY_CLASS.get(str(settings.get("model.architecture", "")))
    kind, family = settings.get("model.model_type"), str(settings.get("model.family", ""))
    found = named or (BY_TYPE.get(str(kind)) if kind else _by_family(family))
    if found:
        return found, ""
    told = family or str(kind or "")
    if any(field.startswith("model.") for field in reads):
        return "", f"no tiny model of the family {told}" if told else "the model's family is not known"
    return "llama", f"a llama stands for {told or 'a model whose family is not known'}"


def _by_family(family: str) -> str | None:
    fitting = [name for name in BY_FAMILY if family.replace("-", "_").startswith(name)]
    return max(fitting, key=len, default=None)
