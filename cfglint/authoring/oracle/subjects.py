"""What is asked: the constructors, where each is in its library, and the anchor releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Subject(NamedTuple):
    """One constructor.

    `form` is how it takes its settings: ``call`` as keywords of a class, ``deepspeed`` as a JSON file, ``axolotl``
    and ``llamafactory`` as a YAML file of that tool. `pinned` are settings of every configuration, so that the
    outcome depends on no hardware; `left_out` are fields whose outcome depends on files, on the network or on
    what is installed. `count` is how many configurations are generated.
    """

    name: str
    library: str
    module: str
    cls: str
    form: str = "call"
    count: int = 2000
    pinned: Mapping[str, object] = {}
    left_out: frozenset[str] = frozenset()
    values: str = ""


#: The releases of each anchor; an environment of an anchor has exactly these.
ANCHORS: Mapping[str, Mapping[str, str]] = {
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
    ("modules_in_block_to_quantize", "do_fuse", "fuse_max_seq_len", "modules_to_fuse", "modules_to_not_convert")
)

SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject(
            "TrainingArguments",
            "transformers",
            "transformers",
            "TrainingArguments",
            count=20000,
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
            for name in (
                *("LoraConfig", "AdaLoraConfig", "OFTConfig", "BOFTConfig", "IA3Config"),
                "PromptTuningConfig",
            )
        ),
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
    )
}
