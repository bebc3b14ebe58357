"""What transformers' own classes say about one ``model_type``; needs torch and transformers."""

from __future__ import annotations

import re
from typing import Any

_TOWER = re.compile(
    r"vision|visual|image|audio|speech|perceiver|projector|connector|merger|embed_(?:vision|audio)"
)
_MIXER = re.compile(r"mamba|mixer|ssm|linear_attn|recurrent|temporal_block|conv_block")
_ATTENTION = re.compile(r"attn|attention|self_?att", re.IGNORECASE)
_ROUTER = re.compile(r"^(?:gate|router|shared_expert_gate|layer)$")
GROUPS = (
    "attention",
    "mlp",
    "experts",
    "expert_parameters",
    "mixer",
    "router",
    "embedding",
    "head",
    "towers",
)


def architectures(model_type: str) -> dict[str, str]:
    """The class that each kind of Auto class gives for a model_type."""
    from transformers.models.auto import modeling_auto as auto

    tables = {
        "causal_lm": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "image_text_to_text": auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        "seq2seq": auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        "speech_seq2seq": auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
        "masked_lm": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    }
    return {role: table[model_type] for role, table in tables.items() if model_type in table}


def describe(model_type: str, **arguments: Any) -> dict[str, Any]:
    """What the configuration and model class of one model_type say, by building it on the meta device.

    The class with the most parts is built: the one with towers, where there is one.
    """
    import torch
    import transformers

    classes = architectures(model_type)
    order = ("image_text_to_text", "speech_seq2seq", "seq2seq", "causal_lm", "masked_lm")
    role = next(role for role in order if role in classes)
    config = transformers.AutoConfig.for_model(model_type, **arguments)
    with torch.device("meta"):
        model = getattr(transformers, classes[role])._from_config(config)
    text = config.get_text_config()
    modules = _modules(model)
    return {
        "text_model_type": None if text is config else text.model_type,
        "tied_default": bool(getattr(config, "tie_word_embeddings", False)),
        "multimodal": any(hasattr(config, part) for part in ("vision_config", "audio_config")),
        "moe": bool(modules["experts"] or modules["expert_parameters"]),
        "encoder_decoder": bool(config.is_encoder_decoder),
        "attention_softcap": getattr(text, "attn_logit_softcapping", None),
        "final_softcap": getattr(text, "final_logit_softcapping", None),
        "sliding_window": bool(getattr(text, "sliding_window", None)),
        "qk_norm": any(
            name.endswith((".q_norm", ".q_layernorm", ".query_layernorm"))
            for name, _ in model.named_modules()
        ),
        "modules": modules,
    }


def _modules(model: Any) -> dict[str, list[str]]:
    """Last names of the linear layers (and expert tensors), by the part of the network they stand in."""
    import torch
    from transformers.pytorch_utils import Conv1D

    groups: dict[str, set[str]] = {group: set() for group in GROUPS}
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    for path, module in model.named_modules():
        if module is head or module is embedding:
            groups["head" if module is head else "embedding"].add(path.rsplit(".", 1)[-1])
        elif isinstance(module, (torch.nn.Linear, Conv1D)) and re.search(r"\.\d+\.", path):
            groups[_group(path)].add(path.rsplit(".", 1)[-1])
    for path, parameter in model.named_parameters():
        if parameter.ndim == 3 and "experts" in path and not _TOWER.search(path):
            groups["expert_parameters"].add(path.rsplit(".", 1)[-1])
    return {group: sorted(names) for group, names in groups.items()}


def _group(path: str) -> str:
    """Which part of a layer a linear module belongs to."""
    *parents, leaf = path.split(".")
    within = ".".join(parents)
    if _TOWER.search(path):
        return "towers"
    if "experts" in parents:
        return "experts"
    if _MIXER.search(within):
        return "mixer"
    if _ATTENTION.search(within) and parents[-1] != "mlp":
        return "attention"
    return "router" if _ROUTER.match(leaf) else "mlp"
