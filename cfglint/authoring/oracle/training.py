"""Whole training scripts as subjects: arguments, adapter and trainer together, up to the first optimizer step.

Their pool (``tests/oracle/pools/training.yaml``) has healthy values and faults apart, so that about half of the
configurations train: each draws some healthy settings and none, one or two faults. ``left_out`` and the head of the
pool name what the settings alone do not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import yaml

from cfglint.authoring.oracle.generate import DATA, of_type, pick
from cfglint.authoring.oracle.literals import arguments
from cfglint.authoring.oracle.subjects import Subject
from cfglint.resolve import fieldtable

#: When a script can raise: as the config objects are made, as adapter and trainer are, or in ``train()`` up to the
#: end of the first optimizer step.
STAGES = ("construction", "build", "first_step")

# In each of so many configurations a setting is drawn that is in the field table and in no pool.
FROM_TABLE = 0.15
# A name of the pool that this release does not have is written all the same in so many.
FOREIGN = 0.03
MOST_HEALTHY = 5
FAULTS = (0, 0, 0, 1, 1, 1, 1, 2)

# These are no settings of the config but of the script around it.
OF_THE_SCRIPT = ("eval_dataset", "rewards")
# Packages, hardware, files, the hub, other processes; and what stops every run at once.
_LEFT_OUT = frozenset(
    (
        *(
            "output_dir",
            "use_cpu",
            "no_cuda",
            "use_mps_device",
            "tf32",
            "fp16",
            "fp16_full_eval",
            "fp16_opt_level",
        ),
        *(
            "fp16_backend",
            "half_precision_backend",
            "deepspeed",
            "fsdp",
            "fsdp_config",
            "fsdp_min_num_params",
        ),
        *("fsdp_transformer_layer_cls_to_wrap", "local_rank", "ddp_backend", "ddp_timeout", "tpu_num_cores"),
        *("tpu_metrics_debug", "mp_parameters", "parallelism_config", "distributed_config", "jit_mode_eval"),
        *(
            "use_liger_kernel",
            "liger_kernel_config",
            "use_liger_loss",
            "torch_compile",
            "torch_compile_backend",
        ),
        *(
            "torch_compile_mode",
            "torchdynamo",
            "push_to_hub",
            "push_to_hub_model_id",
            "push_to_hub_organization",
        ),
        *(
            "push_to_hub_token",
            "hub_model_id",
            "hub_token",
            "resume_from_checkpoint",
            "logging_dir",
            "ray_scope",
        ),
        *(
            "use_vllm",
            "use_transformers_paged",
            "log_completions",
            "trackio_space_id",
            "project",
            "ddp_static_graph",
        ),
        *(
            "chat_template_path",
            "enable_jit_checkpoint",
            "activation_checkpointing_kwargs",
            "trust_remote_code",
        ),
        *(
            "use_transformers_continuous_batching",
            "transformers_continuous_batching_config",
            "log_completions_hub_repo",
        ),
        *(
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "peft_type",
            "peft_version",
            "runtime_config",
        ),
        *("megatron_config", "megatron_core", "corda_config", "eva_config", "arrow_config", "lora_ga_config"),
        *("kasa_config", "velora_config", "monteclora_config", "use_bdlora", "alora_invocation_tokens"),
    )
)

_PINNED = {"output_dir": "out", "use_cpu": True, "report_to": "none"}
_SHORT = {**_PINNED, "max_completion_length": 8}

#: The share of a trainer's configurations that train a LoRA adapter.
ADAPTED: Mapping[str, float] = {
    "Trainer": 0.0,
    "TrainerLoRA": 1.0,
    "SFTTrainer": 1.0,
    "DPOTrainer": 0.5,
    "GRPOTrainer": 0.5,
    "KTOTrainer": 0.5,
    "RewardTrainer": 0.5,
}

TRAINING: Mapping[str, Subject] = {
    name: Subject(name, library, library, config, "training", 200, pinned, _LEFT_OUT)
    for name, library, config, pinned in (
        ("Trainer", "transformers", "TrainingArguments", _PINNED),
        ("TrainerLoRA", "transformers", "TrainingArguments", _PINNED),
        ("SFTTrainer", "trl", "SFTConfig", _PINNED),
        ("DPOTrainer", "trl", "DPOConfig", _PINNED),
        ("GRPOTrainer", "trl", "GRPOConfig", _SHORT),
        ("KTOTrainer", "trl", "KTOConfig", _PINNED),
        ("RewardTrainer", "trl", "RewardConfig", _PINNED),
    )
}


def trainer_of(subject: Subject) -> str:
    """The class of its trainer."""
    return subject.name.removesuffix("LoRA")


def configurations(
    subject: Subject, anchor: Mapping[str, str], count: int | None = None
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yields `count` configurations: ``args``, ``lora`` where an adapter is trained, and ``trainer`` for the rest.

    The n-th is the same whatever `count` is.
    """
    pools = _pools()
    own = pools.get(subject.cls, pools["args"])
    rows = _rows(subject.library, subject.cls, anchor)
    lora_rows = _rows("peft", "LoraConfig", anchor)
    for number in range(subject.configurations if count is None else count):
        random = Random(f"{subject.name} {number}")
        adapter = random.random() < ADAPTED[subject.name]
        drawn = _drawn(random, [pools["args"], own], rows, int(pick(random, FAULTS)))
        arguments_ = {**subject.pinned, **drawn}
        script = {name: arguments_.pop(name) for name in OF_THE_SCRIPT if name in arguments_}
        if trainer_of(subject) != "Trainer" and random.random() < 0.5:
            script["model"] = "name"
        found = {"args": arguments_}
        if adapter:
            usual = {"task_type": "SEQ_CLS" if subject.cls == "RewardConfig" else "CAUSAL_LM"}
            lora = _drawn(random, [pools["lora"]], lora_rows, int(pick(random, FAULTS)))
            found["lora"] = {**usual, **lora}
        yield {**found, **({"trainer": script} if script else {})}


def _drawn(
    random: Random, pools: Sequence[Mapping[str, Any]], rows: Mapping[str, fieldtable.Row], faults: int
) -> dict[str, Any]:
    """Settings of one config object. What is drawn last counts, and faults are drawn last."""
    found: dict[str, Any] = {}
    healthy = int(random.random() * (MOST_HEALTHY + 1))
    for odd in [0] * healthy + [1] * faults:
        entry = _entry(random, pick(random, pools), odd)
        if all(name in rows or name in OF_THE_SCRIPT for name in entry) or random.random() < FOREIGN:
            found.update(entry)
    if random.random() < FROM_TABLE:
        name = pick(random, sorted(set(rows).difference(*(pool["fields"] for pool in pools))))
        usual, odd_values = of_type(rows[name])
        choices = rows[name].get("choices") or usual
        found[name] = pick(random, odd_values if random.random() < 0.4 else choices)
    return found


def _entry(random: Random, pool: Mapping[str, Any], odd: int) -> dict[str, Any]:
    """One field with a value, or settings that belong together, each of these as likely as a field."""
    names = sorted(pool["fields"])
    together = [entry for group in pool.get("together", ()) for entry in group[odd]]
    place = int(random.random() * (len(names) + len(together)))
    if place < len(names):
        return {names[place]: pick(random, pool["fields"][names[place]][odd])}
    return dict(together[place - len(names)])


def _rows(library: str, cls: str, anchor: Mapping[str, str]) -> dict[str, fieldtable.Row]:
    rows, _whole = fieldtable.inherited_fields(library, cls, anchor)
    return {name: row for name, row in rows.items() if name not in _LEFT_OUT}


def _pools() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DATA / "pools" / "training.yaml").read_text("utf-8"))
    return loaded


def written(subject: Subject, settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, bytes]:
    """The name and the text of the script that a user would write for a configuration."""
    script, trainer = settings.get("trainer", {}), trainer_of(subject)
    adapter, by_name = "lora" in settings, script.get("model") == "name"
    given = {"model": "name" if by_name else "model", "args": "args", "train_dataset": "rows"}
    if script.get("eval_dataset"):
        given["eval_dataset"] = "rows"
    parts = [_IMPORTS, f'name = "{MODEL}"', "tokenizer = AutoTokenizer.from_pretrained(name)", _ROWS]
    if not by_name:
        parts.append(f"model = {_LOADED.get(trainer, _CAUSAL)}")
    parts.append(f"args = {subject.cls}(\n{arguments(settings['args'])})")
    if adapter:
        parts.append(f"lora = LoraConfig(\n{arguments(settings['lora'])})")
    if subject.library == "trl":
        parts.insert(1, f"from trl import {subject.cls}, {trainer}\n")
        given["processing_class"] = "tokenizer"
        if adapter:
            given["peft_config"] = "lora"
    elif adapter:
        parts.append("model = get_peft_model(model, lora)")
    if trainer == "GRPOTrainer":
        parts.append(_REWARDS)
        given["reward_funcs"] = "[length, ends]" if script.get("rewards") == 2 else "[length]"
    called = ", ".join(f"{name}={value}" for name, value in given.items())
    return "train.py", "\n".join([*parts, f"trainer = {trainer}({called})", "trainer.train()", ""]).encode()


#: Has the layers and the separate head of the model that the worker makes.
MODEL = "meta-llama/Llama-2-7b-hf"
_IMPORTS = """\
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers import Trainer, TrainingArguments
"""
_ROWS = 'rows = load_dataset("json", data_files="rows.jsonl", split="train")'
_CAUSAL = "AutoModelForCausalLM.from_pretrained(name)"
_LOADED = {"RewardTrainer": "AutoModelForSequenceClassification.from_pretrained(name, num_labels=1)"}
_REWARDS = """
def length(completions, **columns):
    return [float(len(each)) for each in completions]

def ends(completions, **columns):
    return [float(each.endswith("ten")) for each in completions]
"""
