"""What linting a plain YAML file may load: nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FORBIDDEN = {
    "pydantic",
    "torch",
    "transformers",
    "packaging",
    "numpy",
    "asyncio",
    "multiprocessing",
    "importlib.metadata",
    "logging",
    "cfglint.authoring",
    "click",
}

TRAIN = """\
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
stage: sft
finetuning_type: lora
template: qwen
learning_rate: 1.0e-4
fp16: true
"""

PROBE = """
import sys, json
from cfglint.cli import run
try:
    run()
except SystemExit:
    pass
print("LOADED " + json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("settings", ["", '[tool.cfglint]\nfail-on = "error"\n'], ids=["bare", "configured"])
def test_linting_yaml_loads_nothing_heavy(
    tmp_path: Path, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.yaml").write_text(TRAIN)
    if settings:
        (tmp_path / "pyproject.toml").write_text(settings)
    command = [sys.executable, "-c", PROBE, "train.yaml"]
    subprocess.run(
        command, cwd=tmp_path, capture_output=True, check=False
    )  # the first run may compile the rules
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    assert "fp16-on-bf16-native-model" in done.stdout, done.stderr
    loaded = set(json.loads(line[len("LOADED ") :]))
    assert not loaded & FORBIDDEN
