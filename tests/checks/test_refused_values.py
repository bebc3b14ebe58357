"""Values that constructors compare with lists and bounds of their own."""

from __future__ import annotations

import pytest

from cfglint.linting import Options, lint

PINS = {"transformers": "4.57.6", "trl": "0.24.0", "peft": "0.17.1"}


def found(call: str, packages: dict[str, str] | None = None) -> list[str]:
    """What is said of a call in a script, as texts."""
    text = "from peft import AdaLoraConfig, LoraConfig\n"
    text += "from transformers import AwqConfig, BitsAndBytesConfig, FineGrainedFP8Config, GPTQConfig\n"
    text += f"from trl import GRPOConfig\nimport torch\nconfig = {call}\n"
    options = Options(
        stdin=("train.py", text.encode()),
        environment="none",
        target={"packages": packages or PINS, "processes": 1},
        select=("refused-value", "refused-type"),
    )
    return [finding.message for finding in lint(options).report.findings]


@pytest.mark.parametrize(
    "call",
    [
        'BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype="bfp16")',
        "BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=6)",
        "GPTQConfig(bits=5)",
        "GPTQConfig(bits=4, damp_percent=1)",
        "GPTQConfig(bits=4, group_size=0)",
        'GPTQConfig(bits=4, exllama_config={"max_input_len": 2048})',
        'GPTQConfig(bits=4, exllama_config={"version": 3})',
        'AwqConfig(version="gemv_fast")',
        "FineGrainedFP8Config(weight_block_size=[128])",
        "FineGrainedFP8Config(weight_block_size=[0, 128])",
        'LoraConfig(task_type="causal_lm")',
        'LoraConfig(target_parameters="experts.down_proj")',
        'GRPOConfig(output_dir="out", per_device_train_batch_size="8")',
    ],
)
def test_refused(call: str) -> None:
    assert len(found(call)) == 1


@pytest.mark.parametrize(
    "call",
    [
        "BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.half, bnb_4bit_quant_storage=torch.half)",
        "BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=6.0, llm_int8_skip_modules=None)",
        'GPTQConfig(bits=4, group_size=-1, dataset=["a text"], exllama_config={"version": 2})',
        'AwqConfig(version="GEMV")',
        "FineGrainedFP8Config(weight_block_size=[128, 128])",
        'LoraConfig(task_type="CAUSAL_LM", eva_config={"rho": 0.5})',
    ],
)
def test_taken(call: str) -> None:
    assert found(call) == []


def test_by_release() -> None:
    newer = {"transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2"}
    assert found('AwqConfig(version="gemv_fast")', newer) == []
    (said,) = found('LoraConfig(eva_config={"rho": 0.5})', newer)
    assert "eva_config.rho must be at least 1.0" in said
    assert found('LoraConfig(task_type="causal_lm")', {"peft": "0.13.2"}) == []
