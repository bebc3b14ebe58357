"""Imports everything the arms will use before the first fork, so that they share it: an arm then takes half a
second.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

Record = dict[str, Any]


def preload(experiments: list[Record]) -> None:
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
        _attempt(name, importlib.import_module, name)
    _attempt("transformers", _transformers_classes, experiments, trl)


def _attempt(name: str, step: Any, *arguments: Any) -> None:
    try:
        step(*arguments)
    except Exception as error:
        print(f"cfglint worker: {name} can't be imported: {error}", file=sys.stderr)


def _transformers_classes(experiments: list[Record], trl: bool) -> None:
    import transformers

    if not trl:
        _trainer_without_datasets()
    from . import training  # noqa: F401  (torch's and the trainer's own modules come with it)
    from .models import ARCHITECTURES

    wanted: set[str] = {"Trainer", "TrainingArguments", "default_data_collator"}
    for experiment in experiments:
        for model in {experiment["model"], *(arm["workload"].get("model") for arm in experiment["arms"])}:
            family = ARCHITECTURES.get(str(model))
            wanted.update((family.config, family.model) if family else ())
        if experiment["trainer"] != "trainer":
            getattr(
                importlib.import_module("trl"),
                "SFTTrainer" if experiment["trainer"] == "sft" else "DPOTrainer",
            )
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
