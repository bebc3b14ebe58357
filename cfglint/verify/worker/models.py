"""Tiny random-weight models of real architectures, built from the environment's own transformers."""

from __future__ import annotations

from typing import Any, NamedTuple

VOCABULARY = 256
PAD, BOS, EOS, UNKNOWN = 0, 1, 2, 3
HIDDEN = 32


class AbsentError(Exception):
    """The environment has not what an arm needs; the message says what."""


class Architecture(NamedTuple):
    """The classes of one family and what its configuration needs besides the common sizes."""

    config: str
    model: str
    extra: dict[str, Any] = {}
    kind: str = "causal"
    sizes: str = "llama"


_VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}

ARCHITECTURES = {
    "llama": Architecture("LlamaConfig", "LlamaForCausalLM"),
    "mistral": Architecture("MistralConfig", "MistralForCausalLM", {"sliding_window": 64}),
    "qwen2": Architecture("Qwen2Config", "Qwen2ForCausalLM"),
    "qwen3": Architecture("Qwen3Config", "Qwen3ForCausalLM", {"head_dim": 8}),
    "gemma": Architecture("GemmaConfig", "GemmaForCausalLM", {"head_dim": 8}),
    "gemma2": Architecture(
        "Gemma2Config", "Gemma2ForCausalLM", {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 64}
    ),
    "gemma3_text": Architecture(
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 64},
    ),
    "gemma3": Architecture("Gemma3Config", "Gemma3ForConditionalGeneration", kind="causal", sizes="gemma3"),
    "phi3": Architecture("Phi3Config", "Phi3ForCausalLM", {"original_max_position_embeddings": 128}),
    "gpt2": Architecture(
        "GPT2Config", "GPT2LMHeadModel", {"resid_pdrop": 0, "attn_pdrop": 0, "embd_pdrop": 0}, sizes="gpt2"
    ),
    "t5": Architecture("T5Config", "T5ForConditionalGeneration", {"dropout_rate": 0.0}, "seq2seq", "t5"),
    "bart": Architecture("BartConfig", "BartForConditionalGeneration", {"dropout": 0.0}, "seq2seq", "bart"),
    "mixtral": Architecture(
        "MixtralConfig", "MixtralForCausalLM", {"num_local_experts": 4, "num_experts_per_tok": 2}
    ),
    "qwen3_moe": Architecture(
        "Qwen3MoeConfig",
        "Qwen3MoeForCausalLM",
        {"head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    ),
    "mamba": Architecture("MambaConfig", "MambaForCausalLM", sizes="mamba"),
    "falcon_mamba": Architecture("FalconMambaConfig", "FalconMambaForCausalLM", sizes="mamba"),
    "qwen2_vl": Architecture("Qwen2VLConfig", "Qwen2VLForConditionalGeneration", sizes="qwen2_vl"),
}


def architecture(name: str) -> Architecture:
    """The architecture called `name`. Raises AbsentError for one that is not known here."""
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise AbsentError(f"no tiny model of the family {name}") from None


def build(
    name: str, model_class: str | None, hidden: int, extra: dict[str, Any], attention: str | None
) -> Any:
    """A float32 model of family `name` with random weights, `hidden` wide; `extra` goes to its configuration.

    `model_class` replaces the family's own class, `attention` the library's choice of an implementation.
    Raises AbsentError where this transformers has no such class.
    """
    import transformers

    family = architecture(name)
    wanted = model_class or family.model
    config_class = getattr(transformers, family.config, None)
    chosen = getattr(transformers, wanted, None)
    if config_class is None or chosen is None:
        missing = family.config if config_class is None else wanted
        raise AbsentError(f"transformers {transformers.__version__} has no {missing}")
    sizes = _sizes(family.sizes, hidden)
    text = sizes.get("text_config", sizes)
    text.update(family.extra, **extra)
    config = config_class(**sizes)
    return chosen(config) if attention is None else chosen._from_config(config, attn_implementation=attention)


def _sizes(style: str, hidden: int) -> dict[str, Any]:
    special = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    llama = {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
    }
    if style == "gpt2":
        return dict(special, vocab_size=VOCABULARY, n_embd=hidden, n_layer=2, n_head=4, n_positions=128)
    if style == "mamba":
        return dict(special, vocab_size=VOCABULARY, hidden_size=hidden, state_size=8, num_hidden_layers=2)
    if style == "t5":
        sizes = {"d_model": hidden, "d_kv": 8, "d_ff": 2 * hidden, "num_layers": 2, "num_heads": 4}
        return dict(
            sizes, vocab_size=VOCABULARY, pad_token_id=PAD, eos_token_id=EOS, decoder_start_token_id=PAD
        )
    if style == "bart":
        sizes = {"d_model": hidden, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 128}
        for side in ("encoder", "decoder"):
            sizes[side + "_attention_heads"] = 4
            sizes[side + "_ffn_dim"] = 2 * hidden
        return dict(
            special, vocab_size=VOCABULARY, decoder_start_token_id=EOS, forced_eos_token_id=None, **sizes
        )
    if style == "gemma3":
        text = dict(llama, head_dim=8, query_pre_attn_scalar=8, sliding_window=64, **special)
        return {
            "text_config": text,
            "vision_config": dict(_VISION),
            "mm_tokens_per_image": 4,
            "image_token_index": VOCABULARY - 1,
            "boi_token_index": VOCABULARY - 2,
            "eoi_token_index": VOCABULARY - 3,
        }
    if style == "qwen2_vl":
        vision = {
            "depth": 1,
            "embed_dim": 32,
            "hidden_size": hidden,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": 14,
        }
        rope = {"type": "mrope", "mrope_section": [1, 1, 2]}
        return dict(special, vision_config=vision, rope_scaling=rope, **llama)
    return dict(special, **llama)


def checkpoint_config(path: str) -> Any:
    """The configuration of a checkpoint on disk, without running code that lies beside it."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)


def load(path: str, attention: str | None) -> Any:
    """A checkpoint on disk in float32, from safetensors only. Raises AbsentError for a class that is not
    there.
    """
    import torch
    import transformers

    names = checkpoint_config(path).architectures or ()
    chosen = next((getattr(transformers, name) for name in names if hasattr(transformers, name)), None)
    if chosen is None:
        raise AbsentError(
            f"transformers {transformers.__version__} has no {' or '.join(names) or 'class for it'}"
        )
    extra = {} if attention is None else {"attn_implementation": attention}
    return chosen.from_pretrained(
        path,
        torch_dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        **extra,
    )
