"""``cfglint verify`` without torch: what is planned, and the page of what cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cfglint.cli.group import main

BOTH = '{"zero_optimization": {"stage": 1},\n "fp16": {"enabled": true},\n "bf16": {"enabled": true}}\n'
SCRIPT = """\
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
model = get_peft_model(AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B"), LoraConfig(r=8))
SFTTrainer(model=model, args=SFTConfig("out"), peft_config=LoraConfig(r=8), train_dataset=data).train()
"""
FLOAT16 = (
    "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nfp16: true\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CFGLINT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def verify(*words: str) -> str:
    found = CliRunner().invoke(main, ["verify", "--environment", "none", *words])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found.output


def test_a_plan_names_the_arms_and_the_detector(folder: Path) -> None:
    (folder / "train.yaml").write_text(FLOAT16)
    told = verify("--plan", "train.yaml")
    assert "fp16-on-bf16-native-model at train.yaml:5: 9 short trainings of a tiny qwen2" in told
    assert "1 of 1 findings can be verified" in told


def test_a_condition_on_calls_of_the_script_is_not_tried(folder: Path) -> None:
    (folder / "train.py").write_text(SCRIPT)
    told = verify("--plan", "--only", "peft-model-with-peft-config", "--target", "trl=0.28.0", "train.py")
    assert "cannot run: depends on calls of the script" in told


def test_more_jobs_take_less_time(folder: Path) -> None:
    (folder / "train.yaml").write_text(FLOAT16)
    seconds = [
        float(
            verify("--plan", "--seeds", "30", "--jobs", jobs, "train.yaml").split("in about ")[1].split()[0]
        )
        for jobs in ("1", "8")
    ]
    assert seconds[0] > 2 * seconds[1]


def test_the_page_says_why_nothing_ran_and_how_to_repeat_it(folder: Path) -> None:
    (folder / "ds.json").write_text(BOTH)
    told = verify(
        "--only", "deepspeed-both-precisions", "--output", "html=page.html", "--seeds", "2", "ds.json"
    )
    page = (folder / "page.html").read_text()
    assert "verdict: could_not_run: " in told
    assert 'class="badge could_not_run"' in page
    assert "cfglint verify --only deepspeed-both-precisions --python" in page
    assert "--seeds 2 --environment none ds.json" in page
