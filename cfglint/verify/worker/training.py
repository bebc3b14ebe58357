"""One run of one arm: the tiny model, the user's own trainer class and settings, a few real steps."""

from __future__ import annotations

import time
import traceback
from typing import Any, Dict, List, Tuple

import torch

from . import adapters, data, models, precision
from .confine import peak_megabytes
from .inspections import AFTER_TRAINING, BEFORE_TRAINING
from .models import Absent
from .recorder import Recorder

Record = Dict[str, Any]


def run(experiment: Record, arm: Record, variant: Record, seed: int, scratch: str) -> Record:
    """Trains one arm and returns an arm result; exceptions of the arm are part of the result."""
    started = time.monotonic()
    result: Record = {"arm": arm["name"], "variant": variant["name"], "seed": seed, "status": "finished"}
    recorder = Recorder()
    measures: Record = {}
    phase = "setup"
    ignored: List[str] = []
    try:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        settings = dict(arm["settings"], **arm["overrides"])
        settings.update(variant["settings"])
        trainer = _trainer(experiment, settings, arm["workload"], seed, scratch, ignored, measures)
        _inspect(BEFORE_TRAINING, trainer, arm["workload"], scratch, measures)
        recorder.attach(trainer)
        phase = "train"
        if experiment["steps"]:
            trainer.train()
        phase = "inspect"
        _inspect(AFTER_TRAINING, trainer, arm["workload"], scratch, measures)
    except Absent as error:
        result.update(status="absent", reason=str(error))
    except Exception as error:
        if _is_memory(error):
            result.update(status="out_of_memory", reason=str(error)[:300])
        else:
            result.update(status="raised", exception=_exception(error, phase, recorder.steps))
    result.update(recorder.record(), measures=measures, ignored=ignored)
    result.update(seconds=round(time.monotonic() - started, 3), peak_mb=peak_megabytes())
    return result


def _is_memory(error: BaseException) -> bool:
    text = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in text or "out of memory" in text.lower()


def _exception(error: BaseException, phase: str, step: int) -> Record:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "type": type(error).__name__,
        "message": str(error)[:1000],
        "phase": phase,
        "step": step,
        "traceback": "".join(lines)[-2000:],
    }


def _inspect(kinds: Record, trainer: Any, workload: Record, scratch: str, measures: Record) -> None:
    for name in workload.get("inspect", ()):
        if name in kinds:
            measures.update(kinds[name](trainer, workload, scratch))


def _part(settings: Record, prefix: str) -> Record:
    return {name[len(prefix) + 1 :]: value for name, value in settings.items() if name.startswith(prefix + ".")}


def _trainer(
    experiment: Record,
    settings: Record,
    workload: Record,
    seed: int,
    scratch: str,
    ignored: List[str],
    measures: Record,
) -> Any:
    family = models.architecture(experiment["model"])
    seq2seq = family.kind == "seq2seq"
    arguments = _arguments(experiment, settings, seed, scratch, ignored)
    training = _part(settings, "training")
    model, ready, peft_config = _model(experiment, settings, workload, seed, scratch, ignored, measures)
    common = {"model": model, "args": arguments}
    rows = max(8, arguments.max_steps * arguments.train_batch_size * arguments.gradient_accumulation_steps)
    if experiment["trainer"] == "trainer":
        kind = workload.get("data", "tokens")
        dataset: Any = data.examples(kind, rows, seed, seq2seq)
        if models.is_multimodal(ready):
            for record in dataset:
                record["token_type_ids"] = [0] * len(record["input_ids"])
        common["data_collator"] = _collator(workload)
        common["train_dataset"] = dataset
        from transformers import Trainer

        made = Trainer(**common)
    else:
        made = _trl_trainer(experiment["trainer"], common, peft_config, workload, rows, seed)
    if arguments.fp16 and experiment["device"] == "cpu":
        precision.emulate_float16(made)
    if training.get("label_names") is None and made.label_names is None:
        made.label_names = ["labels"]
    return made


def _model(
    experiment: Record,
    settings: Record,
    workload: Record,
    seed: int,
    scratch: str,
    ignored: List[str],
    measures: Record,
) -> Tuple[Any, Any, Any]:
    """The model as the trainer gets it, the bare model, and the adapter settings if the trainer is to apply them."""
    family = models.architecture(experiment["model"])
    about, lora = _part(settings, "model"), _part(settings, "lora")
    quantization = {name: value for name, value in _part(settings, "quantization").items() if value is not None}
    extra = dict(workload.get("config", {}))
    if "tie_word_embeddings" in about:
        extra["tie_word_embeddings"] = about["tie_word_embeddings"]
    wide = 64 if quantization.get("load_in_4bit") or quantization.get("load_in_8bit") else models.HIDDEN
    bare = models.build(experiment["model"], about.get("class"), int(workload.get("hidden", wide)), extra)
    if workload.get("activation_peak"):
        probe = data.examples("tokens", 4, seed, family.kind == "seq2seq")
        batch = {name: torch.tensor([row[name] for row in probe]) for name in probe[0]}
        if models.is_multimodal(bare):
            batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
        measures["activation_peak"] = precision.raise_activations(bare, float(workload["activation_peak"]), batch)
    dtype = adapters.dtype_named(about.get("dtype", about.get("torch_dtype")))
    if quantization.get("load_in_4bit") or quantization.get("load_in_8bit"):
        model, unknown = adapters.quantize(bare, quantization, dtype, experiment["device"], scratch)
        ignored.extend("quantization." + name for name in unknown)
        if settings.get("steps.prepare_for_kbit", bool(lora)):
            model = adapters.prepare_for_kbit(model, bool(settings.get("training.gradient_checkpointing")))
    else:
        model = bare if dtype is None else bare.to(dtype)
    if workload.get("new_rows"):
        adapters.add_rows(model, int(workload["new_rows"]), workload.get("new_rows_start", "mean"))
    bare = model
    if settings.get("steps.enable_input_require_grads"):
        model.enable_input_require_grads()
    for name in workload.get("freeze", ()):
        for key, parameter in model.named_parameters():
            if name in key:
                parameter.requires_grad_(False)
    if not lora:
        return model, bare, None
    config, unknown = adapters.lora_config(lora, family.kind == "seq2seq")
    ignored.extend("lora." + name for name in unknown)
    if experiment["trainer"] != "trainer":
        return model, bare, config
    from peft import get_peft_model

    casts = settings.get("lora.autocast_adapter_dtype")
    return get_peft_model(model, config, **({} if casts is None else {"autocast_adapter_dtype": casts})), bare, None


def _arguments(experiment: Record, settings: Record, seed: int, scratch: str, ignored: List[str]) -> Any:
    import transformers

    training = _part(settings, "training")
    if experiment["trainer"] == "trainer":
        kind: Any = transformers.TrainingArguments
    else:
        trl = _trl()
        kind = trl.SFTConfig if experiment["trainer"] == "sft" else trl.DPOConfig
        training.update(_part(settings, "sft" if experiment["trainer"] == "sft" else "dpo"))
    training.update(
        output_dir=scratch,
        max_steps=experiment["steps"] or 1,
        seed=seed,
        data_seed=seed,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        push_to_hub=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=experiment["trainer"] != "trainer",
    )
    known, unknown = adapters.accepted(kind, training)
    ignored.extend("training." + name for name in unknown)
    if experiment["device"] == "cpu":
        known["use_cpu" if "use_cpu" in adapters.accepted(kind, {"use_cpu": True})[0] else "no_cuda"] = True
        known.setdefault("bf16", False)
        known.setdefault("fp16", False)
    return kind(**known)


def _collator(workload: Record) -> Any:
    if workload.get("collator") == "language_modeling":
        from transformers import DataCollatorForLanguageModeling

        return DataCollatorForLanguageModeling(data.tokenizer(bool(workload.get("pad_is_eos"))), mlm=False)
    from transformers import default_data_collator

    return default_data_collator


def _trl() -> Any:
    try:
        import trl
    except ImportError as error:
        raise Absent("trl is not installed (%s)" % error) from error
    return trl


def _trl_trainer(kind: str, common: Record, peft_config: Any, workload: Record, rows: int, seed: int) -> Any:
    from datasets import Dataset

    trl = _trl()
    words = data.tokenizer(bool(workload.get("pad_is_eos")))
    texts = data.sentences(3 * rows, seed, int(workload.get("document", data.LENGTH)) - 1)
    if kind == "sft":
        if workload.get("data") == "prompts":
            half = [text.split(" ") for text in texts[:rows]]
            table = {"prompt": [" ".join(t[:16]) for t in half], "completion": [" " + " ".join(t[16:]) for t in half]}
        else:
            table = {"text": texts[:rows]}
        trainer = trl.SFTTrainer
    else:
        table = {"prompt": texts[:rows], "chosen": texts[rows : 2 * rows], "rejected": texts[2 * rows :]}
        trainer = trl.DPOTrainer
    named = {"processing_class": words}
    if "processing_class" not in adapters.accepted(trainer, named)[0]:
        named = {"tokenizer": words}
    return trainer(train_dataset=Dataset.from_dict(table), peft_config=peft_config, **common, **named)
