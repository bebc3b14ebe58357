"""Which launch config a script runs under: by its own usage comment, or as the only one beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfglint.engine.ruleset import load_rules
from cfglint.model.run import Run
from cfglint.resolve.project import Project
from cfglint.resolve.runs import build_runs

ACCELERATE = (
    "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmachine_rank: 0\nnum_processes: 4\n"
)
SCRIPT = """\
from transformers import Trainer, TrainingArguments
args = TrainingArguments("out", learning_rate=1e-4)
Trainer(args=args).train()
"""


def runs_of(folder: Path, files: dict[str, str]) -> list[Run]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = Project(load_rules().vocabulary, str(folder), str(folder))
    return build_runs(project, [project.open(str(folder / name), named=True) for name in files], {}, "none")


def processes(run: Run) -> object:
    value = run.fields.get("launch.num_processes")
    return value.value if value is not None else None


@pytest.mark.parametrize(
    "comment",
    [
        "# accelerate launch --config_file four.yaml train.py\n",
        '"""accelerate launch --config_file four.yaml scripts/train.py"""\n',
        "# accelerate launch \\\n#   --config_file four.yaml \\\n#   train.py\n",
    ],
)
def test_a_usage_comment_names_the_launch_config(comment: str, tmp_path: Path) -> None:
    files = {"train.py": comment + SCRIPT, "four.yaml": ACCELERATE, "one.yaml": ACCELERATE.replace("4", "1")}
    runs = [run for run in runs_of(tmp_path, files) if "training.learning_rate" in run.fields]
    assert [processes(run) for run in runs] == [4]


def test_a_config_with_a_usage_comment_is_read_under_its_launch(tmp_path: Path) -> None:
    usage = "# accelerate launch --config_file four.yaml src/train.py sft.yaml\n"
    config = usage + "stage: sft\nfinetuning_type: lora\nlora_rank: 4\n"
    (run,) = runs_of(tmp_path, {"sft.yaml": config, "four.yaml": ACCELERATE})
    assert processes(run) == 4
    assert run.fields["lora.r"].value == 4


def test_a_comment_about_another_script_says_nothing(tmp_path: Path) -> None:
    files = {
        "train.py": "# accelerate launch --config_file four.yaml other.py\n" + SCRIPT,
        "four.yaml": ACCELERATE,
        "one.yaml": ACCELERATE,
    }
    runs = [run for run in runs_of(tmp_path, files) if "training.learning_rate" in run.fields]
    assert [processes(run) for run in runs] == [None]


def test_the_only_launch_config_goes_with_the_only_training_script(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, {"train.py": SCRIPT, "prepare.py": "import datasets\n", "four.yaml": ACCELERATE})
    assert [processes(run) for run in runs] == [4]


def test_two_launch_configs_or_two_scripts_are_not_paired(tmp_path: Path) -> None:
    files = {
        "a/train.py": SCRIPT,
        "a/x.yaml": ACCELERATE,
        "a/y.yaml": ACCELERATE,
        "b/train.py": SCRIPT,
        "b/dpo.py": SCRIPT,
        "b/x.yaml": ACCELERATE,
    }
    runs = [run for run in runs_of(tmp_path, files) if "training.learning_rate" in run.fields]
    assert [processes(run) for run in runs] == [None, None, None]


def test_flags_of_llamafactorys_own_script_are_its_settings(tmp_path: Path) -> None:
    command = "deepspeed --num_gpus 2 src/train.py --stage sft --finetuning_type lora --lora_rank 8"
    (run,) = runs_of(tmp_path, {"run.sh": command + " --quantization_bit 4\n"})
    assert run.fields["quantization.load_in_4bit"].value is True
    assert run.fields["lora.r"].value == 8
    assert run.fields["framework.name"].value == "llamafactory"


def test_fsdp_settings_of_training_arguments_are_read_without_prefix(tmp_path: Path) -> None:
    text = SCRIPT.replace(
        "learning_rate=1e-4",
        'fsdp="full_shard", fsdp_config={"fsdp_use_orig_params": "false", "activation_checkpointing": True}',
    )
    (run,) = runs_of(tmp_path, {"train.py": text})
    assert run.fields["fsdp.use_orig_params"].value is False
    assert run.fields["fsdp.activation_checkpointing"].value is True
    assert run.absent("fsdp.version").state == 0


def test_an_fsdp_config_file_is_followed(tmp_path: Path) -> None:
    text = SCRIPT.replace("learning_rate=1e-4", 'fsdp="full_shard", fsdp_config="fsdp.json"')
    (run,) = runs_of(
        tmp_path,
        {"train.py": text, "fsdp.json": '{"activation_checkpointing": true, "use_orig_params": "true"}'},
    )
    assert run.fields["fsdp.activation_checkpointing"].value is True
    assert run.fields["fsdp.use_orig_params"].value is True


def test_unread_keyword_arguments_may_state_anything(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, {"train.py": SCRIPT.replace("learning_rate=1e-4", "**read_more()")})
    assert run.absent("training.lr_scheduler_kwargs").state == -1
    assert run.absent("lora.r").state == 0


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("NPROC_PER_NODE=8 swift sft --model m --tuner_type lora", 8),
        ("CUDA_VISIBLE_DEVICES=0,1,2 llamafactory-cli train --stage sft --finetuning_type lora", 3),
        ("CUDA_VISIBLE_DEVICES=5 python train.py --stage sft --finetuning_type lora", 1),
        ("CUDA_VISIBLE_DEVICES=5,6 python train.py --stage sft --finetuning_type lora", None),
    ],
)
def test_variables_say_how_many_processes(command: str, number: object, tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, {"run.sh": command + "\n"})
    assert processes(run) == number


def test_fsdp_flags_of_accelerate_launch(tmp_path: Path) -> None:
    command = "accelerate launch --use_fsdp --fsdp_version 2 --fsdp_offload_params true train.py\n"
    (run,) = runs_of(tmp_path, {"train.py": SCRIPT, "run.sh": command})
    assert (run.fields["fsdp.active"].value, run.fields["fsdp.version"].value) == (True, 2)
    assert run.fields["fsdp.offload_params"].value is True
