"""Imports everything the arms will use before the first fork, so that they share it: an arm then takes half a
second.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from .engines import load_deepspeed

Record = dict[str, Any]


def preload(experiments: list[Record]) -> None:
    """Imports torch, transformers, the architectures and the adapter libraries that these experiments name.

    What can't be imported is left for the arms to report, each with its own exception.
    """
    # What is to be imported is the experiment there.
    experiments = [experiment for experiment in experiments if experiment["trainer"] != "none"]
    if not experiments:
        return
    fields = {field for experiment in experiments for arm in experiment["arms"] for field in arm["settings"]}
    trl = any(experiment["trainer"] != "trainer" for experiment in experiments)
    modules = ["torch", "transformers"]
    modules += ["trl", "datasets"] if trl else []
    modules += ["peft"] if any(field.startswith("lora.") for field in fields) else []
    optimizers = {
        arm["settings"].get("training.optim") for experiment in experiments for arm in experiment["arms"]
    }
    quantized = any(field.startswith("quantization.load_in") for field in fields)
    eight_bits = any(word in str(name) for name in optimizers for word in ("8bit", "bnb", "paged"))
    modules += ["bitsandbytes"] if quantized or eight_bits else []
    for name in modules:
        _attempt(name, importlib.import_module, name)
    if importlib.util.find_spec("deepspeed") is not None:
        # Accelerate imports it for every trainer, where it is installed.
        _attempt("deepspeed", load_deepspeed, experiments[0]["device"])
    _attempt("transformers", _transformers_classes, experiments, trl)
    if "peft" in modules:
        _attempt("peft", _wrap_a_layer)


def _attempt(name: str, step: Any, *arguments: Any) -> None:
    try:
        step(*arguments)
    except Exception as error:
        print(f"cfglint worker: {name} can't be imported: {error}", file=sys.stderr)


def _wrap_a_layer() -> None:
    """Wrapping a layer makes PEFT import every quantization library it finds, which takes seconds."""
    import torch
    from peft import LoraConfig, get_peft_model

    get_peft_model(torch.nn.Sequential(torch.nn.Linear(2, 2)), LoraConfig(target_modules=["0"]))


def _transformers_classes(experiments: list[Record], trl: bool) -> None:
    import transformers

    if not trl:
        _trainer_without_datasets()
    # With it come torch's and the trainer's own modules.
    from . import training
    from .models import ARCHITECTURES

    wanted: set[str] = {"Trainer", "TrainingArguments", "default_data_collator"}
    for experiment in experiments:
        for model in {experiment["model"], *(arm["workload"].get("model") for arm in experiment["arms"])}:
            family = ARCHITECTURES.get(str(model))
            wanted.update((family.config, family.model) if family else ())
        if experiment["trainer"] != "trainer":
            training.trl_class(training.TRL_TRAINERS[experiment["trainer"]][0])
    for name in wanted:
        getattr(transformers, name, None)


def _trainer_without_datasets() -> None:
    """Trainer imports `datasets` only to recognise its type; lists of tensors spare two seconds of pandas and
    arrow.
    """
    utils: Any = importlib.import_module("transformers.utils")

    known = utils.is_datasets_available
    utils.is_datasets_available = lambda: False
    try:
        importlib.import_module("transformers.trainer")
    finally:
        utils.is_datasets_available = known
