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
    "output_dir use_cpu no_cuda use_mps_device tf32 deepspeed local_rank ddp_backend tpu_num_cores use_ipex "
    "jit_mode_eval parallelism_config distributed_config mp_parameters past_index push_to_hub_organization "
    "push_to_hub_token push_to_hub_model_id half_precision_backend fp16_backend".split()
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
    )
}
