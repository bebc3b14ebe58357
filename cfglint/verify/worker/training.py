"""One run of one arm: the tiny model, the user's own trainer class and settings, a few real steps."""

from __future__ import annotations

import time
from importlib import metadata
from typing import Any, NamedTuple

import torch

from . import adapters, data, engines, models, precision
from .confine import peak_megabytes
from .failures import exception_record
from .inspections import AFTER_TRAINING, BEFORE_TRAINING
from .models import AbsentError
from .recorder import Recorder

Record = dict[str, Any]


def run(experiment: Record, arm: Record, variant: Record, seed: int, scratch: str) -> Record:
    """Trains one arm and returns an arm result; exceptions of the arm are part of the result."""
    started = time.monotonic()
    result: Record = {"arm": arm["name"], "variant": variant["name"], "seed": seed, "status": "finished"}
    recorder = Recorder()
    measures: Record = {}
    phase = "setup"
    ignored: list[str] = []
    try:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        settings = engines.effective_settings(arm, variant)
        engines.start(experiment, scratch)
        trainer = _trainer(Setup(experiment, settings, arm["workload"], seed, scratch, ignored, measures))
        _inspect(BEFORE_TRAINING, trainer, arm["workload"], scratch, measures)
        recorder.attach(trainer)
        phase = "train"
        if experiment["steps"]:
            trainer.train()
        phase = "inspect"
        _inspect(AFTER_TRAINING, trainer, arm["workload"], scratch, measures)
    except AbsentError as error:
        result.update(status="absent", reason=str(error))
    except Exception as error:
        if _is_memory(error):
            result.update(status="out_of_memory", reason=str(error)[:300])
        else:
            result.update(status="raised", exception=exception_record(error, phase, recorder.steps))
    result.update(recorder.record(result["status"] == "finished"), measures=measures, ignored=ignored)
    result.update(seconds=round(time.monotonic() - started, 3), peak_mb=peak_megabytes())
    return result


def _is_memory(error: BaseException) -> bool:
    text = str(error)
    return (
        isinstance(error, MemoryError) or "can't allocate memory" in text or "out of memory" in text.lower()
    )


def _inspect(kinds: Record, trainer: Any, workload: Record, scratch: str, measures: Record) -> None:
    for name in workload.get("inspect", ()):
        if name in kinds:
            measures.update(kinds[name](trainer, workload, scratch))


def _part(settings: Record, prefix: str) -> Record:
    return {
        name[len(prefix) + 1 :]: value for name, value in settings.items() if name.startswith(prefix + ".")
    }


class Setup(NamedTuple):
    """What one run is made of; `ignored` and `measures` are filled while it is set up."""

    experiment: Record
    settings: Record
    workload: Record
    seed: int
    scratch: str
    ignored: list[str]
    measures: Record

    @property
    def weights(self) -> str | None:
        """The checkpoint to train instead of random weights; an arm with its own architecture has none."""
        return None if "model" in self.workload else self.experiment.get("weights")

    @property
    def model(self) -> str:
        """The architecture: the checkpoint's, the arm's own (a control on another), or the experiment's."""
        if self.weights:
            return str(models.checkpoint_config(self.weights).model_type)
        return str(self.workload.get("model", self.experiment["model"]))

    @property
    def seq2seq(self) -> bool:
        """Whether the architecture has an encoder and a decoder."""
        if self.weights:
            return bool(models.checkpoint_config(self.weights).is_encoder_decoder)
        return models.architecture(self.model).kind == "seq2seq"

    def part(self, namespace: str) -> Record:
        """The settings of one namespace, without its name."""
        return {
            name[len(namespace) + 1 :]: value
            for name, value in self.settings.items()
            if name.startswith(namespace + ".") and value is not None
        }


def _trainer(setup: Setup) -> Any:
    kind, workload = setup.experiment["trainer"], setup.workload
    # The model first: once the arguments are there, ZeRO-3 splits what is built, and random weights need it whole.
    model, peft_config = _model(setup)
    arguments = _arguments(setup)
    each = arguments.train_batch_size * arguments.gradient_accumulation_steps
    rows = max(int(workload.get("rows", 8)), arguments.max_steps * each * arguments.world_size)
    common = {"model": model, "args": arguments}
    if kind == "trainer":
        from transformers import Trainer

        dataset: Any = data.examples(workload.get("data", "tokens"), rows, setup.seed, setup.seq2seq)
        if setup.model == "gemma3":
            for record in dataset:
                record["token_type_ids"] = [0] * len(record["input_ids"])
        if str(getattr(arguments, "eval_strategy", "no")) not in (
            "no",
            "IntervalStrategy.NO",
            "SaveStrategy.NO",
        ):
            common["eval_dataset"] = dataset[:4]
        made: Any = Trainer(train_dataset=dataset, data_collator=_collator(workload), **common)
        # An adapter hides the model's own signature, in which the trainer looks for the names of labels.
        made.label_names = made.label_names or ["labels"]
    else:
        made = _trl_trainer(kind, common, peft_config, workload, rows, setup.seed)
    if setup.experiment.get("engine") == "deepspeed" and not workload.get("empty_groups"):
        engines.drop_empty_groups(made)
    if arguments.fp16 and setup.experiment["device"] == "cpu":
        precision.emulate_float16(made)
    return made


def _model(setup: Setup) -> tuple[Any, Any]:
    """The model as the trainer gets it, and the adapter's settings where the trainer is to apply them."""
    settings, workload = setup.settings, setup.workload
    about, lora = setup.part("model"), setup.part("lora")
    quantization = setup.part("quantization")
    quantized = bool(quantization.get("load_in_4bit") or quantization.get("load_in_8bit"))
    # A variant changes settings, so the architecture's own are a namespace too.
    extra = {**workload.get("config", {}), **setup.part("config")}
    if "tied_embeddings" in about and setup.model != "gemma3":
        extra["tie_word_embeddings"] = about["tied_embeddings"]
    # Quantized layers and 8-bit optimizer states come in blocks of 64.
    hidden = int(workload.get("hidden", 64 if quantized else models.HIDDEN))
    if setup.weights:
        model = models.load(setup.weights, about.get("attn_implementation"))
    else:
        architecture, attention = about.get("architecture"), about.get("attn_implementation")
        model = models.build(setup.model, architecture, hidden, extra, attention)
    if workload.get("activation_peak"):
        rows = data.examples("tokens", 4, setup.seed, setup.seq2seq)
        batch = {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}
        if setup.model == "gemma3":
            batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])
        reached = precision.raise_activations(model, float(workload["activation_peak"]), batch, quantized)
        setup.measures["activation_peak"] = reached
    dtype = adapters.dtype_named(about.get("dtype"))
    if quantized:
        model, unknown = adapters.quantize(
            model, quantization, dtype, setup.experiment["device"], setup.scratch
        )
        setup.ignored.extend("quantization." + name for name in unknown)
        if workload.get("prepare_for_kbit", bool(lora)):
            model = adapters.prepare_for_kbit(model, bool(settings.get("training.gradient_checkpointing")))
    elif dtype is not None:
        model = model.to(dtype)
    if workload.get("new_rows"):
        adapters.add_rows(model, int(workload["new_rows"]), workload.get("new_rows_start", "mean"))
    if workload.get("enable_input_require_grads"):
        model.enable_input_require_grads()
    for name, parameter in model.named_parameters():
        if any(part in name for part in workload.get("freeze", ())):
            parameter.requires_grad_(False)
    if not lora:
        return model, None
    casts = lora.pop("autocast_adapter_dtype", None)
    config, unknown = adapters.adapter_config(workload.get("adapter", "lora"), lora, setup.seq2seq)
    setup.ignored.extend("lora." + name for name in unknown)
    if setup.experiment["trainer"] != "trainer":
        return model, config
    from peft import get_peft_model

    return get_peft_model(model, config, **({} if casts is None else {"autocast_adapter_dtype": casts})), None


def _arguments(setup: Setup) -> Any:
    import transformers

    training, kind = setup.part("training"), setup.experiment["trainer"]
    if kind == "trainer":
        factory: Any = transformers.TrainingArguments
    else:
        factory = trl_class(TRL_TRAINERS[kind][1])
        for namespace in ("data", "preference", "trl"):
            training.update(setup.part(namespace))
        if kind == "sft" and setup.workload.get("data") != "prompts":
            # Older releases have no default for it.
            training.setdefault("dataset_text_field", "text")
        if not adapters.accepted(factory, {"max_length": 1})[0] and "max_length" in training:
            training["max_seq_length"] = training.pop("max_length")
    reentrant = training.pop("gradient_checkpointing_kwargs.use_reentrant", None)
    if reentrant is not None:
        training["gradient_checkpointing_kwargs"] = {"use_reentrant": reentrant}
    training.setdefault("logging_steps", 1)
    training.setdefault("save_strategy", "no")
    training.update(
        output_dir=setup.scratch,
        max_steps=setup.experiment["steps"] or 1,
        seed=setup.seed,
        **({"data_seed": setup.seed} if _accelerate_takes_data_seed() else {}),
        report_to=[],
        disable_tqdm=True,
        push_to_hub=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=kind != "trainer",
    )
    known, unknown = adapters.accepted(factory, training)
    setup.ignored.extend("training." + name for name in unknown)
    if setup.experiment["device"] == "cpu":
        known["use_cpu" if adapters.accepted(factory, {"use_cpu": True})[0] else "no_cuda"] = True
        # Newer releases of TRL train in bfloat16 where nothing is said.
        known.setdefault("bf16", False)
        known.setdefault("fp16", False)
    if setup.experiment.get("engine") == "deepspeed":
        known["deepspeed"] = engines.deepspeed_settings(setup.part("deepspeed"))
    return factory(**known)


def _accelerate_takes_data_seed() -> bool:
    """Trainer refuses the argument under an accelerate before 1.1."""
    return tuple(int(part) for part in metadata.version("accelerate").split(".")[:2]) >= (1, 1)


def _collator(workload: Record) -> Any:
    if workload.get("collator") == "language_modeling":
        from transformers import DataCollatorForLanguageModeling

        return DataCollatorForLanguageModeling(data.tokenizer(bool(workload.get("pad_is_eos"))), mlm=False)
    from transformers import default_data_collator

    return default_data_collator


# By the kind of trainer: its class and its configuration's.
TRL_TRAINERS = {
    "sft": ("SFTTrainer", "SFTConfig"),
    "dpo": ("DPOTrainer", "DPOConfig"),
    "cpo": ("CPOTrainer", "CPOConfig"),
    "orpo": ("ORPOTrainer", "ORPOConfig"),
}


def trl_class(name: str) -> Any:
    """A class of TRL. Raises AbsentError where TRL, or this release's class, is not there."""
    try:
        import trl
    except ImportError as error:
        raise AbsentError(f"trl is not installed ({error})") from error
    try:
        return getattr(trl, name)
    except AttributeError:
        raise AbsentError(f"trl {trl.__version__} has no {name}") from None


def _trl_trainer(kind: str, common: Record, peft_config: Any, workload: Record, rows: int, seed: int) -> Any:
    from datasets import Dataset

    words = data.tokenizer(bool(workload.get("pad_is_eos")))
    texts = data.sentences(3 * rows, seed, int(workload.get("document", data.LENGTH)) - 1)
    if kind == "sft":
        if workload.get("data") == "prompts":
            half = [text.split(" ") for text in texts[:rows]]
            table = {
                "prompt": [" ".join(t[:16]) for t in half],
                "completion": [" " + " ".join(t[16:]) for t in half],
            }
        else:
            table = {"text": texts[:rows]}
    else:
        table = {"prompt": texts[:rows], "chosen": texts[rows : 2 * rows], "rejected": texts[2 * rows :]}
    trainer = trl_class(TRL_TRAINERS[kind][0])
    named = {"processing_class": words}
    if "processing_class" not in adapters.accepted(trainer, named)[0]:
        named = {"tokenizer": words}
    return trainer(train_dataset=Dataset.from_dict(table), peft_config=peft_config, **common, **named)
