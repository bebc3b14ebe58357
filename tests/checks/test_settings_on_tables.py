"""Keys and values against the tables of each release: who reads them, at which release, and how bad it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfglint.checks.seen_releases import allows
from cfglint.linting import Options, lint
from cfglint.model.finding import Finding

LLAMAFACTORY = "model_name_or_path: a/b\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\n"
CALL = "from transformers import TrainingArguments\nargs = TrainingArguments(output_dir='out', {})\n"


def found(folder: Path, rule: str, files: dict[str, str]) -> list[Finding]:
    for name, text in files.items():
        (folder / name).write_text(text)
    options = Options(paths=(str(folder),), environment="none", select=(rule,))
    return list(lint(options).report.findings)


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("transformers==4.57.6", "error"),
        ("transformers>=4.51", "error"),
        ("transformers>=4.40", "warning"),
        ("accelerate", "info"),
        ("transformers==4.50.3", ""),
        ("transformers==4.30.0", ""),
        ("transformers<4.51", ""),
    ],
)
def test_a_gone_setting_is_as_bad_as_the_versions_are_sure(tmp_path: Path, said: str, severity: str) -> None:
    files = {"requirements.txt": said + "\n", "train.py": CALL.format("evaluation_strategy='no'")}
    assert [finding.severity for finding in found(tmp_path, "removed-setting", files)] == (
        [severity] if severity else []
    )


def test_the_demands_of_a_pinned_framework_decide_where_nothing_is_said(tmp_path: Path) -> None:
    """trl 1.16.0 asks for a transformers that has lost evaluation_strategy; trl 0.9.6 does not."""
    files = {"requirements.txt": "trl==1.16.0\n", "train.py": CALL.format("evaluation_strategy='no'")}
    assert [finding.severity for finding in found(tmp_path, "removed-setting", files)] == ["warning"]


def test_a_framework_that_holds_a_library_back_keeps_its_names(tmp_path: Path) -> None:
    """The newest LLaMA-Factory allows no transformers without warmup_ratio."""
    assert not found(tmp_path, "removed-setting", {"train.yaml": LLAMAFACTORY + "warmup_ratio: 0.1\n"})


def test_a_setting_from_a_later_release(tmp_path: Path) -> None:
    files = {"requirements.txt": "transformers==4.37.2\n", "train.py": CALL.format("eval_strategy='no'")}
    (finding,) = found(tmp_path, "removed-setting", files)
    assert "only since transformers 4.41.0" in finding.message and finding.severity == "error"


@pytest.mark.parametrize(("said", "fires"), [("transformers==4.57.6", False), ("transformers==5.0.0", True)])
def test_a_name_that_a_decorator_still_takes(tmp_path: Path, said: str, fires: bool) -> None:
    script = "from transformers import Trainer\ntrainer = Trainer(model=None, tokenizer=None, args=None)\n"
    files = {"requirements.txt": said + "\n", "train.py": script}
    assert bool(found(tmp_path, "removed-setting", files)) is fires


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("trl==0.24.0", "warning"),
        ("trl", "info"),
        ("trl>=0.7", "info"),
        ("trl==0.24.0\ntransformers==4.40.0", ""),
    ],
)
def test_only_a_framework_of_a_said_version_rules_out_old_releases(
    tmp_path: Path, said: str, severity: str
) -> None:
    script = "from trl import SFTConfig\nargs = SFTConfig(output_dir='out', evaluation_strategy='steps')\n"
    findings = found(tmp_path, "removed-setting", {"requirements.txt": said + "\n", "train.py": script})
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_a_version_newer_than_the_tables_may_have_any_name(tmp_path: Path) -> None:
    files = {"requirements.txt": "transformers==99.0.0\n", "train.py": CALL.format("brand_new=1")}
    assert not found(tmp_path, "unknown-setting", files)
    files["requirements.txt"] = "transformers==4.57.6\n"
    assert found(tmp_path, "unknown-setting", files)


def test_a_class_derived_from_arguments_may_have_fields_of_its_own(tmp_path: Path) -> None:
    script = "from transformers import TrainingArguments\nclass Mine(TrainingArguments):\n    extra: int = 1\nargs = Mine(output_dir='out', extra=2)\n"
    assert not found(tmp_path, "unknown-setting", {"train.py": script})


def test_a_plugin_that_is_not_tabled_may_bring_settings(tmp_path: Path) -> None:
    text = "base_model: a/b\nmicro_batch_size: 1\nnum_epochs: 1\nnovel: 1\n"
    assert found(tmp_path, "unknown-setting", {"a.yaml": text})
    (tmp_path / "a.yaml").unlink()
    assert not found(tmp_path, "unknown-setting", {"b.yaml": text + "plugins:\n  - mine.Plugin\n"})


def test_an_alias_and_an_empty_key_are_no_unknown_settings(tmp_path: Path) -> None:
    text = "base_model: a/b\nmicro_batch_size: 1\nnum_epochs: 1\nmodel_type: LlamaForCausalLM\ndebug:\n"
    assert not found(tmp_path, "unknown-setting", {"a.yaml": text})


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("learning_rate: 1e-5", False),
        ('learning_rate: "1e-5"', True),
        ('use_rslora: "true"', True),
        ("use_rslora: true", False),
        ("save_strategy: no", False),
        ("learning_rate: ${oc.env:LR}", False),
        ("lora_target: q_proj,v_proj", False),
    ],
)
def test_types_through_omegaconf(tmp_path: Path, line: str, fires: bool) -> None:
    assert bool(found(tmp_path, "wrong-type", {"train.yaml": LLAMAFACTORY + line + "\n"})) is fires


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("save_strategy: no", True),
        ('save_strategy: "no"', False),
        ("save_steps: null", True),
        ("save_steps: 500", False),
        ('logging_steps: "10"', True),
        ("optim: null", True),
        ("lr_scheduler_kwargs: '{\"min_lr\": '", True),
        ("learning_rate: 1e-5", False),
    ],
)
def test_types_refused_at_once(tmp_path: Path, line: str, fires: bool) -> None:
    pins = {"requirements.txt": "transformers==4.57.6\n", "train.yaml": LLAMAFACTORY + line + "\n"}
    assert bool(found(tmp_path, "refused-type", pins)) is fires


@pytest.mark.parametrize(
    ("said", "line", "severity"),
    [
        ("transformers==4.57.6", "optim='adamw_hf'", "error"),
        ("transformers>=4.40", "optim='adamw_hf'", "warning"),
        ("accelerate", "optim='adamw_hf'", "info"),
        ("transformers==4.40.0", "optim='adamw_hf'", ""),
        ("accelerate", "lr_scheduler_type='cosin'", "error"),
        ("accelerate", "lr_scheduler_type=name", ""),
    ],
)
def test_choices_of_a_release(tmp_path: Path, said: str, line: str, severity: str) -> None:
    files = {"requirements.txt": said + "\n", "train.py": CALL.format(line)}
    assert [finding.severity for finding in found(tmp_path, "value-not-allowed", files)] == (
        [severity] if severity else []
    )


def test_a_merged_mapping_repeats_nothing(tmp_path: Path) -> None:
    text = "base_model: a/b\nmicro_batch_size: 1\nnum_epochs: 1\na: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n"
    assert not found(tmp_path, "duplicate-key", {"a.yaml": text})


@pytest.mark.parametrize(
    ("specifier", "version", "inside"),
    [
        ("<=5.6.0,>=4.55.0,!=4.57.0", "5.6.0", True),
        ("<=5.6.0,>=4.55.0,!=4.57.0", "4.57.0", False),
        ("<=5.6.0", "5.6.1", False),
        ("==4.57.*", "4.57.6", True),
        ("!=4.57.*", "4.57.6", False),
        ("~=4.57.1", "4.57.6", True),
        ("~=4.57.1", "4.58.0", False),
        ("==5.0", "5.0.0", True),
    ],
)
def test_ranges_by_release_numbers(specifier: str, version: str, inside: bool) -> None:
    assert allows(specifier, version) is inside
