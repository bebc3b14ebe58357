"""What is asked: the constructors, where each is in its library, and the anchor releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cfglint.checks.readers import LLAMAFACTORY


class Subject(NamedTuple):
    """One constructor.

    `form` is how it takes its settings: ``call`` as keywords of a class, ``deepspeed`` as a JSON file, ``axolotl``
    and ``llamafactory`` as a YAML file of that tool. `pinned` are settings of every configuration, so that the
    outcome depends on no hardware; `left_out` are fields whose outcome depends on files, on the network or on
    what is installed. `configurations` is how many are generated. `classes` are the tabled classes whose fields a
    tool's file may hold, if there are several; `anchors` the sets of releases that it is asked at; `target` what the
    linter is told of the machine that the worker plays.
    """

    name: str
    library: str
    module: str
    cls: str
    form: str = "call"
    configurations: int = 2000
    pinned: Mapping[str, object] = {}
    left_out: frozenset[str] = frozenset()
    values: str = ""
    classes: tuple[tuple[str, str], ...] = ()
    anchors: tuple[str, ...] = ("4.57.6", "5.23.0")
    target: Mapping[str, object] = {}


#: The releases of each anchor; an environment of an anchor has exactly these.
_TRANSFORMERS: Mapping[str, Mapping[str, str]] = {
    "4.57.6": {
        "transformers": "4.57.6",
        "trl": "0.24.0",
        "peft": "0.17.1",
        "accelerate": "1.15.0",
        "bitsandbytes": "0.50.2",
    },
    "5.23.0": {
        "transformers": "5.23.0",
        "trl": "1.16.0",
        "peft": "0.21.2",
        "accelerate": "1.15.0",
        "bitsandbytes": "0.50.2",
    },
}
ANCHORS: Mapping[str, Mapping[str, str]] = {
    **_TRANSFORMERS,
    "deepspeed-0.16.9": {"deepspeed": "0.16.9"},
    "deepspeed-0.19.8": {"deepspeed": "0.19.8"},
    "llamafactory-0.9.3": {"llamafactory": "0.9.3", **_TRANSFORMERS["4.57.6"]},
    "llamafactory-0.9.5": {"llamafactory": "0.9.5", **_TRANSFORMERS["4.57.6"]},
    "axolotl-0.13.2": {"axolotl": "0.13.2", "torch": "2.13.0", **_TRANSFORMERS["4.57.6"]},
    "axolotl-0.21.0": {"axolotl": "0.21.0", "torch": "2.13.0", **_TRANSFORMERS["5.23.0"]},
}

_TRAINING = {"output_dir": "out", "use_cpu": True}
# Hardware, files, sessions of other programs: what these do is no matter of the settings alone.
_OUTSIDE = frozenset(
    (
        *(
            "output_dir",
            "use_cpu",
            "no_cuda",
            "use_mps_device",
            "tf32",
            "local_rank",
            "ddp_backend",
            "tpu_num_cores",
        ),
        *(
            "use_ipex",
            "jit_mode_eval",
            "parallelism_config",
            "distributed_config",
            "mp_parameters",
            "past_index",
        ),
        *("deepspeed", "push_to_hub_organization", "push_to_hub_token", "push_to_hub_model_id"),
        # Apex is a package of its own, and absent from the anchors.
        *("half_precision_backend", "fp16_backend"),
    )
)

# What these do depends on the releases of optimum, autoawq and gptqmodel, which the anchors do not have.
_QUANTIZERS_OWN = frozenset(
    (
        "modules_in_block_to_quantize",
        "do_fuse",
        "fuse_max_seq_len",
        "modules_to_fuse",
        "modules_to_not_convert",
    )
)

# An accelerator and objects of a program; what stands in the sections of pruning, sparse attention and curricula, which
# have validators of their own and no part in fine-tuning (their names alone are asked with).
_DEEPSPEED_OUTSIDE = frozenset(
    (
        *("aio.use_gds", "tensor_parallel.tensor_parallel", "tensor_parallel.tp", "tensor_parallel.dtype"),
        *("compression_training.", "sparse_attention.", "eigenvalue.", "quantize_training.", "nebula."),
        *("progressive_layer_drop.", "elasticity.", "curriculum_learning.", "data_efficiency.data_sampling."),
        "data_efficiency.data_routing.",
    )
)
# Other programs' packages, files in the working folder, and what several processes would do.
_LLAMAFACTORY_OUTSIDE = frozenset(
    (
        "resume_from_checkpoint",
        "overwrite_output_dir",
        "use_kt",
        "new_special_tokens_config",
        "ray_storage_filesystem",
        "use_mca",
        "ray_storage_path",
        "ray_init_kwargs",
    )
)
# Plugins are packages of their own; a DeepSpeed file would be read.
_AXOLOTL_OUTSIDE = frozenset(("plugins", "deepspeed", "local_rank", "world_size", "device", "device_map"))

SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject(
            "TrainingArguments",
            "transformers",
            "transformers",
            "TrainingArguments",
            configurations=20000,
            pinned=_TRAINING,
            left_out=_OUTSIDE,
            values="training",
        ),
        *(
            Subject(name, "trl", "trl", name, pinned=_TRAINING, left_out=_OUTSIDE, values="trl")
            for name in ("SFTConfig", "DPOConfig", "GRPOConfig", "RLOOConfig", "KTOConfig", "RewardConfig")
        ),
        Subject("ModelConfig", "trl", "trl", "ModelConfig", values="trl"),
        *(
            Subject(name, "peft", "peft", name, values="peft")
            for name in ("LoraConfig", "OFTConfig", "BOFTConfig", "IA3Config", "PromptTuningConfig")
        ),
        Subject("AdaLoraConfig", "peft", "peft", "AdaLoraConfig", pinned={"total_step": 1000}, values="peft"),
        *(
            Subject(name, "transformers", "transformers", name, left_out=_QUANTIZERS_OWN, pinned=pinned)
            for name, pinned in (
                ("BitsAndBytesConfig", {}),
                ("GPTQConfig", {"bits": 4}),
                ("AwqConfig", {}),
                ("QuantoConfig", {}),
                ("EetqConfig", {}),
                ("AqlmConfig", {}),
                ("FineGrainedFP8Config", {}),
            )
        ),
        Subject(
            *("DeepSpeedConfig", "deepspeed", "deepspeed.runtime.config", "DeepSpeedConfig", "deepspeed"),
            pinned={
                "zero_optimization": {},
                "bf16": {"enabled": "auto"},
                "train_micro_batch_size_per_gpu": 1,
            },
            left_out=_DEEPSPEED_OUTSIDE,
            values="deepspeed",
            classes=(("deepspeed", "DeepSpeedMonitorConfig"), ("deepspeed", "DeepSpeedConfig")),
            anchors=("deepspeed-0.16.9", "deepspeed-0.19.8"),
        ),
        Subject(
            *(
                "LLaMA-Factory",
                "llamafactory",
                "llamafactory.hparams.parser",
                "get_train_args",
                "llamafactory",
            ),
            pinned={
                **_TRAINING,
                "model_name_or_path": "model",
                "stage": "sft",
                "do_train": True,
                "finetuning_type": "lora",
                "dataset": "identity",
                "template": "llama3",
            },
            left_out=_OUTSIDE | _LLAMAFACTORY_OUTSIDE,
            values="llamafactory",
            classes=tuple(
                item for item in LLAMAFACTORY if item[1] not in ("EvaluationArguments", "RayArguments")
            ),
            anchors=("llamafactory-0.9.3", "llamafactory-0.9.5"),
        ),
        Subject(
            *("Axolotl", "axolotl", "axolotl.utils.config", "validate_config", "axolotl"),
            pinned={
                "base_model": "model",
                "datasets": [{"path": "data", "type": "alpaca"}],
                "micro_batch_size": 1,
                "gradient_accumulation_steps": 1,
                "num_epochs": 1,
                "learning_rate": 1e-4,
            },
            left_out=_AXOLOTL_OUTSIDE,
            values="axolotl",
            classes=(("axolotl", "AxolotlInputConfig"),),
            anchors=("axolotl-0.13.2", "axolotl-0.21.0"),
            target={"gpu": "H100"},
        ),
    )
}
