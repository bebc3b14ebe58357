"""Imports everything the arms will use before the first fork, so that they share it: an arm then takes half a second."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Dict, List, Set

Record = Dict[str, Any]


def preload(experiments: List[Record]) -> None:
    """Imports torch, transformers, the architectures and the adapter libraries that these experiments name.

    What can't be imported is left for the arms to report, each with its own exception.
    """
    fields = {field for experiment in experiments for arm in experiment["arms"] for field in arm["settings"]}
    trl = any(experiment["trainer"] != "trainer" for experiment in experiments)
    modules = ["torch", "transformers"]
    modules += ["trl", "datasets"] if trl else []
    modules += ["peft"] if any(field.startswith("lora.") for field in fields) else []
    modules += ["bitsandbytes"] if any(field.startswith("quantization.load_in") for field in fields) else []
    for name in modules:
        _attempt(lambda: importlib.import_module(name), name)
    _attempt(lambda: _transformers_classes(experiments, trl), "transformers")


def _attempt(step: Any, name: str) -> None:
    try:
        step()
    except Exception as error:
        print("cfglint worker: %s can't be imported: %s" % (name, error), file=sys.stderr)


def _transformers_classes(experiments: List[Record], trl: bool) -> None:
    import transformers

    if not trl:
        _trainer_without_datasets()
    from . import training  # noqa: F401  (torch's and the trainer's own modules come with it)
    from .models import ARCHITECTURES

    wanted: Set[str] = {"Trainer", "TrainingArguments", "default_data_collator"}
    for experiment in experiments:
        family = ARCHITECTURES.get(experiment["model"])
        wanted.update((family.config, family.model) if family else ())
        if experiment["trainer"] != "trainer":
            getattr(importlib.import_module("trl"), "SFTTrainer" if experiment["trainer"] == "sft" else "DPOTrainer")
    for name in wanted:
        getattr(transformers, name, None)


def _trainer_without_datasets() -> None:
    """Trainer imports `datasets` only to recognise its type; lists of tensors spare two seconds of pandas and arrow."""
    import transformers.utils

    known = transformers.utils.is_datasets_available
    transformers.utils.is_datasets_available = lambda: False
    try:
        importlib.import_module("transformers.trainer")
    finally:
        transformers.utils.is_datasets_available = known
