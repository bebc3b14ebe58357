"""One run out of many files: links, context, precedence, what is Unset and what is Unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import load_rules
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, UNKNOWN, UNSET
from cfglint.resolve.project import Project
from cfglint.resolve.runs import build_runs

RULES = load_rules()
Build = Callable[..., "list[Run]"]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Runs of a small project; ``named`` lists the files named on the command line (default: a folder was searched)."""

    def build_from(
        files: dict[str, str], named: tuple[str, ...] = (), target: dict[str, Any] | None = None
    ) -> list[Run]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        project = Project(RULES.vocabulary, str(tmp_path), str(tmp_path))
        wanted = named or tuple(sorted(files))
        return build_runs(
            project,
            [project.open(str(tmp_path / name), bool(named)) for name in wanted],
            target or {},
            "none",
        )

    return build_from


def facts(run: Run) -> Facts:
    return Facts(run, RULES.vocabulary.derived, RULES.table)


def paths(run: Run) -> set[str]:
    return {source.path for source in run.sources}


TRAIN = "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nlearning_rate: 2e-5\n"
ZERO3 = '{"zero_optimization": {"stage": 3}, "train_batch_size": "auto"}'
SCRIPT = """\
from peft import LoraConfig
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.1-8B", torch_dtype="bfloat16")
args = TrainingArguments("out", bf16=True, learning_rate=1e-4)
Trainer(model=model, args=args).train()
"""


def test_a_config_and_what_it_names_are_one_run(build: Build) -> None:
    [run] = build(
        {
            "conf/train.yaml": TRAIN + "deepspeed: conf/z3.json\n",
            "conf/z3.json": ZERO3,
            "requirements.txt": "transformers==4.51.3\n",
        }
    )
    assert paths(run) == {"conf/train.yaml", "conf/z3.json", "requirements.txt"}
    assert run.fields["deepspeed.zero_optimization.stage"].value == 3
    assert run.packages["transformers"].text() == "4.51.3"
    assert facts(run).value("deepspeed.zero3").value is True


def test_a_linked_file_named_alone_brings_its_run(build: Build) -> None:
    [run] = build({"train.yaml": TRAIN + "deepspeed: z3.json\n", "z3.json": ZERO3}, named=("z3.json",))
    assert paths(run) == {"train.yaml", "z3.json"}


def test_two_different_files_of_a_name_leave_the_link_unknown(build: Build) -> None:
    files = {
        "a/train.yaml": TRAIN + "deepspeed: z3.json\n",
        "a/z3.json": ZERO3,
        "z3.json": ZERO3.replace("3", "2"),
    }
    run = next(run for run in build(files) if "a/train.yaml" in paths(run))
    assert "a/z3.json" not in paths(run)
    assert facts(run).value("deepspeed.zero_optimization.stage").state == UNKNOWN


def test_the_loader_decides_what_2e_5_is(build: Build) -> None:
    [run] = build({"train.yaml": TRAIN})
    assert run.fields["training.learning_rate"].value == 2e-5
    assert run.fields["training.learning_rate"].raw == "2e-5"


def test_null_is_not_set_and_the_default_counts(build: Build) -> None:
    [run] = build({"train.yaml": TRAIN + "max_grad_norm: null\n"})
    value = facts(run).value("training.max_grad_norm")
    assert (value.value, value.origin) == (1.0, "default")


def test_a_default_that_differs_between_versions_is_unknown_until_one_is_pinned(build: Build) -> None:
    field = "training.gradient_checkpointing_kwargs.use_reentrant"
    [run] = build({"train.py": SCRIPT})
    assert facts(run).value(field).state == UNKNOWN
    [run] = build({"train.py": SCRIPT, "requirements.txt": "transformers==4.51.3\n"})
    assert facts(run).value(field).value is True


def test_without_an_adapter_call_a_whole_script_trains_everything(build: Build) -> None:
    [run] = build({"train.py": SCRIPT})
    assert run.fields["adapter.method"].value == "none"
    assert facts(run).value("quantization.load_in_4bit").state == UNSET


def test_a_script_that_calls_its_own_modules_hides_calls(build: Build) -> None:
    [run] = build(
        {
            "train.py": "from my_project.model import wrap\n" + SCRIPT,
            "my_project/model.py": "def wrap(): ...\n",
        }
    )
    assert run.has_step("merge") is None
    assert facts(run).value("quantization.load_in_4bit").state == UNKNOWN


def test_a_dictionary_given_to_a_step_is_readable_by_key(build: Build) -> None:
    (run,) = build(
        {
            "train.py": "from transformers import Trainer, TrainingArguments\n"
            'tokenizer.add_special_tokens({"pad_token": "[PAD]"})\n'
            'Trainer(args=TrainingArguments("out")).train()\n'
        }
    )
    assert facts(run).value("steps.add_tokens.new_tokens.pad_token").value == "[PAD]"


def test_each_training_config_of_a_script_is_a_run(build: Build) -> None:
    text = (
        SCRIPT
        + 'more = TrainingArguments("second", learning_rate=1e-5)\nTrainer(model=model, args=more).train()\n'
    )
    runs = build({"train.py": text})
    assert [run.fields["training.learning_rate"].value for run in runs] == [1e-4, 1e-5]


def test_a_launch_command_joins_script_and_accelerate_config(build: Build) -> None:
    files = {
        "train.py": SCRIPT,
        "ddp.yaml": "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmachine_rank: 0\nnum_processes: 4\n",
        "run.sh": "accelerate launch --config_file ddp.yaml train.py\n",
    }
    [run] = build(files)
    assert paths(run) == {"train.py", "ddp.yaml", "run.sh"}
    assert run.fields["launch.num_processes"].value == 4
    assert facts(run).value("deepspeed.zero_optimization.stage").state == UNSET


def test_flags_of_a_launch_command_are_fields_with_their_place(build: Build) -> None:
    [run] = build(
        {
            "run.sh": "llamafactory-cli train --stage sft --finetuning_type lora \\\n  --model_name_or_path google/gemma-2-9b --learning_rate 5e-5\n"
        }
    )
    value = run.fields["training.learning_rate"]
    assert value.value == 5e-5
    assert value.place is not None
    assert value.place.source.slice(value.place.span) == "--learning_rate 5e-5"


def test_the_framework_in_charge(build: Build) -> None:
    [run] = build({"train.yaml": TRAIN})
    assert run.fields["framework.name"].value == "llamafactory"
    [run] = build({"train.py": SCRIPT})
    assert run.fields["framework.name"].value == "trainer"


def test_the_target_speaks_louder_than_a_pin(build: Build) -> None:
    [run] = build(
        {"train.yaml": TRAIN, "requirements.txt": "trl==0.9.6\n"},
        target={"packages": {"trl": "0.20.0"}, "gpu": "t4"},
    )
    assert run.packages["trl"].text() == "0.20.0"
    assert run.fields["target.gpu"].value == "t4"


def test_a_notebooks_own_pins_count(build: Build) -> None:
    cells = [["!pip install trl==0.15.2\n"], SCRIPT.splitlines(keepends=True)]
    import json

    notebook = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for cell in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    [run] = build({"train.ipynb": json.dumps(notebook, indent=1)})
    assert run.packages["trl"].text() == "0.15.2"
    place = run.fields["training.learning_rate"].place
    assert place is not None
    assert place.source.slice(place.span) == "learning_rate=1e-4"


def test_strangers_are_left_alone(build: Build) -> None:
    assert (
        build(
            {
                "docker-compose.yaml": "services:\n  db: {image: postgres}\n",
                "data.json": '{"learning_rate": [1, 2]}',
            }
        )
        == []
    )


def test_a_requirements_file_alone_is_a_run(build: Build) -> None:
    [run] = build({"requirements.txt": "transformers==4.57.0\n"})
    assert run.packages["transformers"].kind == "pin"
    assert facts(run).value("training.fp16").state == UNKNOWN


@pytest.mark.parametrize(("text", "state"), [("fp16: true", KNOWN), ("fp16: ${FP16}", UNKNOWN), ("", KNOWN)])
def test_states_of_a_field(build: Build, text: str, state: int) -> None:
    [run] = build({"train.yaml": TRAIN + text + "\n"})
    assert facts(run).value("training.fp16").state == state


def test_what_is_derived_from_a_replaceable_default_is_replaceable_each_time_it_is_asked(
    build: Build,
) -> None:
    script = (
        "import argparse\nfrom transformers import Trainer, TrainingArguments\n"
        "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--accumulate", type=int, default=4)\nargs = parser.parse_args()\n'
        "Trainer(model=m, args=TrainingArguments('out', gradient_accumulation_steps={})).train()\n"
    )
    for written, weak in (("args.accumulate", True), ("4", False)):
        asked = facts(build({"train.py": script.format(written)})[0])
        for _ in range(2):
            asked.weak = False
            assert asked.get("training.effective_batch_size") == 32
            assert asked.weak is weak
