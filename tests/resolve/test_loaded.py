"""Settings that a script takes out of YAML and JSON files: values, places, and what stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cfglint.engine.facts import Facts
from cfglint.engine.ruleset import load_rules
from cfglint.linting import Options, lint
from cfglint.model.run import Run
from cfglint.model.value import KNOWN, UNKNOWN
from cfglint.resolve.project import Project
from cfglint.resolve.runs import build_runs

RULES = load_rules()
Build = Callable[[dict[str, str]], "list[Facts]"]

SCRIPT = """\
import json, sys, yaml
from omegaconf import OmegaConf
from peft import LoraConfig
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
{}
Trainer(model=model, args=args).train()
"""
CONFIG = """\
model: Qwen/Qwen2.5-7B
lr: 2e-5
training:
  output_dir: out
  learning_rate: 1.0e-4
  bf16: true
lora: {r: 16, targets: [q_proj, v_proj]}
"""


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def build_from(files: dict[str, str]) -> list[Facts]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        project = Project(RULES.vocabulary, str(tmp_path), str(tmp_path))
        named = [project.open(str(tmp_path / name)) for name in sorted(files)]
        return [
            Facts(run, RULES.vocabulary.derived, RULES.table)
            for run in _training(build_runs(project, named, {}, "none"))
        ]

    return build_from


def _training(runs: list[Run]) -> list[Run]:
    return [run for run in runs if "make_trainer" in run.steps]


def test_an_unpacked_section_stands_in_its_file(build: Build) -> None:
    body = "c = yaml.safe_load(open('configs/a.yaml'))\nargs = TrainingArguments(**c['training'])"
    (run,) = build({"train.py": SCRIPT.format(body), "configs/a.yaml": CONFIG})
    value = run.value("training.learning_rate")
    assert (value.state, value.value, value.weak) == (KNOWN, 1.0e-4, False)
    assert value.place is not None
    assert value.place.source.path == "configs/a.yaml"
    assert value.place.source.slice(value.place.span) == "learning_rate: 1.0e-4"
    assert run.value("training.fp16").state == KNOWN, "all arguments are known, so that defaults hold"
    assert {source.path for source in run.run.sources} == {"train.py", "configs/a.yaml"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("args = TrainingArguments('out', learning_rate=c['training']['learning_rate'])", 1.0e-4),
        ("args = TrainingArguments('out', learning_rate=float(c['lr']))", 2e-5),
        ("args = TrainingArguments('out', learning_rate=c.get('missing', 0.5))", 0.5),
        ("args = TrainingArguments('out', learning_rate=c['lr'])", "2e-5"),
    ],
)
def test_single_values(build: Build, body: str, value: object) -> None:
    body = "c = yaml.safe_load(open('a.yaml'))\n" + body
    (run,) = build({"train.py": SCRIPT.format(body), "a.yaml": CONFIG})
    assert run.value("training.learning_rate").value == value


def test_omegaconf_reads_numbers_and_attributes(build: Build) -> None:
    body = "c = OmegaConf.load('a.yaml')\nargs = TrainingArguments('out', learning_rate=c.lr)"
    (run,) = build({"train.py": SCRIPT.format(body), "a.yaml": CONFIG})
    assert run.value("training.learning_rate").value == 2e-5


def test_positions_lists_and_json(build: Build) -> None:
    body = (
        "with open('a.json') as f:\n    c = json.load(f)\n"
        "model = AutoModelForCausalLM.from_pretrained(c['model'])\n"
        "lora = LoraConfig(target_modules=c['lora']['targets'])\nargs = TrainingArguments('out')"
    )
    text = '{"model": "Qwen/Qwen2.5-7B", "lora": {"targets": ["q_proj"]}, "lora_r": 1}'
    (run,) = build({"train.py": SCRIPT.format(body), "a.json": text})
    assert run.value("model.family").value == "qwen2_5"
    assert run.value("lora.target_modules").value == ["q_proj"]
    assert run.value("steps.load_model.pretrained_model_name_or_path").value == "Qwen/Qwen2.5-7B"


@pytest.mark.parametrize(
    "body",
    [
        "c = yaml.safe_load(open('b.yaml'))",
        "c = yaml.safe_load(open('../a.yaml'))",
        "c = yaml.safe_load(open('a.yaml'))['gone']",
        "c = yaml.safe_load(open(sys.argv[1]))",
        "c = yaml.safe_load(open('a.yaml'))\nc['training'] = read()",
    ],
)
def test_what_cannot_be_looked_up_stays_unknown(build: Build, tmp_path: Path, body: str) -> None:
    (tmp_path.parent / "a.yaml").write_text(CONFIG)
    body += "\nargs = TrainingArguments(**c['training'])"
    (run,) = build({"train.py": SCRIPT.format(body), "sub/a.yaml" if "../" in body else "a.yaml": CONFIG})
    assert run.value("training.learning_rate").state == UNKNOWN
    assert run.value("training.fp16").state == UNKNOWN


def test_a_path_that_is_a_default_makes_replaceable_values(build: Build) -> None:
    body = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--c', default='a.yaml')\n"
        "o = p.parse_args()\nc = yaml.safe_load(open(o.c))\nargs = TrainingArguments(**c['training'])"
    )
    files = {"train.py": SCRIPT.format(body), "a.yaml": CONFIG}
    (run,) = build(files)
    assert run.value("training.learning_rate").weak
    files["b.yaml"] = CONFIG.replace("1.0e-4", "3.0e-4")
    files["run.sh"] = "torchrun --nproc_per_node 2 train.py --c b.yaml\n"
    (run,) = build(files)
    value = run.value("training.learning_rate")
    assert (value.value, value.weak) == (3.0e-4, False)


def test_a_config_that_the_command_line_gives_is_told_by_the_keys_that_the_script_asks_for(
    build: Build,
) -> None:
    body = (
        "c = yaml.safe_load(open(sys.argv[1]))\nmodel = AutoModelForCausalLM.from_pretrained(c['model'])\n"
        "lora = LoraConfig(r=c['lora']['r'])\nargs = TrainingArguments(**c['training'])"
    )
    other = "model: a\ntraining: {learning_rate: 1.0}\n"
    second = CONFIG.replace("1.0e-4", "3.0e-4")
    files = {"src/train.py": SCRIPT.format(body), "a.yaml": CONFIG, "b.yaml": second, "other.yaml": other}
    runs = build(files)
    assert [run.value("training.learning_rate").value for run in runs] == [1.0e-4, 3.0e-4]
    assert [run.value("lora.r").value for run in runs] == [16, 16]


def test_a_config_named_alone_brings_the_script_that_reads_it(tmp_path: Path) -> None:
    body = "c = yaml.safe_load(open('a.yaml'))\nargs = TrainingArguments(**c['training'])"
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT.format(body))
    (tmp_path / "a.yaml").write_text(CONFIG.replace("bf16: true", "bf16: true\n  fp16: true"))
    report = lint(Options((str(tmp_path / "a.yaml"),), environment="none")).report
    assert [finding.rule for finding in report.findings] == ["both-half-precisions"]


@pytest.mark.parametrize(
    ("call", "edits"),
    [("**c['t']", 1), ("'out', torch_empty_cache_steps=c['t']['torch_empty_cache_steps']", 0)],
)
def test_a_finding_stands_in_the_file_and_no_fix_takes_a_key_away_that_is_asked_for(
    tmp_path: Path, call: str, edits: int
) -> None:
    body = f"c = yaml.safe_load(open('a.yaml'))\nargs = TrainingArguments({call})"
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT.format(body))
    (tmp_path / "a.yaml").write_text("t:\n  torch_empty_cache_steps: 0\n  output_dir: out\n")
    asked = Options((str(tmp_path),), environment="none", select=("empty-cache-steps-not-positive",))
    (finding,) = lint(asked).report.findings
    assert finding.location.source.path.endswith("a.yaml")
    assert finding.location.source.slice(finding.location.span) == "torch_empty_cache_steps: 0"
    assert len(finding.fix.edits if finding.fix else ()) == edits
