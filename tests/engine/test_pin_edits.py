"""The edits of a fix that moves pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfglint.linting import Options, lint

SCRIPT = """
from trl import SFTConfig, SFTTrainer
from unsloth import FastModel
model, tokenizer = FastModel.from_pretrained("unsloth/gemma-3-4b-it", load_in_4bit=True)
trainer = SFTTrainer(model=model, args=SFTConfig("out"), train_dataset=None)
trainer.train()
"""


def test_of_two_pins_the_one_that_is_right_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "requirements.txt").write_text("unsloth==2025.3.17\nunsloth_zoo==2025.3.17\n")
    monkeypatch.chdir(tmp_path)
    report = lint(Options(environment="none", select=("unsloth-gemma3-nan-gradients",))).report
    (finding,) = report.findings
    assert finding.fix is not None
    assert [(edit.source.slice(edit.span), edit.text) for edit in finding.fix.edits] == [
        ("==2025.3.17", "==2025.3.18")
    ]


def test_a_package_is_found_by_either_spelling_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "requirements.txt").write_text("unsloth_zoo==2025.3.15\n")
    monkeypatch.chdir(tmp_path)
    report = lint(Options(environment="none", select=("unsloth-gemma3-nan-gradients",))).report
    assert [finding.location.source.path for finding in report.findings] == ["requirements.txt"]
