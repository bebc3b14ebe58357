"""Quantization, adapters and new vocabulary rows, put on a tiny model in the order in which training scripts
do.
"""

from __future__ import annotations

import inspect
import os
from typing import Any

import torch

from .models import AbsentError


def dtype_named(name: Any) -> Any:
    """The torch dtype that a setting names (`bfloat16`, `torch.bfloat16`, `bf16`); None for one that names
    none.
    """
    short = {"fp16": "float16", "half": "float16", "bf16": "bfloat16", "fp32": "float32", "float": "float32"}
    word = str(name).rsplit(".", 1)[-1]
    found = getattr(torch, short.get(word, word), None)
    return found if isinstance(found, torch.dtype) else None


def quantize(
    model: Any, settings: dict[str, Any], dtype: Any, device: str, scratch: str
) -> tuple[Any, list[str]]:
    """The model saved, and loaded again through bitsandbytes with the run's settings; also what was not
    known.

    Raises AbsentError where bitsandbytes is missing.
    """
    try:
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise AbsentError(f"bitsandbytes is not installed ({error})") from error
    known, ignored = accepted(BitsAndBytesConfig, settings)
    if "bnb_4bit_compute_dtype" in known:
        known["bnb_4bit_compute_dtype"] = dtype_named(known["bnb_4bit_compute_dtype"])
    path = os.path.join(scratch, "base")
    model.save_pretrained(path)
    where = "cpu" if device == "cpu" else 0
    extra = {} if dtype is None else {"torch_dtype": dtype}
    loaded = type(model).from_pretrained(
        path, quantization_config=BitsAndBytesConfig(**known), device_map={"": where}, **extra
    )
    return loaded, ignored


# By the kind of adapter: its configuration's class.
ADAPTERS = {"lora": "LoraConfig", "adalora": "AdaLoraConfig"}


def adapter_config(kind: str, settings: dict[str, Any], seq2seq: bool) -> tuple[Any, list[str]]:
    """PEFT's configuration for the run's adapter settings, and what this release does not know. Raises
    AbsentError.
    """
    try:
        import peft
    except ImportError as error:
        raise AbsentError(f"peft is not installed ({error})") from error
    factory = getattr(peft, ADAPTERS[kind])
    known, ignored = accepted(factory, settings)
    known.setdefault("task_type", "SEQ_2_SEQ_LM" if seq2seq else "CAUSAL_LM")
    return factory(**known), ignored


def prepare_for_kbit(model: Any, checkpointing: bool) -> Any:
    """PEFT's `prepare_model_for_kbit_training`."""
    from peft import prepare_model_for_kbit_training

    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)


def add_rows(model: Any, count: int, initial: str) -> None:
    """Grows the vocabulary by `count` rows that start as zero, mean or random (the library's own default)."""
    before = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(before + count, mean_resizing=initial == "mean")
    if initial != "zero":
        return
    output = model.get_output_embeddings()
    with torch.no_grad():
        model.get_input_embeddings().weight[before:] = 0.0
        if output is not None:
            output.weight[before:] = 0.0


def accepted(factory: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings that `factory` has parameters for, and the names of the others.

    A parameter list that ends in `**kwargs` takes its class' documented names all the same: it would swallow
    others.
    """
    names = set(inspect.signature(factory).parameters)
    known = {name: value for name, value in settings.items() if name in names}
    return known, sorted(set(settings) - set(known))
