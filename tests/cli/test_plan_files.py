"""``--plan`` as users run it: shown, written, run cell by cell, joined. No torch: a stand-in answers for the worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cfglint.cli.group import main
from cfglint.engine.ruleset import load_rules
from cfglint.verify import cell_runs
from cfglint.verify.spec import AS_CONFIGURED, ArmResult, Experiment

FLOAT16 = (
    "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nfp16: true\n"
)
GEMMA = """\
from transformers import Gemma3ForConditionalGeneration, Trainer, TrainingArguments
model = Gemma3ForConditionalGeneration.from_pretrained("google/gemma-3-4b-it")
Trainer(model=model, args=TrainingArguments("out", gradient_accumulation_steps=8), train_dataset=data).train()
"""
BOTH = '{"zero_optimization": {"stage": 1},\n "fp16": {"enabled": true},\n "bf16": {"enabled": true}}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.yaml").write_text(FLOAT16)
    (tmp_path / "ds.json").write_text(BOTH)

    def run(experiments: list[Experiment], *_rest: object) -> list[list[ArmResult]]:
        return [
            [
                ArmResult(
                    arm.name,
                    "only",
                    seed,
                    "finished",
                    losses=[5.0, 4.0],
                    step_losses=[float("nan")] * 2 if arm.name == AS_CONFIGURED else [5.0, 4.0],
                    logged=[{"loss": 0.0}] * 2 if arm.name == AS_CONFIGURED else [{"loss": 5.0}] * 2,
                    dtypes={"linear": ["float16"]},
                )
                for arm in each.arms
                for seed in each.seeds
            ]
            for each in experiments
        ]

    monkeypatch.setattr(cell_runs, "training_environment", lambda python: {"torch": "2.9"})
    monkeypatch.setattr(cell_runs, "run", run)
    return tmp_path


def cfglint(*words: str) -> Result:
    found = CliRunner().invoke(main, words, env={"CFGLINT_ENVIRONMENT": "none", "COLUMNS": "90"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found


def reason_of(rule: str) -> str:
    return str(load_rules().cold[rule]["verify"]["not_verifiable"])


def test_a_plan_as_text(folder: Path) -> None:
    both = ("fp16-on-bf16-native-model", "deepspeed-both-precisions")
    told = cfglint("--verify", "--plan", *(word for rule in both for word in ("--only", rule)), ".").output
    assert told == (
        "cell 1: fp16-on-bf16-native-model at train.yaml:5: 9 short trainings of a tiny qwen2 "
        "(as_configured, as_fixed, healthy), detector zero_loss\n"
        f"no cell: deepspeed-both-precisions at ds.json:2: cannot run: {reason_of('deepspeed-both-precisions')}\n"
        "1 of 2 findings can be verified, in about 11 s\n"
    )


def test_a_plan_that_is_planned_again_is_no_config(folder: Path) -> None:
    cfglint("verify", "--plan", "--output", "json=plan.json", "train.yaml")
    told = cfglint("verify", "--plan", "plan.json").output
    assert told == "nothing to verify: no findings (a written plan runs with --cell N)\n"


def test_a_plan_as_json_is_what_its_cells_need(folder: Path) -> None:
    cfglint("verify", "--plan", "--output", "json=plan.json", ".")
    record = json.loads((folder / "plan.json").read_text())
    assert record == json.loads(cfglint("verify", "--plan", "-f", "json", ".").stdout)
    (folder / "train.yaml").unlink()
    assert cfglint("verify", "--plan", "plan.json", "--cell", "1").exit_code == 0


def test_from_plan_to_report(folder: Path) -> None:
    cfglint("--verify", "--plan", "-o", "json=plan.json", ".")
    before = cfglint("--verify", "--plan", "plan.json", "--collect")
    assert before.exit_code == 2
    assert "no result of 1 of 1 cells: 1" in before.output
    ran = cfglint("--verify", "--plan", "plan.json", "--cell", "1")
    assert "cell 1: fp16-on-bf16-native-model at train.yaml:5: confirmed" in ran.output
    assert "wrote plan.cells/1.json" in ran.output
    joined = cfglint(
        "verify", "--plan", "plan.json", "--collect", "-o", "json=all.json", "-o", "html=all.html"
    )
    assert joined.exit_code == 1
    assert "fp16-on-bf16-native-model at train.yaml:5: confirmed" in joined.output
    assert "as configured    ×× ×× ××  never finite" in joined.output
    reason = reason_of("deepspeed-both-precisions")
    assert f"deepspeed-both-precisions at ds.json:2: could_not_run: {reason}" in joined.output
    verdicts = {f["rule"]: f["verdict"] for f in json.loads((folder / "all.json").read_text())["findings"]}
    assert verdicts["fp16-on-bf16-native-model"]["outcome"] == "confirmed"
    assert verdicts["deepspeed-both-precisions"]["outcome"] == "could_not_run"
    assert 'class="badge confirmed"' in (folder / "all.html").read_text()


def test_a_finding_about_releases_is_planned_between_them(folder: Path) -> None:
    (folder / "requirements.txt").write_text("transformers==4.51.3\npeft==0.15.2\naccelerate==1.6.0\n")
    (folder / "train.py").write_text(GEMMA)
    words = ("verify", "--plan", "--only", "gradient-accumulation-multiplies-loss", ".")
    assert "cell 2" not in cfglint(*words).output
    first, second, *_ = cfglint(*words, "--versions").output.splitlines()
    assert "(as_configured) in transformers 4.51.3, accelerate 1.6.0, detector loss_scaled" in first
    assert "(as_fixed, healthy) in transformers 4.57.1, accelerate 1.6.0, detector loss_scaled" in second


def test_a_cell_as_json(folder: Path) -> None:
    cfglint("verify", "--plan", "-o", "json=plan.json", "train.yaml")
    told = json.loads(cfglint("verify", "--plan", "plan.json", "--cell", "1", "-f", "json").stdout)
    assert (told["cell"], told["finding"]["rule"], told["verdict"]["outcome"]) == (
        1,
        "fp16-on-bf16-native-model",
        "confirmed",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan.json", "--cell", "1"), "--cell belongs to a written plan"),
        (("plan.json", "--collect"), "--collect belongs to a written plan"),
        (("--plan", "--cell", "1"), "--plan --cell takes one plan file"),
        (("--plan", "a.json", "b.json", "--collect"), "--plan --collect takes one plan file"),
        (("--plan", "plan.json", "--cell", "1", "--collect"), "one after the other"),
        (("--plan", "plan.json", "--cell", "1", "--seeds", "5"), "--seeds cannot be said with --cell"),
        (("--plan", "plan.json", "--cell", "1", "-o", "json=x"), "cannot be said with --cell"),
        (("--plan", "plan.json", "--collect", "--python", "py"), "--python cannot be said with --collect"),
        (("--plan", "plan.json", "--cell", "2"), "plan.json: no cell 2: it has cells 1 to 1"),
        (("--plan", "nowhere.json", "--cell", "1"), "nowhere.json: no such file"),
        (("--plan", "train.yaml", "--cell", "1"), "train.yaml: no cfglint plan"),
        (("--plan", "ds.json", "--collect"), 'expected "kind": "cfglint plan"'),
        (("--plan", "plan.json", "--collect", "-f", "sarif"), "as text or json or html, not as sarif"),
        (("--plan", "train.yaml", "-o", "html=page.html"), "a plan is shown as text or json, not as html"),
    ],
)
def test_wrong_calls_are_told_what_is_right(folder: Path, words: tuple[str, ...], told: str) -> None:
    cfglint("verify", "--plan", "-o", "json=plan.json", "train.yaml")
    done = cfglint("verify", *words)
    assert done.exit_code == 2, done.output
    assert told in " ".join(done.output.split())
